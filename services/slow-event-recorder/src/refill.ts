import type { Ledger } from './ledger.ts';
import type { Outbox } from './outbox.ts';
import type { Prometheus } from './prometheus.ts';

/** The comparison looks this far back, so that what is just on its way is not taken for lost. */
const SETTLED_MS = 30_000;

export interface RefillOptions {
  readonly ledger: Ledger;
  readonly outbox: Outbox;
  readonly prometheus: Prometheus;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Compares what one Prometheus accepted with what it still has, and has the window written again when it has less. An accepted point can
 * be lost: the disk of Prometheus was replaced, its last writes did not survive a crash, or its commit failed, to which its OTLP
 * endpoint answers 200 all the same (Prometheus 3.13, write_otlp_handler.go: the deferred commit's error is not returned).
 */
export class Refill {
  readonly #options: RefillOptions;
  #justRefilled = false;

  constructor(options: RefillOptions) {
    this.#options = options;
  }

  /**
   * Resolves with true when points are written again. The check after a refill does nothing, so that of checks every 30 s at
   * most one a minute refills. Rejects when Prometheus or the database does not answer.
   */
  async check(): Promise<boolean> {
    if (this.#justRefilled) {
      this.#justRefilled = false;
      return false;
    }
    const { ledger, outbox, prometheus, now } = this.#options;
    const at = now() - SETTLED_MS;
    // The ledger first: what is accepted while Prometheus counts can only make its count larger.
    const accepted = ledger.accepted(outbox.replica, outbox.cursor, at);
    if (accepted.size === 0) return false;
    const kept = await prometheus.countPoints(at);
    this.#justRefilled = [...accepted].some(([metric, count]) => (kept.get(metric) ?? 0) < count);
    if (this.#justRefilled) outbox.rewind(ledger.beforeWindow());
    return this.#justRefilled;
  }
}
