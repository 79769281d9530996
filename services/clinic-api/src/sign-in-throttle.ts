import { createHash } from 'node:crypto';

export interface SignInThrottleOptions {
  /** Failures of one account within the window that are tolerated. */
  readonly tolerated?: number;
  /** Milliseconds. */
  readonly window?: number;
  /** Accounts remembered; the one that failed longest ago is forgotten first. */
  readonly accounts?: number;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Failures {
  readonly since: number;
  count: number;
}

/** Slows down guessing the password of one account. Keeps hashes, in bounded memory. */
export class SignInThrottle {
  readonly #options: Required<SignInThrottleOptions>;
  readonly #failures = new Map<string, Failures>();

  constructor(options: SignInThrottleOptions = {}) {
    this.#options = { tolerated: 10, window: 300_000, accounts: 10_000, now: () => performance.now(), ...options };
  }

  allows(email: string): boolean {
    return (this.#of(email)?.count ?? 0) < this.#options.tolerated;
  }

  failed(email: string): void {
    const failures = this.#of(email) ?? { since: this.#options.now(), count: 0 };
    failures.count++;
    const key = keyOf(email);
    this.#failures.delete(key);
    this.#failures.set(key, failures);
    if (this.#failures.size > this.#options.accounts) this.#failures.delete(this.#failures.keys().next().value!);
  }

  succeeded(email: string): void {
    this.#failures.delete(keyOf(email));
  }

  #of(email: string): Failures | undefined {
    const failures = this.#failures.get(keyOf(email));
    return failures && this.#options.now() - failures.since < this.#options.window ? failures : undefined;
  }
}

const keyOf = (email: string) => createHash('sha256').update(email).digest('base64');
