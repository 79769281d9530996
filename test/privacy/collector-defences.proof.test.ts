/**
 * The Collector without one of its defences, fed with words everywhere: the search must then find some. As shipped it finds none
 * (test/collector.e2e.test.ts, which also shows that a statement that fails stops its pipeline). Stages are taken away one after the
 * other; `PRIVACY_MUTANTS=each npm run test:proof -- privacy-mutants` takes away each statement and each condition.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { eventually } from '../eventually.ts';
import { Canary, EXEMPLAR, plantedLogs, plantedMetrics, plantedPage, plantedTraces } from '../planted.ts';
import { type CollectorConfiguration, ShippedCollector, Sink } from '../shipped-collector.ts';
import { ROOT } from '../stack-under-test.ts';

type Change = (configuration: CollectorConfiguration) => void;
const SINKS = ['tempo', 'prometheus', 'recorder', 'target'] as const;

let sinks: Record<(typeof SINKS)[number], Sink>;
beforeAll(async () => {
  const started = await Promise.all(SINKS.map(async (name) => [name, await Sink.start()] as const));
  sinks = Object.fromEntries(started) as typeof sinks;
});
afterAll(() => Promise.all(Object.values(sinks).map((sink: Sink) => sink.down())));

const BODIES = { traces: plantedTraces, logs: plantedLogs, metrics: plantedMetrics };
type Signal = keyof typeof BODIES;
const SINK_OF = { traces: 'tempo', logs: 'recorder', metrics: 'prometheus' } as const;

/** Places whose word came out of a Collector that was changed, of one signal. */
async function leaksOf(signal: Signal, ...changes: readonly Change[]): Promise<string[]> {
  for (const sink of Object.values(sinks)) sink.received.length = 0;
  const canary = new Canary();
  if (signal === 'metrics') sinks.target.page = plantedPage(canary);
  const collector = await ShippedCollector.start({
    ...sinks,
    change: (configuration) => {
      configuration.service.pipelines.metrics!.receivers.push('otlp');
      for (const change of changes) change(configuration);
    },
  });
  try {
    expect((await collector.post(signal, BODIES[signal](canary))).status).toBe(200);
    const sink = sinks[SINK_OF[signal]];
    // Of metrics, what was sent and what was scraped.
    const arrived = () =>
      signal === 'metrics'
        ? /operation_duration_seconds/.test(sink.text) && /"up"/.test(sink.text)
        : sink.received.length > 0;
    await eventually(arrived, { within: 15_000, what: signal });
    return canary.foundIn(sink.text).filter((place) => place !== EXEMPLAR);
  } finally {
    await collector.stop();
  }
}

const withoutStage =
  (stage: string): Change =>
  ({ service }) => {
    for (const pipeline of Object.values(service.pipelines)) {
      pipeline.processors = pipeline.processors.filter((name) => name !== stage);
    }
  };
const listOf = ({ processors }: CollectorConfiguration, stage: string, list: string) =>
  (processors[stage] as Record<string, string[]>)[list]!;
const withoutList =
  (stage: string, list: string): Change =>
  (configuration) =>
    void listOf(configuration, stage, list).splice(0);

/** What decides what passes, and what is planted to try it. */
const LISTS = [
  ['filter/traces', 'trace_conditions', 'traces'],
  ['filter/logs', 'log_conditions', 'logs'],
  ['filter/metrics', 'metric_conditions', 'metrics'],
  ['transform/strip', 'trace_statements', 'traces'],
  ['transform/strip', 'log_statements', 'logs'],
  ['transform/strip', 'metric_statements', 'metrics'],
] as const;

test.each(LISTS)('without %s: %s something is found', async (stage, list, signal) => {
  expect(await leaksOf(signal, withoutList(stage, list))).not.toEqual([]);
});

test('redaction stands behind the statements: without both more is found', async () => {
  const statements = withoutList('transform/strip', 'trace_statements');
  const [one, both] = [
    await leaksOf('traces', statements),
    await leaksOf('traces', statements, withoutStage('redaction')),
  ];
  expect(both).toEqual(expect.arrayContaining(one));
  expect(both.filter((place) => !one.includes(place))).toContain('span: value of an unknown attribute');
});

const allowList = parse(readFileSync(join(ROOT, 'collector/allow-list.yaml'), 'utf8')) as CollectorConfiguration;

describe.runIf(process.env.PRIVACY_MUTANTS === 'each')('without one line, and without redaction behind it', () => {
  const lines = LISTS.flatMap(([stage, list, signal]) =>
    listOf(allowList, stage, list).map((line, index) => ({ stage, list, signal, index, line: line.slice(0, 100) })),
  );
  test.each(lines)('$stage $list $index: $line', async ({ stage, list, signal, index }) => {
    const without: Change = (configuration) => void listOf(configuration, stage, list).splice(index, 1);
    expect(await leaksOf(signal, without, withoutStage('redaction'))).not.toEqual([]);
  });
});
