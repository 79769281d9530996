import type { Send } from './otlp.ts';

export interface DeliveryOptions {
  readonly send: Send;
  /** What makes comma-separated records a request: the text before them and after them. */
  readonly envelope: readonly [before: string, after: string];
  /** Records held at most while nobody takes them; then the newest are refused and counted. */
  readonly capacity: number;
  /** Share of the capacity that one key may hold, so that a noisy one cannot starve the others. */
  readonly capacityPerKey?: number;
  /** Milliseconds that the first record after a quiet time waits for others; 0 sends it in the same turn of the event loop. */
  readonly delay?: number;
  /** Milliseconds between the starts of two requests, save when a whole request is waiting. */
  readonly interval: number;
  readonly setTimer?: (task: () => void, ms: number) => { unref(): unknown };
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

interface Entry {
  readonly key: string;
  readonly record: string;
}

const BATCH = 256;
const BACKOFF_FIRST = 200;
const BACKOFF_MAX = 5000;
const RETRY_AFTER_MAX = 30_000;

/** Carries records to the Collector in order, one request at a time, again and again until they are taken. */
export class Delivery {
  readonly #options: Required<DeliveryOptions>;
  readonly #held = new Map<string, number>();
  #queue: Entry[] = [];
  #busy = false;
  /** Changes when a wait is over or no longer wanted. */
  #wait: object | undefined;
  #flushing = false;
  #failures = 0;
  #lastSend = -Infinity;
  #batch = BATCH;
  #idle: (() => void)[] = [];
  /** Records by outcome: `dropped` found the queue full, `refused` the Collector would not have. `retried` counts requests. */
  readonly counters = { recorded: 0, delivered: 0, dropped: 0, refused: 0, retried: 0 };

  constructor(options: DeliveryOptions) {
    this.#options = {
      capacityPerKey: options.capacity,
      delay: 0,
      setTimer: (task, ms) => setTimeout(task, ms),
      now: () => performance.now(),
      ...options,
    };
  }

  get pending(): number {
    return this.#queue.length;
  }

  /** Whether the queue is full. Counts a record as dropped then, so that the caller need not write it at all. */
  refuses(): boolean {
    if (this.#queue.length < this.#options.capacity) return false;
    this.counters.recorded++;
    this.counters.dropped++;
    return true;
  }

  /** Never throws, never waits. `record` is JSON. */
  add(record: string, key = ''): void {
    this.counters.recorded++;
    const { capacity, capacityPerKey, delay } = this.#options;
    const held = this.#held.get(key) ?? 0;
    if (this.#queue.length >= capacity || held >= capacityPerKey) {
      this.counters.dropped++;
      return;
    }
    this.#held.set(key, held + 1);
    this.#queue.push({ key, record });
    if (this.#queue.length === 1 && delay > 0 && !this.#busy && !this.#wait && !this.#flushing) this.#pause(delay);
    else this.#pump();
  }

  /** Sends at once. Resolves when all is delivered, or after `ms`, with the number of records that are left. */
  async flush(ms: number): Promise<number> {
    if (this.#queue.length > 0) {
      this.#flushing = true;
      this.#wait = undefined;
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
        this.#options.setTimer(resolve, ms);
        this.#pump();
      });
      this.#flushing = false;
    }
    return this.#queue.length;
  }

  #pump(): void {
    if (this.#busy || this.#queue.length === 0) return;
    if (this.#wait && !(this.#failures === 0 && this.#queue.length >= BATCH)) return;
    this.#wait = undefined;
    const { now, interval, envelope, send } = this.#options;
    const wait = this.#lastSend + interval - now();
    // What fills a request need not wait for more; otherwise a busy service would drop what the Collector could take.
    if (wait > 0 && !this.#flushing && this.#queue.length < this.#batch) {
      this.#pause(wait);
      return;
    }
    this.#busy = true;
    this.#lastSend = now();
    const batch = this.#queue.slice(0, this.#batch);
    send(`${envelope[0]}${batch.map(({ record }) => record).join()}${envelope[1]}`).then(
      (answer) => this.#settle(batch, answer.status, answer.retryAfter, answer.refused),
      () => this.#settle(batch, 0),
    );
  }

  #settle(batch: readonly Entry[], status: number, retryAfter = 0, partlyRefused = 0): void {
    this.#busy = false;
    if (status >= 200 && status < 300) {
      const refused = Math.min(batch.length, partlyRefused);
      this.counters.delivered += batch.length - refused;
      this.counters.refused += refused;
      this.#release(batch);
      this.#batch = BATCH;
    } else if (status === 0 || status === 408 || status === 429 || status >= 500) {
      this.counters.retried++;
      const backoff = Math.min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** Math.min(this.#failures++, 10));
      this.#pause(Math.min(RETRY_AFTER_MAX, Math.max(backoff * (0.75 + Math.random() / 2), retryAfter)));
      return;
    } else if (batch.length > 1) {
      this.#batch = 1; // one bad record must not take the others with it
    } else {
      this.counters.refused++;
      this.#release(batch);
    }
    this.#failures = 0;
    if (this.#queue.length === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.#pump();
  }

  #release(batch: readonly Entry[]): void {
    this.#queue.splice(0, batch.length);
    for (const { key } of batch) this.#held.set(key, (this.#held.get(key) ?? 1) - 1);
  }

  #pause(ms: number): void {
    const wait = {};
    this.#wait = wait;
    this.#options
      .setTimer(() => {
        if (this.#wait !== wait) return;
        this.#wait = undefined;
        this.#pump();
      }, ms)
      .unref();
  }
}
