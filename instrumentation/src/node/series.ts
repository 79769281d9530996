import type { Histogram } from 'prom-client';

/** The parts of prom-client 15.1.3 that it does not declare; series.test.ts fails when another version has others. */
interface Internals {
  readonly hashMap: Readonly<Record<string, Entry>>;
  readonly upperBounds: readonly number[];
}
interface Entry {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly bucketValues: Record<string, number>;
  readonly bucketExemplars?: Record<string, unknown>;
  sum: number;
  count: number;
}

/**
 * One series of a histogram, found once. prom-client's `observe` checks, sorts and hashes the labels each time, which costs
 * more than all else that is done for a request.
 */
export class Series {
  readonly #entry: Entry;
  readonly #bounds: readonly number[];
  readonly #keys: readonly string[];

  /** The series exists at 0 from now on. */
  constructor(histogram: Histogram<string>, labels: Readonly<Record<string, string | number>>) {
    const internals = histogram as unknown as Internals;
    const find = () =>
      Object.values(internals.hashMap).find(
        (entry) =>
          // One with a label more is another series.
          Object.keys(entry.labels).length === Object.keys(labels).length &&
          Object.entries(labels).every(([label, value]) => String(entry.labels[label]) === String(value)),
      );
    if (!find()) histogram.zero(labels);
    this.#entry = find()!;
    this.#bounds = internals.upperBounds;
    this.#keys = this.#bounds.map(String);
  }

  /** `value` is a finite number. With a span, that is the newest exemplar of its bucket. */
  observe(value: number, exemplar?: { readonly traceId: string; readonly spanId: string }): void {
    const bounds = this.#bounds;
    let index = 0;
    while (index < bounds.length && value > bounds[index]!) index++;
    const entry = this.#entry;
    entry.sum += value;
    entry.count++;
    if (index < bounds.length) entry.bucketValues[this.#keys[index]!]!++;
    if (exemplar && entry.bucketExemplars) {
      entry.bucketExemplars[this.#keys[index] ?? '-1'] = {
        labelSet: { trace_id: exemplar.traceId, span_id: exemplar.spanId },
        value,
        timestamp: Date.now() / 1000,
      };
    }
  }
}
