/** One load test, from the check of its target to its result. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import type { COMMANDS } from '../stack/commands.mjs';
import { leaveClean } from './clean.ts';
import { type Reading, writeGauges } from './gauges.ts';
import { type Generated, generate, SAMPLES, THRESHOLDS_CROSSED } from './generator.ts';
import { machine, machineBusy } from './machine.ts';
import { asFarAsKnown, curve, keptUrl, statementCount } from './observations.ts';
import {
  type LoadResult,
  measured,
  type Resource,
  resource,
  type SlowSample,
  type StepResult,
  slowestSamples,
  spread,
  stepResults,
  timelineOf,
  type Verdict,
} from './result.ts';
import { leftBehind, readSamples, type Sample } from './samples.ts';
import { ascending, quantile } from './statistics.ts';
import { clock } from './summary.ts';
import { refuseUnhealthy, type Target } from './target.ts';

export type K6Scenario = Exclude<keyof (typeof COMMANDS)['perf:load']['operands']['among'], 'browser-journey'>;

export interface LoadOptions {
  readonly scenario: K6Scenario;
  readonly target: Target;
  /** Of the scenario's durations; 1 is what it is made for. */
  readonly timeScale: number;
  /** Made when it does not exist. */
  readonly folder: string;
  log(line: string): void;
  /** A line that the next one replaces. */
  status?(line: string): void;
  readonly signal?: AbortSignal;
}

const ROOT = join(import.meta.dirname, '..');
const SCRIPTS = join(import.meta.dirname, 'scenarios');
/** Prometheus forgets a gauge after five minutes; its readers look every few seconds. */
const GAUGES_EVERY_MS = 5_000;
/** The Collector scrapes the clinic every five seconds; what happened last is there after twice that. */
const SCRAPED_AFTER_MS = 10_000;
const TRACES_PER_STEP = 7;
const SLOWEST = 10;
const POOL_EVERY_MS = 500;

/** The same scripts have the same hash: results of others cannot be compared. */
export function scriptHash(): string {
  const hash = createHash('sha256');
  for (const file of readdirSync(SCRIPTS).sort()) hash.update(readFileSync(join(SCRIPTS, file)));
  for (const file of ['k6/steps.ts', 'catalogue/baselines.ts']) hash.update(readFileSync(join(ROOT, file)));
  return hash.digest('hex');
}

/** Runs a load test and resolves with what it found. Rejects with a TargetError when it does not begin. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  const { scenario, target, timeScale, folder, log, status = () => {}, signal } = options;
  await refuseUnhealthy(target);
  mkdirSync(folder, { recursive: true });

  const remarks: string[] = [];
  const gauges = gaugeWriter(target, scenario, remarks);
  const busy = machineBusy();
  const busyCurve: [number, number][] = [];
  const started = Date.now();
  const progress = { samples: 0, failed: 0, users: 0, recent: [] as (readonly Sample[])[] };
  await gauges([['loadTestRunning', {}, 1]]);
  const pool = watchPool(target.clinic);
  const ticker = setInterval(() => {
    busyCurve.push([Date.now() / 1000, busy()]);
    void gauges([
      ['loadTestRunning', {}, 1],
      ['loadTestUsers', {}, progress.users],
    ]);
  }, GAUGES_EVERY_MS);
  log(`${scenario} against ${target.clinic}${timeScale === 1 ? '' : `, its time times ${timeScale}`}`);

  let generated: Generated;
  try {
    generated = await generate({
      script: join(SCRIPTS, `${scenario}.ts`),
      target,
      folder,
      timeScale,
      ...(signal && { signal }),
      onSamples(samples) {
        progress.samples += samples.length;
        progress.failed += samples.filter(({ good }) => !good).length;
        progress.users = samples.at(-1)?.users ?? progress.users;
        progress.recent = [...progress.recent.slice(-9), samples];
        const recent = ascending(progress.recent.flat().map(({ ms }) => ms));
        const p95 = recent.length > 0 ? `p95 ${Math.round(quantile(recent, 0.95))} ms` : '';
        status(
          `${clock((Date.now() - started) / 1000)}  ${progress.users} users  ${(recent.length / progress.recent.length).toFixed(1)} requests/s  ${p95}  ${progress.failed} of ${progress.samples} failed`,
        );
      },
    });
  } finally {
    clearInterval(ticker);
    pool.stop();
    await gauges([
      ['loadTestRunning', {}, 0],
      ['loadTestUsers', {}, 0],
    ]);
  }

  const all = await readSamples(join(folder, SAMPLES));
  const tidied = await leaveClean(target, leftBehind(all)).catch((error: Error) => {
    remarks.push(error.message);
    return 0;
  });
  const samples = measured(all);
  const { verdict, reason } = judge(generated, samples, signal?.aborted ?? false);
  const steps = stepResults(samples);
  const range = { from: samples[0]?.at ?? started, to: samples.at(-1)?.at ?? started };
  if (target.prometheus || target.tempo) {
    status('asking Prometheus and Tempo what they saw');
    await sleep(SCRAPED_AFTER_MS);
  }
  const known = asFarAsKnown(remarks);
  const sorted = ascending(samples.map(({ ms }) => ms));
  const seconds = (range.to - range.from) / 1000;
  const result: LoadResult = {
    format: 1,
    scenario,
    verdict,
    ...(reason && { reason }),
    startedAt: new Date(range.from).toISOString(),
    seconds,
    timeScale,
    target: target.clinic,
    machine: machine(),
    script: scriptHash(),
    requests: samples.length,
    failed: samples.filter(({ good }) => !good).length,
    perSecond: seconds > 0 ? samples.length / seconds : 0,
    peakUsers: samples.reduce((most, { users }) => Math.max(most, users), 0),
    p50: quantile(sorted, 0.5),
    p95: quantile(sorted, 0.95),
    p99: quantile(sorted, 0.99),
    // Of a test that came to no end, some would be kept because nobody got there.
    thresholds: verdict === 'inconclusive' ? [] : (generated.thresholds ?? []),
    steps: await withStatements(target, steps, samples, known),
    slowest: await withTraces(target, slowestSamples(samples, SLOWEST), known),
    timeline: timelineOf(samples),
    resources: [
      ...(await clinicResources(target, range, known)),
      ...pool.result(),
      ...resource({
        name: 'machine',
        title: 'The machine, all that runs on it',
        unit: 'share',
        limit: 1,
        curve: busyCurve,
      }),
    ],
    tidied,
    remarks,
  };
  if (verdict !== 'inconclusive') await gauges(resultReadings(result));
  return result;
}

function judge(
  { exitCode, thresholds, complaint }: Generated,
  samples: readonly Sample[],
  stopped: boolean,
): { verdict: Verdict; reason?: string } {
  if (stopped) return { verdict: 'inconclusive', reason: 'It was stopped before its end.' };
  if (!thresholds || (exitCode !== 0 && exitCode !== THRESHOLDS_CROSSED)) {
    return {
      verdict: 'inconclusive',
      reason: `k6 did not get to its end (exit code ${exitCode}). It said:\n${complaint}`,
    };
  }
  if (samples.length === 0) return { verdict: 'inconclusive', reason: 'Not a single request was made.' };
  return { verdict: exitCode === 0 ? 'passed' : 'failed' };
}

/** Writes gauges of this scenario; that Prometheus does not take them is remarked once and stops nothing. */
function gaugeWriter({ prometheus }: Target, scenario: K6Scenario, remarks: string[]) {
  let told = false;
  return async (readings: readonly Reading[]): Promise<void> => {
    if (!prometheus) return;
    await writeGauges(
      prometheus,
      readings.map(([signal, labels, value]) => [signal, { scenario, ...labels }, value]),
    ).catch((error: Error) => {
      if (!told) remarks.push(`The dashboards do not know of this test: ${error.message}`);
      told = true;
    });
  };
}

const resultReadings = ({ steps, requests, failed, perSecond, verdict }: LoadResult): Reading[] => [
  ...steps.flatMap(({ step, p50, p95, p99 }): Reading[] => [
    ['loadTestStepDuration', { step, quantile: '0.5' }, p50 / 1000],
    ['loadTestStepDuration', { step, quantile: '0.95' }, p95 / 1000],
    ['loadTestStepDuration', { step, quantile: '0.99' }, p99 / 1000],
  ]),
  ['loadTestRequestRate', {}, perSecond],
  ['loadTestFailures', {}, failed / requests],
  ['loadTestPassed', {}, verdict === 'passed' ? 1 : 0],
  ['loadTestFinished', {}, Date.now() / 1000],
];

type Known = ReturnType<typeof asFarAsKnown>;

/** Statements of typical requests: those in the middle of each step, whose number does not depend on chance. */
async function withStatements(
  { tempo }: Target,
  steps: StepResult[],
  samples: readonly Sample[],
  known: Known,
): Promise<StepResult[]> {
  if (!tempo) return steps;
  return Promise.all(
    steps.map(async (result) => {
      const own = samples.filter(({ step, good }) => good && step === result.step).toSorted((a, b) => a.ms - b.ms);
      const from = Math.max(0, Math.floor((own.length - TRACES_PER_STEP) / 2));
      const counts = await Promise.all(
        own.slice(from, from + TRACES_PER_STEP).map(({ trace }) => known(statementCount(tempo, trace, 2_000))),
      );
      const sql = spread(counts.filter((count) => count !== undefined));
      return { ...result, ...(sql && { sql }) };
    }),
  );
}

const withTraces = ({ tempo }: Target, slowest: readonly Sample[], known: Known): Promise<SlowSample[]> =>
  Promise.all(
    slowest.map(async ({ step, ms, at, users, trace }) => {
      const url = tempo && (await known(keptUrl(tempo, trace)));
      return { step, ms, at, users, trace, ...(url && { url }) };
    }),
  );

const BYTES: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** What docker-compose.yml allows the clinic. */
function memoryLimit(): number {
  const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<string, { mem_limit: string }>;
  };
  const [, amount, unit] = /^(\d+)([kmg])$/.exec(services['clinic-api']!.mem_limit)!;
  return Number(amount) * BYTES[unit!]!;
}

/** Connections in use, asked twice a second: the scrape every five seconds hits a request of ten milliseconds too rarely. */
function watchPool(clinic: string) {
  const used: [number, number][] = [];
  let max: number | undefined;
  let asking = false;
  const ticker = setInterval(async () => {
    if (asking) return;
    asking = true;
    try {
      const response = await fetch(`${clinic}/api/health/database`, {
        headers: { 'x-synthetic': '1' },
        signal: AbortSignal.timeout(5_000),
      });
      const { pool } = (await response.json()) as { pool: { used: number; max: number } };
      max = pool.max;
      used.push([Date.now() / 1000, pool.used]);
    } catch {
      // Too busy to say, or away: the requests of the test show it.
    }
    asking = false;
  }, POOL_EVERY_MS);
  return {
    stop: () => clearInterval(ticker),
    result: () =>
      resource({
        name: 'connections',
        title: 'Connections in use',
        unit: 'connections',
        ...(max !== undefined && { limit: max }),
        curve: used,
      }),
  };
}

async function clinicResources(
  { prometheus }: Target,
  range: { from: number; to: number },
  known: Known,
): Promise<Resource[]> {
  if (!prometheus) return [];
  const ask = async (query: string) => (await known(curve(prometheus, query, range))) ?? [];
  const [cpu, memory, lag] = await Promise.all([
    ask('sum(rate(process_cpu_seconds_total{job="clinic-api"}[20s]))'),
    ask('sum(process_resident_memory_bytes{job="clinic-api"})'),
    ask('max(nodejs_eventloop_lag_p99_seconds{job="clinic-api"})'),
  ]);
  return [
    ...resource({
      name: 'cpu',
      title: 'Processor time of the clinic',
      unit: 'cores',
      limit: 1,
      curve: cpu,
    }),
    ...resource({ name: 'memory', title: 'Memory of the clinic', unit: 'bytes', limit: memoryLimit(), curve: memory }),
    ...resource({ name: 'event_loop', title: 'Delay of the event loop, p99', unit: 'seconds', curve: lag }),
  ];
}
