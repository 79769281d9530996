/**
 * Queue and delivery: bounded memory, one retry chain, and no more than one batch on its way except while the page is being
 * hidden. Delivery is at least once, and what is given up is told: items that were dropped before they were in a batch (`drop`),
 * batches that never arrived (a gap in `n`), and those of a page that was left while they were on their way (`gone`, told by the
 * next page of this browser).
 */
import { encodeItems } from './encode.ts';
import type { WireItem } from './wire.ts';

/** A page load's id, and its counters. The early part and this one share them. */
export interface PageCounters {
  id: string;
  seq: number;
  t: number;
  n: number;
  drop: number;
}

export interface SenderOptions {
  readonly url: string;
  readonly page: PageCounters;
  readonly fetch: typeof fetch;
  /** How long an ordinary item may wait, ms. */
  readonly flushMs?: number;
}

type Gone = [id: string, seq: number, items: number];

interface QueuedBatch {
  readonly id: string;
  readonly seq: number;
  /** The batch without its braces and without `at`. */
  readonly text: string;
  readonly items: number;
  inFlight: boolean;
}

/** In the tab's storage: batches that the next page of the tab sends. */
const STORED = 'telemetry';
/** In the browser's storage: ids and numbers of batches whose arrival no page has seen, and since when. */
const GONE = 'telemetry.gone';
/** After this time they are on their way no more, and no next page of the tab is, ms. */
const GONE_MS = 5_000;
const MAX_PENDING = 4_000;
const MAX_BATCHES = 32;
const MAX_BATCH_BYTES = 50 * 1024;
const MAX_STORED_BYTES = 512 * 1024;
/** The browser allows 64 KiB over all requests with keepalive. */
const KEEPALIVE_BYTES = 62 * 1024;
const HEAD_BYTES = 256;
const MAX_RETRY_MS = 30_000;

export class Sender {
  readonly #url: string;
  readonly #page: PageCounters;
  readonly #fetch: typeof fetch;
  readonly #flushMs: number;
  #pending: WireItem[] = [];
  #batches: QueuedBatch[] = [];
  #gone: readonly Gone[] = [];
  #failures = 0;
  #urgent = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor({ url, page, fetch, flushMs = 2_000 }: SenderOptions) {
    this.#url = url;
    this.#page = page;
    this.#fetch = fetch;
    this.#flushMs = flushMs;
    this.#restore();
    // On `window`, after all that listens on `document` has recorded its last values.
    addEventListener('visibilitychange', () => document.hidden && this.#leave(false));
    addEventListener('pagehide', () => this.#leave(true));
    addEventListener('pageshow', ({ persisted }) => {
      if (!persisted) return;
      // What is in memory was stored when the page was left; a page in between may have sent it, which does no harm.
      take('sessionStorage', STORED);
      this.#keepGone([], this.#batches);
      this.#wake(this.#flushMs);
    });
    addEventListener('online', () => this.#wake(Math.random() * 1_000));
    setTimeout(() => this.#reportGone(), 2_000);
    if (this.#batches.length > 0) this.#wake(this.#flushMs);
  }

  /** An urgent item is sent at once, unless the server is failing: then it waits for the next attempt like all others. */
  push(item: WireItem, urgent = false): void {
    this.#pending.push(item);
    if (this.#pending.length > MAX_PENDING) {
      this.#pending.shift();
      this.#page.drop++;
    }
    this.#urgent ||= urgent;
    if (urgent && this.#failures === 0 && !this.#busy()) this.#wake(0);
    else if (this.#timer === undefined && !this.#busy()) this.#wake(this.#flushMs);
  }

  /** Hands over what waits once more, then forgets all of it, also what is stored. */
  clear(): void {
    this.#leave(false);
    this.#page.drop += this.#pending.length;
    this.#pending = [];
    this.#batches = [];
    this.#gone = [];
    clearTimeout(this.#timer);
    this.#timer = undefined;
    take('sessionStorage', STORED);
    take('localStorage', GONE);
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

  #formBatch(maxBytes = MAX_BATCH_BYTES): QueuedBatch | undefined {
    if (this.#pending.length === 0 && this.#gone.length === 0) return;
    if (this.#batches.length >= MAX_BATCHES) this.#batches.shift(); // what it held is missing from the page's numbers
    const { id, n, t, drop } = this.#page;
    const { text, count } = encodeItems(this.#pending, t, maxBytes - HEAD_BYTES);
    this.#pending.splice(0, count);
    const seq = this.#page.seq++;
    const gone = this.#gone.length > 0 ? { gone: this.#gone } : {};
    const head = JSON.stringify({ v: 2, id, seq, n, t, drop, ...gone }).slice(1, -1);
    this.#page.n += count;
    this.#page.drop = 0;
    this.#gone = [];
    this.#urgent &&= this.#pending.length > 0;
    const batch = { id, seq, text: `${head},${text}`, items: count, inFlight: false };
    this.#batches.push(batch);
    return batch;
  }

  async #post(batch: QueuedBatch): Promise<void> {
    batch.inFlight = true;
    const fetch = this.#fetch; // the browser's refuses to be called as a method
    let wait: number | undefined;
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: `{${batch.text},"at":${Date.now()}}`,
        keepalive: true,
        credentials: 'same-origin',
        referrerPolicy: 'no-referrer',
        cache: 'no-store',
        signal: AbortSignal.timeout(15_000),
      });
      await response.text(); // the browser gives the bytes of keepalive back once the answer was read
      // Any other refusal is for good: the server then misses the batch in the page's numbers.
      if (response.status === 429 || response.status >= 500) {
        wait = retryAfter(response.headers.get('retry-after')) ?? this.#backoff();
      }
    } catch {
      wait = this.#backoff();
    }
    batch.inFlight = false;
    if (wait === undefined) {
      this.#failures = 0;
      this.#batches = this.#batches.filter((each) => each !== batch);
      if (this.#busy()) return;
      if (this.#batches.length > 0 || this.#urgent || this.#pending.length > 200) this.#wake(0);
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
    for (const { text } of handedOver) budget -= text.length;
    const nextIdle = () =>
      this.#batches.find(({ inFlight }) => !inFlight) ?? (budget > 1_024 ? this.#formBatch(budget) : undefined);
    for (let next = nextIdle(); next && next.text.length <= budget; next = nextIdle()) {
      budget -= next.text.length;
      handedOver.add(next);
      void this.#post(next);
    }
    if (!final) return;
    while (this.#formBatch());
    // What the browser has accepted is stored as well only when the network looks broken. Nobody here will see its answer.
    this.#store(this.#batches.filter((batch) => !healthy || !handedOver.has(batch)));
    this.#keepGone(this.#batches, []);
  }

  /** Kept for the next page of this tab: it holds no more than the requests themselves. */
  #store(batches: readonly QueuedBatch[]): void {
    const kept: QueuedBatch[] = [];
    let room = MAX_STORED_BYTES;
    for (const batch of batches.toReversed()) {
      room -= batch.text.length;
      if (room < 0) break;
      kept.unshift(batch);
    }
    if (kept.length > 0) put('sessionStorage', STORED, kept);
  }

  #restore(): void {
    const stored = take('sessionStorage', STORED);
    if (!Array.isArray(stored)) return;
    this.#batches = (stored as QueuedBatch[])
      .slice(-MAX_BATCHES)
      .map(({ id, seq, text, items }) => ({ id, seq, text: String(text), items, inFlight: false }));
    this.#keepGone([], this.#batches);
  }

  /** Writes down, for the next page of this browser, that batches were left behind; or that they were not. */
  #keepGone(left: readonly QueuedBatch[], found: readonly QueuedBatch[]): void {
    const all = goneOf(take('localStorage', GONE)).filter(
      ([id, seq]) => !found.some((batch) => batch.id === id && batch.seq === seq),
    );
    all.push(...left.map(({ id, seq, items }): StoredGone => [id, seq, items, Date.now()]));
    if (all.length > 0) put('localStorage', GONE, all.slice(-MAX_BATCHES));
  }

  /** Tells of batches that were on their way when their page was left; the server counts those that it never saw. */
  #reportGone(): void {
    const all = goneOf(take('localStorage', GONE));
    const old = all.filter(([, , , since]) => Date.now() - since > GONE_MS);
    const fresh = all.filter((each) => !old.includes(each));
    if (fresh.length > 0) {
      put('localStorage', GONE, fresh);
      setTimeout(() => this.#reportGone(), GONE_MS);
    }
    if (old.length === 0) return;
    this.#gone = [...this.#gone, ...old.map(([id, seq, items]): Gone => [id, seq, items])].slice(-MAX_BATCHES);
    if (this.#timer === undefined && !this.#busy()) this.#wake(this.#flushMs);
  }
}

type StoredGone = [...Gone, since: number];
const goneOf = (value: unknown): StoredGone[] => (Array.isArray(value) ? (value as StoredGone[]) : []);

type StorageName = 'sessionStorage' | 'localStorage';

function put(storage: StorageName, key: string, value: unknown): void {
  try {
    window[storage].setItem(key, JSON.stringify(value));
  } catch {
    // full or forbidden
  }
}

/** What is stored, which is then gone; undefined when there is nothing, or nothing that can be read. */
function take(storage: StorageName, key: string): unknown {
  try {
    const text = window[storage].getItem(key);
    window[storage].removeItem(key);
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return; // forbidden, or written by another version
  }
}

/** Milliseconds, with some spread; undefined when the header gives no number of seconds. */
function retryAfter(header: string | null): number | undefined {
  const seconds = header === null ? Number.NaN : Number(header);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds, 300) * 1_000 + Math.random() * 1_000 : undefined;
}
