import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { ERROR_TYPES, HTTP_METHODS, RATINGS, WEB_VITALS } from '@clinic/catalogue/vocabulary';
import type { WireItem } from '../browser/wire.ts';
import type { Check } from './attributes.ts';

export interface BrowserBatch {
  /** The page load that it comes from. */
  readonly id: string;
  readonly sequence: number;
  /** Epoch milliseconds by the browser's clock, when it was sent. */
  readonly at: number;
  /** Items that the browser had to give up. */
  readonly lost: number;
  /** In the order sent; `undefined` stands for an item that was refused. */
  readonly items: readonly (WireItem | undefined)[];
}

export interface BatchLists {
  readonly pages: readonly string[];
  readonly api: readonly string[];
  readonly metrics: readonly string[];
}

export const MAX_ITEMS = 5000;
const MAX_DURATION_MS = 600_000;
const MAX_LOST = 1_000_000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const oneOf = (values: Iterable<unknown>): Check => {
  const set = new Set(values);
  return (value) => set.has(value);
};
const shape =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const number =
  (max: number): Check =>
  (value) =>
    typeof value === 'number' && value >= 0 && value <= max;
const integer =
  (max: number): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;

const traceId = shape(/^(?!0{32})[0-9a-f]{32}$/);
const spanId = shape(/^(?!0{16})[0-9a-f]{16}$/);
const epoch = number(8_640_000_000_000_000);

/** Holds for an object that has every required field, perhaps optional ones, and no other, each with a value that passes. */
function fields(required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check {
  const checks = new Map([...Object.entries(required), ...Object.entries(optional)]);
  const names = Object.keys(required);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    for (const [key, field] of Object.entries(value)) if (!checks.get(key)?.(field)) return false;
    return names.every((name) => Object.hasOwn(value, name));
  };
}

const envelope = fields({
  v: oneOf([1]),
  id: shape(UUID),
  seq: integer(Number.MAX_SAFE_INTEGER),
  at: epoch,
  drop: integer(MAX_LOST),
  items: (value) => Array.isArray(value) && value.length <= MAX_ITEMS,
});

/**
 * Returns a function that reads the text of a batch: undefined when it is not one at all. Items are checked one by one, so
 * that a bad one does not take the others with it.
 */
export function batchReader({ pages, api, metrics }: BatchLists): (text: string) => BrowserBatch | undefined {
  const page = oneOf([UNKNOWN_ROUTE, ...pages]);
  const duration = number(MAX_DURATION_MS);
  const kinds: Readonly<Record<WireItem['k'], Check>> = {
    m: fields(
      { k: oneOf(['m']), t: epoch, n: oneOf([...metrics, ...WEB_VITALS]), v: duration, p: page },
      { r: oneOf(RATINGS), i: traceId, j: spanId },
    ),
    e: fields({ k: oneOf(['e']), t: epoch, n: oneOf(ERROR_TYPES), h: shape(/^(?:[0-9a-f]{16})?$/), p: page }),
    s: fields(
      {
        k: oneOf(['s']),
        t: epoch,
        d: duration,
        n: oneOf(HTTP_METHODS),
        a: oneOf(api),
        p: page,
        i: traceId,
        j: spanId,
        c: integer(599),
      },
      { u: spanId },
    ),
    l: fields({ k: oneOf(['l']), t: epoch, d: duration, p: page, i: traceId, j: spanId }, { u: spanId }),
  };
  const isItem = (value: unknown): value is WireItem => {
    const kind = (value as { k?: unknown } | null)?.k;
    return typeof kind === 'string' && Object.hasOwn(kinds, kind) && kinds[kind as WireItem['k']](value);
  };

  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (!envelope(value)) return undefined;
    const { id, seq, at, drop, items } = value as {
      id: string;
      seq: number;
      at: number;
      drop: number;
      items: readonly unknown[];
    };
    return { id, sequence: seq, at, lost: drop, items: items.map((item) => (isItem(item) ? item : undefined)) };
  };
}
