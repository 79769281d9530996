import { type Signal, signals } from '@clinic/catalogue/signals';
import { Counter, Gauge, Histogram, type OpenMetricsContentType, type Registry } from 'prom-client';

type Signals = typeof signals;
type KeyOf<Type extends Signal['type']> = {
  [Key in keyof Signals]: Signals[Key]['type'] extends Type ? Key : never;
}[keyof Signals];
type LabelOf<Key extends keyof Signals> = Signals[Key]['labels'][number];

/** Instruments by their key in the catalogue: a name, a label or a type that is not there does not compile. */
export interface Instruments {
  counter<Key extends KeyOf<'counter'>>(
    key: Key,
    collect?: (this: Counter<LabelOf<Key>>) => void,
  ): Counter<LabelOf<Key>>;
  gauge<Key extends KeyOf<'gauge'>>(key: Key, collect?: (this: Gauge<LabelOf<Key>>) => void): Gauge<LabelOf<Key>>;
  histogram<Key extends KeyOf<'histogram'>>(
    key: Key,
    options?: { readonly exemplars?: boolean },
  ): Histogram<LabelOf<Key>>;
}

export function instruments(registry: Registry<OpenMetricsContentType>): Instruments {
  const base = (key: keyof Signals) => {
    const { name, help, labels } = signals[key];
    return { name, help, labelNames: labels as readonly never[], registers: [registry] };
  };
  return {
    counter: (key, collect) => new Counter({ ...base(key), ...(collect ? { collect } : {}) }),
    gauge: (key, collect) => new Gauge({ ...base(key), ...(collect ? { collect } : {}) }),
    histogram: (key, { exemplars = false } = {}) =>
      new Histogram({
        ...base(key),
        buckets: [...(signals[key] as Signal & { buckets: readonly number[] }).buckets],
        enableExemplars: exemplars,
      }),
  };
}
