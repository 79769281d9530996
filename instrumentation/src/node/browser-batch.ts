import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { ERROR_TYPES, HTTP_METHODS, RATINGS, SPAN_NAMES, WEB_VITALS } from '@clinic/catalogue/vocabulary';
import {
  type CallItem,
  type ErrorItem,
  type Frame,
  MAX_FRAMES,
  MAX_ITEMS,
  type MetricItem,
  type Page,
  type PageLoadItem,
  type SpanItem,
  type WireItem,
} from '../browser/wire.ts';
import { type Check, oneOf } from './attributes.ts';

export interface BrowserBatch {
  /** The visit that it comes from. */
  readonly id: string;
  readonly sequence: number;
  /** Items of this batch, and of the earlier ones of this visit. */
  readonly count: number;
  readonly before: number;
  /** Epoch milliseconds by the browser's clock: when it was sent, and when the visit began. */
  readonly at: number;
  readonly began: number;
  /** Items that the browser had to give up. */
  readonly lost: number;
  /** Batches of pages that are closed, whose arrival the browser has not seen. */
  readonly gone: readonly { readonly id: string; readonly sequence: number; readonly count: number }[];
  /** In the order sent; `undefined` stands for an item that was refused. */
  readonly items: readonly (WireItem | undefined)[];
}

export interface BatchLists {
  readonly pages: readonly string[];
  readonly api: readonly string[];
  readonly metrics: readonly string[];
}

/** Longer than anybody waits: the clock of a computer that slept, and nobody's doing. */
const MAX_DURATION_MS = 600_000;
const MAX_LOST = 1_000_000;
const MAX_GONE = 32;
const MAX_EPOCH_MS = 8_640_000_000_000_000;
const KINDS = ['m', 'e', 'c', 'l', 's'] as const;

const shape =
  (pattern: RegExp): Check =>
  (value) =>
    typeof value === 'string' && pattern.test(value);
const number =
  (max: number, min = 0): Check =>
  (value) =>
    typeof value === 'number' && value >= min && value <= max;
const integer =
  (max: number, min = 0): Check =>
  (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max;
const listOf =
  (check: Check, max: number): Check =>
  (value) =>
    Array.isArray(value) && value.length <= max && value.every(check);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const either =
  (...checks: readonly Check[]): Check =>
  (value) =>
    checks.some((check) => check(value));

const batchId = shape(/^[0-9a-f]{32}$/);
const traceId = shape(/^(?!0{32})[0-9a-f]{32}$/);
const spanId = shape(/^(?!0{16})[0-9a-f]{16}$/);
const count = integer(MAX_LOST);
const duration = number(MAX_DURATION_MS);
const errorType = oneOf(ERROR_TYPES);
const gone: Check = (value) =>
  Array.isArray(value) && value.length === 3 && batchId(value[0]) && count(value[1]) && count(value[2]);

const ENVELOPE: Readonly<Record<string, Check>> = {
  v: oneOf([2]),
  id: batchId,
  seq: optional(count),
  n: optional(count),
  t: optional(number(MAX_EPOCH_MS)),
  at: number(MAX_EPOCH_MS),
  drop: count,
  gone: optional(listOf(gone, MAX_GONE)),
  p: optional((value) => typeof value === 'string'),
  w: optional(listOf((value) => typeof value === 'string', MAX_ITEMS)),
  ...Object.fromEntries(KINDS.map((kind) => [kind, optional(listOf(() => true, MAX_ITEMS))])),
};

interface Envelope extends Partial<Record<(typeof KINDS)[number], readonly unknown[]>> {
  readonly id: string;
  readonly seq?: number;
  readonly n?: number;
  readonly t?: number;
  readonly at: number;
  readonly drop: number;
  readonly gone?: readonly [string, number, number][];
  readonly p?: string;
  readonly w?: readonly string[];
}

type Id = string | 0 | undefined;
/** What the lists of all spans have in the middle. */
type Spanned = [ms: number, time: number, traceId: string, spanId: string, page: Page];

const isEnvelope = (value: unknown): value is Envelope =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.keys(value).every((key) => Object.hasOwn(ENVELOPE, key)) &&
  Object.entries(ENVELOPE).every(([key, check]) => check((value as Record<string, unknown>)[key]));

/**
 * Returns a function that reads the text of a batch: undefined when it is not one at all. Items are checked one by one, so
 * that a bad one does not take the others with it.
 */
export function batchReader({ pages, api, metrics }: BatchLists): (text: string) => BrowserBatch | undefined {
  const isPage = oneOf([UNKNOWN_ROUTE, ...pages]);
  const isMetric = oneOf([...metrics, ...WEB_VITALS]);
  // Each part of a list by its place in it; `home` is the page of items that have none.
  const time = number(MAX_EPOCH_MS, -MAX_EPOCH_MS);
  const absent = oneOf([undefined, 0]);
  const parts: Readonly<Record<(typeof KINDS)[number], readonly Check[]>> = {
    m: [
      isMetric,
      duration,
      time,
      either(absent, traceId),
      either(absent, spanId),
      isPage,
      either(absent, oneOf(RATINGS)),
    ],
    e: [errorType, time, isPage],
    c: [
      oneOf(HTTP_METHODS),
      duration,
      time,
      traceId,
      spanId,
      isPage,
      oneOf(api),
      either(absent, spanId),
      either(absent, integer(599)),
      oneOf([undefined, 0, 1]),
    ],
    l: [duration, time, traceId, spanId, isPage, either(absent, spanId)],
    s: [oneOf(SPAN_NAMES), duration, time, traceId, spanId, isPage, either(absent, spanId), oneOf([undefined, 0, 1])],
  };
  const lastErrors = [errorType, oneOf([0]), time, absent, absent, isPage];
  /** Places of words, besides the page's. */
  const words = { m: [0, 6], e: [0], c: [0, 6], l: [], s: [0] } as const;
  const pageAt = { m: 5, e: 2, c: 5, l: 4, s: 5 } as const;
  const file = shape(/^[0-9a-f]{16}$/);
  const place = integer(10_000_000, 1);

  function framesOf(list: readonly unknown[], word: (value: unknown) => unknown): Frame[] | undefined {
    if (list.length % 3 !== 0 || list.length > 3 * MAX_FRAMES) return;
    const frames: Frame[] = [];
    for (let at = 0; at < list.length; at += 3) {
      const [name, line, column] = [word(list[at]), list[at + 1], list[at + 2]];
      if (!file(name) || !place(line) || !place(column)) return;
      frames.push([name as string, line as number, column as number]);
    }
    return frames;
  }

  function read(kind: (typeof KINDS)[number], value: unknown, { w = [], p = UNKNOWN_ROUTE, t, at }: Envelope) {
    if (!Array.isArray(value)) return;
    const word = (one: unknown) => (typeof one === 'number' && one !== 0 ? w[one - 1] : one);
    const checks = parts[kind];
    const list: unknown[] = value.slice(0, checks.length).map((one) => one ?? undefined);
    for (const index of words[kind]) list[index] = word(list[index]);
    list[pageAt[kind]] = word(list[pageAt[kind]]) || p;
    const after = (ms: number) => (t ?? at) + ms;
    if (kind === 'm' && value.length <= lastErrors.length && lastErrors.every((check, index) => check(list[index]))) {
      const [n, , ms, , , page] = list as [ErrorItem['n'], 0, number, unknown, unknown, Page];
      return { k: 'e', n, t: after(ms), p: page, f: [] } satisfies ErrorItem;
    }
    if (!checks.every((check, index) => check(list[index]))) return;
    if (kind === 'e') {
      const [n, ms, page] = list as [ErrorItem['n'], number, Page];
      const f = framesOf(value.slice(3), word);
      return f && ({ k: 'e', n, t: after(ms), p: page, f } satisfies ErrorItem);
    }
    if (value.length > checks.length) return;
    switch (kind) {
      case 'm': {
        const [n, v, ms, i, j, page, r] = list as [MetricItem['n'], number, number, Id, Id, Page, MetricItem['r'] | 0];
        const ids = { i: i || undefined, j: j || undefined };
        return { k: 'm', n, v, t: after(ms), p: page, r: r || undefined, ...ids } satisfies MetricItem;
      }
      case 'c': {
        const [n, v, ms, i, j, page, a, u, c, mute] = list as [
          CallItem['n'],
          ...Spanned,
          CallItem['a'],
          Id,
          number?,
          1?,
        ];
        const common = { n, v, t: after(ms), p: page, i, j, u: u || undefined };
        return { k: 'c', ...common, a, c: c ?? 0, mute: mute === 1 } satisfies CallItem;
      }
      case 'l': {
        const [v, ms, i, j, page, u] = list as [...Spanned, Id];
        return { k: 'l', v, t: after(ms), p: page, i, j, u: u || undefined } satisfies PageLoadItem;
      }
      case 's': {
        const [n, v, ms, i, j, page, u, failed] = list as [SpanItem['n'], ...Spanned, Id, 1?];
        const common = { n, v, t: after(ms), p: page, i, j, u: u || undefined };
        return { k: 's', ...common, failed: failed === 1 } satisfies SpanItem;
      }
    }
  }

  return (text) => {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      return undefined;
    }
    if (!isEnvelope(value)) return undefined;
    const envelope = value;
    const { id, seq = 0, n = 0, t, at, drop } = envelope;
    const items = KINDS.flatMap((kind) => (envelope[kind] ?? []).map((item) => read(kind, item, envelope)));
    if (items.length > MAX_ITEMS) return undefined;
    return {
      id,
      sequence: seq,
      count: items.length,
      before: n,
      at,
      began: t ?? at,
      lost: drop,
      gone: (envelope.gone ?? []).map(([goneId, sequence, lost]) => ({ id: goneId, sequence, count: lost })),
      items,
    };
  };
}
