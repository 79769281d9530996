export interface SeenBatchesOptions {
  /** Visits remembered; the one that was silent for longest is forgotten first. */
  readonly visits?: number;
  /** Sequence numbers remembered per visit; the oldest is forgotten first. */
  readonly perVisit?: number;
  /** What is missing is lost when its visit was silent for so long: until then it may come late. Milliseconds. */
  readonly settleMs?: number;
  /** Epoch milliseconds when this process began to see batches. */
  readonly since?: number;
}

export interface SeenBatch {
  readonly id: string;
  readonly sequence: number;
  /** Items of this batch, and of the earlier ones of its visit. */
  readonly count: number;
  readonly before: number;
  /** Epoch milliseconds by this machine's clock when the visit began. */
  readonly began: number;
}

interface Visit {
  readonly sequences: Set<number>;
  /** Items that the visit had put into batches, as far as its batches tell. */
  total: number;
  /** Items that came, or are known to be lost. */
  accounted: number;
  last: number;
}

/**
 * Remembers, in bounded memory, which batches came, and what is missing between them. For one process, or for several of which
 * each sees all batches of a visit.
 */
export class SeenBatches {
  readonly #limits: Required<SeenBatchesOptions>;
  readonly #visits = new Map<string, Visit>();
  #lost = 0;

  constructor({ visits = 10_000, perVisit = 64, settleMs = 120_000, since = Date.now() }: SeenBatchesOptions = {}) {
    this.#limits = { visits, perVisit, settleMs, since };
  }

  get size(): number {
    return this.#visits.size;
  }

  /** Whether this batch had not come before. `now` in epoch milliseconds. */
  add({ id, sequence, count, before, began }: SeenBatch, now: number): boolean {
    // Of a visit that began before this process did, nobody here knows what came.
    const visit = this.#visitOf(id, now, began < this.#limits.since ? before : 0);
    if (!this.#note(visit, sequence)) return false;
    visit.accounted += count;
    visit.total = Math.max(visit.total, before + count);
    return true;
  }

  /** The browser has given this batch up: its items are lost, unless it had come all the same. Returns how many are. */
  giveUp(id: string, sequence: number, count: number, now: number): number {
    const visit = this.#visitOf(id, now, 0);
    if (!this.#note(visit, sequence)) return 0;
    visit.accounted += count;
    return count;
  }

  /** Items found to be lost since the last call. */
  settle(now: number): number {
    for (const visit of this.#visits.values()) {
      if (now - visit.last < this.#limits.settleMs) break; // those behind it were heard later
      this.#close(visit);
    }
    const lost = this.#lost;
    this.#lost = 0;
    return lost;
  }

  #visitOf(id: string, now: number, accounted: number): Visit {
    const visit = this.#visits.get(id) ?? { sequences: new Set(), total: 0, accounted, last: now };
    visit.last = now;
    this.#visits.delete(id);
    this.#visits.set(id, visit);
    if (this.#visits.size > this.#limits.visits) {
      const [oldest, forgotten] = this.#visits.entries().next().value!;
      this.#close(forgotten);
      this.#visits.delete(oldest);
    }
    return visit;
  }

  #note({ sequences }: Visit, sequence: number): boolean {
    if (sequences.has(sequence)) return false;
    sequences.add(sequence);
    if (sequences.size > this.#limits.perVisit) sequences.delete(sequences.values().next().value!);
    return true;
  }

  #close(visit: Visit): void {
    const missing = visit.total - visit.accounted;
    if (missing <= 0) return;
    this.#lost += missing;
    visit.accounted = visit.total;
  }
}
