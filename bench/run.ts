/** `npm run perf:bench`: measures, prints a table, writes bench/results and docs/performance.md. `-- --quick` only proves that it works. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join, resolve } from 'node:path';
import { readme } from '../instrumentation/collected.ts';
import { read } from '../stack/commands.mjs';
import { benchmarkBrowser } from './browser.ts';
import { cores } from './cores.ts';
import { performanceDocument } from './documents.ts';
import {
  benchmarkSeries,
  benchmarkSlowEvents,
  benchmarkSpans,
  seriesSeconds,
  slowEventsSeconds,
  spansSeconds,
} from './growth.ts';
import type { OutageResult } from './outage.ts';
import { FULL, QUICK } from './plan.ts';
import { benchmarkPreview } from './preview.ts';
import { drive, startSink } from './process-under-test.ts';
import { Progress } from './progress.ts';
import { browserSection, goals, type NodeResult, nodeSection, previewSection } from './report.ts';
import { benchmarkVariants, variantsSeconds } from './variants.ts';

const ROOT = resolve(import.meta.dirname, '..');
const { quick = false } = read('perf:bench', process.argv.slice(2)).values;
const plan = quick ? QUICK : FULL;
const pinning = cores();
const pinTo = (list: string) => execFileSync('taskset', ['-apc', list, String(process.pid)], { stdio: 'ignore' });
if (pinning) pinTo(pinning.load);
// As `npm start` runs its services: without it each process holds the compiler that strips types.
const cache = join(ROOT, 'node_modules/.cache/bench');
mkdirSync(cache, { recursive: true });
const environment = { NODE_COMPILE_CACHE: join(cache, 'compile') };

const browserSeconds = 5 + plan.browserRounds * 10;
const progress = new Progress(
  variantsSeconds(plan) + slowEventsSeconds + seriesSeconds(plan) + spansSeconds(plan) + browserSeconds,
);

/** Runs beside the rest, on another core, at a low rate. */
async function outageBeside(): Promise<{ result(): Promise<OutageResult> }> {
  const driven = await drive<OutageResult, never>({
    file: 'outage.ts',
    cores: pinning?.load,
    environment: {
      PLAN: JSON.stringify(plan.outage),
      CORES: pinning?.other ?? '',
      CACHE: environment.NODE_COMPILE_CACHE,
    },
  });
  const result = driven.next();
  result.catch(() => {});
  return { result: () => result };
}

const sink = await startSink(pinning?.load);
const collector = `http://127.0.0.1:${sink.port}`;
const outage = await outageBeside();
const variants = await benchmarkVariants({ plan, cores: pinning, collector, environment, progress });
const growth = { plan, cores: pinning, sink, environment, progress };
const slowEvents = await benchmarkSlowEvents(growth);
const series = await benchmarkSeries(growth);
const spans = await benchmarkSpans(growth);
progress.step('the end of the outage', 0);
const node: NodeResult = {
  at: new Date().toISOString(),
  node: process.versions.node,
  processor: cpus()[0]?.model ?? 'unknown processor',
  cores: cpus().length,
  pinned: pinning !== undefined,
  warmUpSeconds: plan.warmUp,
  rounds: plan.rounds,
  variants,
  slowEvents,
  series,
  spans,
  outage: await outage.result(),
};
await sink.stop();
progress.step('the clinic in the browser', browserSeconds);
// Chromium inherits the pinning, and on two cores its processes wait for each other more than for the page.
if (pinning) pinTo(`0-${cpus().length - 1}`);
const browser = await benchmarkBrowser({ rounds: plan.browserRounds });
const preview = await benchmarkPreview();

const folder = quick ? cache : join(ROOT, 'bench/results');
mkdirSync(folder, { recursive: true });
const write = (name: string, result: unknown) =>
  writeFileSync(join(folder, name), `${JSON.stringify(result, null, 2)}\n`);
write('node.json', node);
write('browser.json', browser);
write('preview.json', preview);
if (!quick) {
  writeFileSync(join(ROOT, 'docs/performance.md'), performanceDocument(ROOT));
  writeFileSync(join(ROOT, 'instrumentation/README.md'), readme(ROOT));
}

console.log(`${nodeSection(node)}\n\n${browserSection(browser)}\n\n${previewSection(preview)}`);
const { made, arrived } = node.outage.slowEvents;
const results = [
  ...(quick ? [] : goals(node)),
  { goal: 'every slow event arrives after an outage', value: `${arrived} of ${made}`, met: arrived === made },
];
for (const { goal, value, met } of results) console.log(`${met ? 'met   ' : 'MISSED'} ${goal}: ${value}`);
if (results.some(({ met }) => !met)) process.exitCode = 1;
