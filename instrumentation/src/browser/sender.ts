/**
 * Queue and delivery: bounded memory, one retry chain, and no more than one batch on its way except while the page is being
 * hidden. Items are JSON text of listed words and numbers, so that characters are bytes. Delivery is at least once.
 */
export interface SenderOptions {
  readonly url: string;
  /** The page load's id, and its counter of batches. */
  readonly id: string;
  readonly nextSeq: () => number;
  readonly fetch: typeof fetch;
  /** How long an ordinary item may wait, ms. */
  readonly flushMs?: number;
}

interface QueuedBatch {
  readonly id: string;
  readonly seq: number;
  readonly drop: number;
  readonly items: readonly string[];
  readonly bytes: number;
  inFlight: boolean;
}

const STORED = 'telemetry';
const MAX_PENDING = 6_000;
const MAX_BATCHES = 32;
const MAX_BATCH_ITEMS = 200;
const MAX_BATCH_BYTES = 50 * 1024;
const MAX_STORED_BYTES = 512 * 1024;
/** The browser allows 64 KiB over all requests with keepalive. */
const KEEPALIVE_BYTES = 60 * 1024;
const HEAD_BYTES = 160;
const MAX_RETRY_MS = 30_000;

export class Sender {
  readonly #url: string;
  readonly #id: string;
  readonly #nextSeq: () => number;
  readonly #fetch: typeof fetch;
  readonly #flushMs: number;
  #pending: string[] = [];
  #batches: QueuedBatch[] = [];
  #dropped = 0;
  #failures = 0;
  #urgent = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ url, id, nextSeq, fetch, flushMs = 2_000 }: SenderOptions) {
    this.#url = url;
    this.#id = id;
    this.#nextSeq = nextSeq;
    this.#fetch = fetch;
    this.#flushMs = flushMs;
    this.#restore();
    // On `window`, after all that listens on `document` has recorded its last values.
    addEventListener('visibilitychange', () => document.hidden && this.#leave(false));
    addEventListener('pagehide', () => this.#leave(true));
    addEventListener('pageshow', ({ persisted }) => {
      if (!persisted) return;
      this.#eraseStored();
      this.#wake(this.#flushMs);
    });
    addEventListener('online', () => this.#wake(Math.random() * 1_000));
    if (this.#batches.length > 0) this.#wake(this.#flushMs);
  }

  /** An urgent item is sent at once, unless the server is failing: then it waits for the next attempt like all others. */
  push(item: string, urgent = false): void {
    this.#pending.push(item);
    if (this.#pending.length > MAX_PENDING) {
      this.#pending.shift();
      this.#dropped++;
    }
    this.#urgent ||= urgent;
    if (urgent && this.#failures === 0 && !this.#busy()) this.#wake(0);
    else if (this.#timer === undefined && !this.#busy()) this.#wake(this.#flushMs);
  }

  /** Counts items that were lost before they came here. */
  lost(items: number): void {
    this.#dropped += items;
  }

  /** Hands over what waits once more, then forgets all of it. */
  clear(): void {
    this.#leave(false);
    this.#pending = [];
    this.#batches = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#eraseStored();
  }

  #busy(): boolean {
    return this.#batches.some(({ inFlight }) => inFlight);
  }

  /** (Re)starts the only timer. */
  #wake(delay: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      const batch = this.#busy() ? undefined : (this.#batches[0] ?? this.#formBatch());
      if (batch) void this.#post(batch);
    }, delay);
  }

  #formBatch(): QueuedBatch | undefined {
    if (this.#pending.length === 0) return;
    let bytes = HEAD_BYTES;
    let count = 0;
    for (const { length } of this.#pending) {
      if (count > 0 && (count === MAX_BATCH_ITEMS || bytes + length + 1 > MAX_BATCH_BYTES)) break;
      bytes += length + 1;
      count++;
    }
    if (this.#batches.length >= MAX_BATCHES) this.#forget(this.#batches[0]!);
    const items = this.#pending.splice(0, count);
    const batch = { id: this.#id, seq: this.#nextSeq(), drop: this.#dropped, items, bytes, inFlight: false };
    this.#dropped = 0;
    this.#urgent &&= this.#pending.length > 0;
    this.#batches.push(batch);
    return batch;
  }

  #forget(batch: QueuedBatch): void {
    this.#batches = this.#batches.filter((each) => each !== batch);
    this.#dropped += batch.items.length + batch.drop;
  }

  async #post(batch: QueuedBatch): Promise<void> {
    batch.inFlight = true;
    const { id, seq, drop, items } = batch;
    const head = JSON.stringify({ v: 1, id, seq, at: Date.now(), drop }).slice(0, -1);
    const fetch = this.#fetch; // the browser's refuses to be called as a method
    let wait: number | undefined;
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `${head},"items":[${items.join(',')}]}`,
        keepalive: true,
        credentials: 'same-origin',
        referrerPolicy: 'no-referrer',
        cache: 'no-store',
        signal: AbortSignal.timeout(15_000),
      });
      await response.text(); // the browser gives the bytes of keepalive back once the answer was read
      if (response.status === 429 || response.status >= 500) {
        wait = retryAfter(response.headers.get('retry-after')) ?? this.#backoff();
      } else if (!response.ok) {
        this.#forget(batch); // the server will never take it
      }
    } catch {
      wait = this.#backoff();
    }
    batch.inFlight = false;
    if (wait === undefined) {
      this.#failures = 0;
      this.#batches = this.#batches.filter((each) => each !== batch);
      if (this.#busy()) return;
      if (this.#batches.length > 0 || this.#urgent || this.#pending.length > MAX_BATCH_ITEMS) this.#wake(0);
      else if (this.#pending.length > 0) this.#wake(this.#flushMs);
    } else if (this.#batches.includes(batch)) {
      this.#failures++;
      this.#wake(wait);
    }
  }

  #backoff(): number {
    return Math.min(MAX_RETRY_MS, 1_000 * 2 ** Math.min(this.#failures, 5)) * (0.5 + Math.random() / 2);
  }

  /** The page is hidden (it may come back) or goes away (it may never come back). */
  #leave(final: boolean): void {
    const healthy = this.#failures === 0 && navigator.onLine;
    const handedOver = new Set(this.#batches.filter(({ inFlight }) => inFlight));
    let budget = KEEPALIVE_BYTES;
    for (const { bytes } of handedOver) budget -= bytes;
    const nextIdle = () => this.#batches.find(({ inFlight }) => !inFlight) ?? this.#formBatch();
    for (let next = nextIdle(); next && next.bytes <= budget; next = nextIdle()) {
      budget -= next.bytes;
      handedOver.add(next);
      void this.#post(next);
    }
    if (!final) return;
    while (this.#formBatch());
    // What the browser has accepted is stored as well only when the network looks broken.
    this.#store(this.#batches.filter((batch) => !healthy || !handedOver.has(batch)));
  }

  /** Kept for the next page of this tab: it holds no more than the requests themselves. */
  #store(batches: readonly QueuedBatch[]): void {
    const kept: QueuedBatch[] = [];
    let room = MAX_STORED_BYTES;
    for (const batch of batches.toReversed()) {
      room -= batch.bytes;
      if (room < 0) break;
      kept.unshift(batch);
    }
    try {
      if (kept.length > 0) sessionStorage.setItem(STORED, JSON.stringify(kept));
    } catch {
      // full or forbidden
    }
  }

  #restore(): void {
    try {
      const stored = JSON.parse(sessionStorage.getItem(STORED) ?? '[]') as QueuedBatch[];
      this.#batches = stored.slice(-MAX_BATCHES).map(({ id, seq, drop, items, bytes }) => ({
        id,
        seq,
        drop,
        items: items.map(String),
        bytes,
        inFlight: false,
      }));
    } catch {
      // forbidden, or written by another version: start empty
    }
    this.#eraseStored();
  }

  #eraseStored(): void {
    try {
      sessionStorage.removeItem(STORED);
    } catch {
      // forbidden
    }
  }
}

/** Milliseconds, with some spread; undefined when the header gives no number of seconds. */
function retryAfter(header: string | null): number | undefined {
  const seconds = header === null ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 300) * 1_000 + Math.random() * 1_000 : undefined;
}
