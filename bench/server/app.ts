/** One server under test. `VARIANT` chooses what observes it; the driver asks it for figures over IPC. */
import type { RequestHandler } from 'express';

/** What a variant gives to the application. */
export interface Variant {
  readonly middleware?: RequestHandler;
  /** Makes `count` slow events. */
  readonly slow?: (count: number) => void;
  /** Has this many series of a histogram beside its own. */
  readonly series?: (count: number) => void;
  /** The text of `/metrics`. */
  readonly metrics?: () => Promise<string>;
  /** What became of spans, by outcome. */
  readonly counters?: () => Promise<Readonly<Record<string, number>>>;
}

export interface Figures {
  /** Microseconds since the last question, of all threads. */
  readonly cpu: number;
  /** Microseconds since the last question. */
  readonly elapsed: number;
  /** Bytes. */
  readonly rss: number;
  /** Of telling all metrics once. */
  readonly scrape?: { readonly ms: number; readonly bytes: number };
  readonly counters?: Readonly<Record<string, number>>;
}

/**
 * `figures`: since the last question. `total`: since the last `collect`, which collects garbage. `slow`: makes as many slow
 * events. `series`: has as many series more or less.
 */
export type Question =
  | 'figures'
  | 'total'
  | 'collect'
  | 'counters'
  | 'scrape'
  | { readonly slow: number }
  | { readonly series: number };

const variant = (await import(`./${process.env.VARIANT}.ts`)) as Variant;
const { default: express } = await import('express');

const app = express();
app.disable('x-powered-by');
if (variant.middleware) app.use(variant.middleware);
const items = Array.from({ length: 12 }, (_, index) => ({ code: `code${index}`, value: index * 3.25, unit: 'mmol/L' }));
app.get('/api/orders/:id', async (req, res) => {
  await null;
  res.json({ id: req.params.id, name: 'x'.repeat(40), items });
});
const server = app.listen(Number(process.env.PORT), '127.0.0.1', () =>
  process.send?.({ started: performance.timeOrigin + performance.now() }),
);
server.keepAliveTimeout = 120_000;

let cpu = process.cpuUsage();
let collected = cpu;
let since = performance.now();
function figures(from = cpu, scrape?: Figures['scrape']): Figures {
  const { user, system } = process.cpuUsage(from);
  const elapsed = (performance.now() - since) * 1000;
  cpu = process.cpuUsage();
  since = performance.now();
  const rss = process.memoryUsage.rss();
  return { cpu: user + system, elapsed, rss, ...(scrape ? { scrape } : {}) };
}
async function answer(question: Question): Promise<Figures> {
  if (question === 'total') return figures(collected);
  if (question === 'collect') {
    globalThis.gc?.();
    collected = process.cpuUsage();
  } else if (question === 'counters') {
    return { ...figures(), counters: (await variant.counters?.()) ?? {} };
  } else if (question === 'scrape') {
    const from = performance.now();
    const text = (await variant.metrics?.()) ?? '';
    return figures(cpu, { ms: performance.now() - from, bytes: text.length });
  } else if (typeof question === 'object') {
    if ('slow' in question) variant.slow?.(question.slow);
    else variant.series?.(question.series);
  }
  return figures();
}
process.on('message', async (question: Question) => process.send?.(await answer(question)));
process.on('disconnect', () => process.exit(0));
