import type { Backlog, Ledger, Point } from './ledger.ts';
import { type Answer, pointsBody } from './prometheus.ts';

const BATCH = 500;
const BACKOFF_FIRST_MS = 100;
const BACKOFF_MAX_MS = 5000;
const RETRY_AFTER_MAX_MS = 30_000;

export interface OutboxOptions {
  readonly ledger: Ledger;
  /** Names the Prometheus replica in the ledger and in metrics. */
  readonly replica: string;
  /** Must not reject. */
  readonly write: (body: string, signal: AbortSignal) => Promise<Answer>;
  /** A point was refused for good. */
  readonly onRefused?: () => void;
  /** The replica went from accepting to not accepting (with the status, 0 for no answer), or back. */
  readonly onState?: (state: { readonly accepting: boolean; readonly status: number }) => void;
  /** A cursor could not be stored, or points not be read. */
  readonly onStorageError?: (error: unknown) => void;
}

/**
 * Carries the ledger's points to one Prometheus, in order of arrival and one request at a time, until it has accepted each. A
 * point may be sent more than once (an answer that got lost, a crash before the cursor was stored); it is the same
 * series, time and value, which Prometheus keeps once.
 */
export class Outbox {
  readonly #options: Required<OutboxOptions>;
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;
  /** Ahead of the stored one while the disk refuses writes, so that points still go out. */
  #cursor: number;
  #refused: number[] = [];
  #rewindTo: number | undefined;
  #accepting = true;
  #stopping = false;
  #wake: () => void = () => {};

  constructor(options: OutboxOptions) {
    this.#options = { onRefused: () => {}, onState: () => {}, onStorageError: () => {}, ...options };
    this.#cursor = options.ledger.cursor(options.replica);
    this.#done = this.#run();
  }

  get replica(): string {
    return this.#options.replica;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get backlog(): Backlog {
    return this.#options.ledger.backlog(this.#cursor, this.replica);
  }

  /** There are new points. Does nothing while the outbox waits for a replica that did not answer. */
  wake(): void {
    this.#wake();
  }

  /** Sends everything after `cursor` once more, as soon as the request in flight is settled. */
  rewind(cursor: number): void {
    this.#rewindTo = Math.min(cursor, this.#rewindTo ?? cursor);
    this.wake();
  }

  /** Sends what waits, without repeating a request that fails, and gives up after `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    this.#wake();
    this.#interruptPause();
    const deadline = setTimeout(() => this.#abort.abort(), withinMs);
    await this.#done;
    clearTimeout(deadline);
  }

  #interruptPause: () => void = () => {};

  async #run(): Promise<void> {
    while (true) {
      let points: Point[];
      this.#applyRewind();
      try {
        points = this.#options.ledger.pointsAfter(this.#cursor, this.replica, BATCH);
      } catch (error) {
        this.#options.onStorageError(error);
        if (this.#stopping) return;
        await this.#pause(BACKOFF_MAX_MS);
        continue;
      }
      if (points.length > 0) {
        if (!(await this.#deliver(points))) return;
      } else if (this.#stopping) return;
      else await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Resolves with true when every point is settled, and with false when it gave up because of stop(). */
  async #deliver(points: readonly Point[]): Promise<boolean> {
    const body = pointsBody(points);
    for (let failures = 0; ; failures++) {
      const { status, retryAfter = 0 } = await this.#options.write(body, this.#abort.signal);
      if (status >= 200 && status < 300) {
        this.#state(true, status);
        this.#settle(points, false);
        return true;
      }
      // One bad point makes Prometheus refuse all of a request, so halves are sent until each bad one stands alone.
      if ((status === 400 || status === 413) && points.length > 1) {
        const middle = points.length >> 1;
        return (await this.#deliver(points.slice(0, middle))) && (await this.#deliver(points.slice(middle)));
      }
      if (status === 400) {
        this.#settle(points, true);
        this.#options.onRefused();
        return true;
      }
      // Any other 4xx is about the request and not about a point (the OTLP receiver is off, a proxy wants a password):
      // dropping points would not help, and the backlog raises the alert.
      this.#state(false, status);
      if (this.#stopping) return false;
      const backoff = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(failures, 10));
      await this.#pause(Math.max(backoff, Math.min(retryAfter, RETRY_AFTER_MAX_MS)));
    }
  }

  #settle(points: readonly Point[], refused: boolean): void {
    this.#cursor = points.at(-1)?.seq ?? this.#cursor;
    if (refused) this.#refused.push(...points.map(({ seq }) => seq));
    try {
      this.#options.ledger.settle(this.replica, this.#cursor, this.#refused);
      this.#refused = [];
    } catch (error) {
      this.#options.onStorageError(error); // the next one stores it; after a crash the points are sent again
    }
  }

  #applyRewind(): void {
    if (this.#rewindTo === undefined) return;
    this.#cursor = Math.min(this.#rewindTo, this.#cursor);
    this.#rewindTo = undefined;
    try {
      this.#options.ledger.rewind(this.replica, this.#cursor);
    } catch (error) {
      this.#options.onStorageError(error); // the points go out all the same; after a crash the next check finds them missing
    }
  }

  #state(accepting: boolean, status: number): void {
    if (accepting !== this.#accepting) this.#options.onState({ accepting, status });
    this.#accepting = accepting;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#interruptPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
