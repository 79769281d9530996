export interface SeenBatchesOptions {
  /** Page loads remembered; the one that was silent for longest is forgotten first. */
  readonly pages?: number;
  /** Sequence numbers remembered per page load; the oldest is forgotten first. */
  readonly perPage?: number;
}

/** Remembers which batches came, in bounded memory. */
export class SeenBatches {
  readonly #pages: number;
  readonly #perPage: number;
  readonly #seen = new Map<string, Set<number>>();

  constructor({ pages = 10_000, perPage = 64 }: SeenBatchesOptions = {}) {
    this.#pages = pages;
    this.#perPage = perPage;
  }

  get size(): number {
    return this.#seen.size;
  }

  /** Whether this batch had not come before. */
  add(page: string, sequence: number): boolean {
    const sequences = this.#seen.get(page) ?? new Set();
    if (sequences.has(sequence)) return false;
    sequences.add(sequence);
    if (sequences.size > this.#perPage) sequences.delete(sequences.values().next().value!);
    this.#seen.delete(page);
    this.#seen.set(page, sequences);
    if (this.#seen.size > this.#pages) this.#seen.delete(this.#seen.keys().next().value!);
    return true;
  }
}
