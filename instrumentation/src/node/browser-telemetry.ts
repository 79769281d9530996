import { limitOf } from '@clinic/catalogue/limits';
import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { ERROR_TYPES, WEB_VITALS } from '@clinic/catalogue/vocabulary';
import { SpanKind, TraceFlags } from '@opentelemetry/api';
import type { Request, RequestHandler, Response } from 'express';
import type { CallItem, ErrorItem, MetricItem, PageLoadItem, SpanItem } from '../browser/wire.ts';
import { type BrowserBatch, batchReader } from './browser-batch.ts';
import { isSynthetic, SYNTHETIC_LABEL } from './request.ts';
import { SeenBatches } from './seen-batches.ts';
import { Series } from './series.ts';
import { callUid, itemUid } from './slow-events.ts';
import { nanosecondsOf } from './spans.ts';
import type { Telemetry } from './telemetry.ts';

export interface BrowserTelemetryOptions {
  readonly telemetry: Pick<
    Telemetry,
    'instruments' | 'operationDuration' | 'slowEvents' | 'sampled' | 'spansOf' | 'stacks'
  >;
  /** Name of the web app; its spans are sent under it. */
  readonly service: string;
  /** Route templates of its pages, and of the API that it calls. */
  readonly pages: readonly string[];
  readonly api: readonly string[];
  /** Names that it may time. */
  readonly metrics: readonly string[];
  readonly seen?: SeenBatches;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

const MAX_BYTES = 256 * 1024;
const MAX_AGE_MS = 7_200_000;
const CONTENT_TYPES = new Set(['application/json', 'text/plain']);

const TITLES = {
  cross_site: [403, 'Only pages of this site may send telemetry.'],
  batch_too_large: [413, 'A batch may have at most 262144 bytes.'],
  content_type_unsupported: [415, 'Send application/json or text/plain, without a content encoding.'],
  batch_malformed: [400, 'The body is not a batch of telemetry.'],
} as const;

function refuse(res: Response, code: keyof typeof TITLES): void {
  const [status, title] = TITLES[code];
  if (status === 413) res.setHeader('connection', 'close'); // node then cuts it without reading the rest
  res
    .writeHead(status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
    .end(JSON.stringify({ title, status, code }));
}

/** The body, or undefined once it is larger than allowed: the rest is then not read. Rejects when the client goes away. */
function bodyOf(req: Request): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const tooLarge = () => {
      req.pause().removeAllListeners('data');
      resolve(undefined);
    };
    if (Number(req.headers['content-length']) > MAX_BYTES) {
      tooLarge();
      return;
    }
    req.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > MAX_BYTES) tooLarge();
      else chunks.push(chunk);
    });
    req.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    req.on('close', () => reject(new Error('aborted')));
  });
}

/**
 * Takes what browsers measured: `app.post('/telemetry', browserTelemetry({ … }))`, in front of any body parser. Every field
 * is compared with closed lists; address, user agent and referrer are never read. Answers 204, also to a batch that came
 * before and to one whose items are bad, which are counted; 4xx to what is not a batch. Nothing of the input is told back.
 */
export function browserTelemetry({
  telemetry,
  service,
  pages,
  api,
  metrics,
  seen,
  now = Date.now,
}: BrowserTelemetryOptions): RequestHandler {
  const { instruments, operationDuration, slowEvents, sampled, stacks } = telemetry;
  const known = seen ?? new SeenBatches({ since: now() });
  const read = batchReader({ pages, api, metrics });
  const spans = telemetry.spansOf(service);
  const webVital = instruments.histogram('webVital');
  const layoutShift = instruments.histogram('webVitalLayoutShift');
  const errors = instruments.counter('browserErrors');
  const batches = instruments.counter('browserBatches');
  const counted = instruments.counter('browserItems', function () {
    this.inc({ outcome: 'lost' }, known.settle(now()));
  });

  const durations = new Map<string, Series>();
  const syntheticDurations = new Map<string, Series>();
  const durationOf = (metric: string, synthetic: boolean): Series => {
    const made = synthetic ? syntheticDurations : durations;
    let series = made.get(metric);
    if (!series) {
      series = new Series(operationDuration, { metric, source: 'browser', ...(synthetic ? SYNTHETIC_LABEL : {}) });
      made.set(metric, series);
    }
    return series;
  };
  for (const metric of metrics) durationOf(metric, false);
  for (const page of [UNKNOWN_ROUTE, ...pages]) {
    for (const name of WEB_VITALS) if (name !== 'CLS') webVital.zero({ name, page });
    layoutShift.zero({ page });
    for (const error_type of ERROR_TYPES) errors.inc({ error_type, page }, 0);
  }
  for (const outcome of ['accepted', 'repeated', 'refused']) batches.inc({ outcome }, 0);
  for (const outcome of ['accepted', 'refused', 'lost']) counted.inc({ outcome }, 0);

  const vitals = new Set<string>(WEB_VITALS);
  const recordDuration = (
    { n, v, p, i, j }: Omit<MetricItem, 'k' | 't'>,
    { at, synthetic, uid }: { at: number; synthetic: boolean; uid: () => string },
  ) => {
    durationOf(n, synthetic).observe(v / 1000, i && j && sampled(i) ? { traceId: i, spanId: j } : undefined);
    const thresholdMs = limitOf(n);
    if (!(v > thresholdMs)) return;
    slowEvents.add({
      metric: n,
      durationMs: v,
      thresholdMs,
      route: p,
      at,
      uid: n === 'api_call' && i && j ? callUid(i, j) : uid(),
      // Kept because it is slow, if not for its id.
      ...(i ? { trace: { traceId: i, traceFlags: TraceFlags.SAMPLED, ...(j ? { spanId: j } : {}) } } : {}),
    });
  };
  const recordMetric = (item: MetricItem, occasion: Parameters<typeof recordDuration>[1]) => {
    const { n, v, p } = item;
    if (n === 'CLS') layoutShift.observe({ page: p }, v);
    else if (vitals.has(n)) webVital.observe({ name: n, page: p }, v / 1000);
    else recordDuration(item, occasion);
  };
  const recordError = (item: ErrorItem, receivedAt: number) => {
    errors.inc({ error_type: item.n, page: item.p });
    stacks?.add(item, receivedAt);
  };
  const recordSpan = (item: CallItem | PageLoadItem | SpanItem, end: number) => {
    const { k, i: traceId, j: spanId, u, v, p } = item;
    const slow = k !== 's' && v > limitOf(k === 'c' ? 'api_call' : 'page_load');
    if (!slow && !sampled(traceId)) return;
    const common = {
      traceId,
      spanId,
      parent: u ? { spanId: u, isRemote: k === 'l' } : undefined,
      start: nanosecondsOf(end - v),
      end: nanosecondsOf(end),
    };
    const mark = slow ? { slow } : {};
    if (k !== 'c') {
      const name = k === 'l' ? 'page_load' : item.n;
      const attributes = { 'http.route': p, ...mark };
      spans.send({ ...common, name, kind: SpanKind.INTERNAL, attributes, failed: k === 's' && item.failed });
      return;
    }
    const { n, a, c } = item;
    const failed = c === 0 || c >= 400;
    spans.send({
      ...common,
      name: `${n} ${a}`,
      kind: SpanKind.CLIENT,
      attributes: {
        'http.request.method': n,
        'http.route': a,
        ...(c >= 100 ? { 'http.response.status_code': c } : {}),
        ...(failed ? { 'error.type': c === 0 ? 'NetworkError' : String(c) } : {}),
        ...mark,
      },
      failed,
    });
  };

  const record = (batch: BrowserBatch, receivedAt: number, synthetic: boolean): void => {
    const { id, sequence, at, began, lost, gone, items } = batch;
    if (!known.add({ ...batch, began: receivedAt - (at - began) }, receivedAt)) {
      batches.inc({ outcome: 'repeated' });
      return;
    }
    batches.inc({ outcome: 'accepted' });
    counted.inc({ outcome: 'lost' }, lost);
    for (const each of gone) {
      counted.inc({ outcome: 'lost' }, known.giveUp(each.id, each.sequence, each.count, receivedAt));
    }
    for (const [index, item] of items.entries()) {
      counted.inc({ outcome: item ? 'accepted' : 'refused' });
      if (!item) continue;
      // By how long ago it was, not by when: a wrong clock of the browser does not matter.
      const time = receivedAt - Math.min(Math.max(at - item.t, 0), MAX_AGE_MS);
      const occasion = { at: time, synthetic, uid: () => itemUid(id, sequence, index) };
      if (item.k === 'm') recordMetric(item, occasion);
      else if (item.k === 'e') recordError(item, receivedAt);
      else {
        if (item.k === 'l') recordDuration({ ...item, n: 'page_load' }, occasion);
        else if (item.k === 'c' && !item.mute) recordDuration({ ...item, n: 'api_call' }, occasion);
        recordSpan(item, time);
      }
    }
  };
  const handle = async (req: Request, res: Response): Promise<void> => {
    const receivedAt = now();
    const site = req.headers['sec-fetch-site'];
    const type = req.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
    const stop = (code: keyof typeof TITLES) => {
      batches.inc({ outcome: 'refused' });
      refuse(res, code);
    };
    if (site !== undefined && site !== 'same-origin') return stop('cross_site');
    if (!CONTENT_TYPES.has(type) || (req.headers['content-encoding'] ?? 'identity') !== 'identity') {
      return stop('content_type_unsupported');
    }
    const body = await bodyOf(req);
    if (body === undefined) return stop('batch_too_large');
    const batch = read(body);
    if (!batch) return stop('batch_malformed');
    record(batch, receivedAt, isSynthetic(req.headers));
    res.writeHead(204).end();
  };
  return (req, res) => {
    handle(req, res).catch(() => res.destroy());
  };
}
