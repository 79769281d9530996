import { join } from 'node:path';
import { API_BASELINES, LOAD_BASELINES, SQL_BASELINES } from '@clinic/catalogue/baselines';
import type { StatusLine } from '../../stack/status-line.mjs';
import { browserJourney } from '../browser-journey.ts';
import { busyness } from '../gate/machine.ts';
import { SAMPLES } from '../generator.ts';
import { runLoad } from '../load.ts';
import { machine } from '../machine.ts';
import type { OwnStack } from '../own-stack.ts';
import { type LoadResult, measured } from '../result.ts';
import { readSamples, type Sample } from '../samples.ts';
import { ascending, quantile, quantileInterval } from '../statistics.ts';
import { STEPS } from '../steps.ts';
import type { Measured, Row } from './document.ts';
import { timeStatements } from './statements.ts';

export interface MeasureOptions {
  /** Freshly seeded, and nobody else's: notes stay in it. */
  readonly stack: Pick<OwnStack, 'target' | 'state' | 'portOffset'>;
  /** Results of the load tests are written there. */
  readonly folder: string;
  readonly progress: StatusLine;
  /** Of the durations of the two load tests. */
  readonly timeScale: number;
  readonly statements: number;
  readonly pageLoads: number;
  readonly signal?: AbortSignal;
}

/** A load test that did not come to its end measured nothing. */
export class NotMeasured extends Error {
  override readonly name = 'NotMeasured';
}

export async function measureBaselines(options: MeasureOptions): Promise<Measured> {
  const { stack, folder, progress, timeScale, statements, pageLoads, signal } = options;
  const busyBefore = busyness();
  const at = new Date().toISOString();
  const run = async (scenario: 'endpoints' | 'critical-paths') => {
    const result = await runLoad({
      scenario,
      target: stack.target,
      timeScale,
      folder: join(folder, scenario),
      ...progress,
      ...(signal && { signal }),
    });
    if (result.verdict === 'inconclusive') throw new NotMeasured(`${scenario}: ${result.reason}`);
    return result;
  };

  progress.log('SQL, one statement after the other');
  const times = await timeStatements({ ...stack, executions: statements });
  progress.log('pages, in a browser');
  const journey = await browserJourney({
    target: stack.target,
    rounds: pageLoads,
    status: progress.status,
    ...(signal && { signal }),
  });
  await run('endpoints');
  const samples = measured(await readSamples(join(folder, 'endpoints', SAMPLES)));
  const load = await run('critical-paths');

  const sqlRows = Object.entries(SQL_BASELINES).map(([name, limit]) =>
    timesRow('sql', name, limit, times[name as keyof typeof times]),
  );
  const pageRows = journey.pages.map(({ route, limit, loads }) => timesRow('page', route, limit, loads));
  return {
    at,
    machine: machine(),
    browser: journey.browser,
    clients: SEEDED_CLIENTS,
    users: load.peakUsers,
    timeScale,
    busyBefore,
    rows: [...apiRows(samples), ...pageRows, ...sqlRows, ...loadRows(load)],
  };
}

/** What docker-compose.yml seeds. */
const SEEDED_CLIENTS = 2000;

function timesRow(kind: Row['kind'], name: string, limit: number, sorted: readonly number[]): Row {
  return {
    kind,
    name,
    unit: 'ms',
    limit,
    n: sorted.length,
    value: quantile(sorted, 0.95),
    p50: quantile(sorted, 0.5),
    interval: quantileInterval(sorted, 0.95),
  };
}

export function apiRows(samples: readonly Sample[]): Row[] {
  return Object.entries(API_BASELINES).map(([route, limit]) => {
    const own = samples.filter(({ step, good }) => good && STEPS[step].route === route);
    return timesRow('api', route, limit, ascending(own.map(({ ms }) => ms)));
  });
}

export function loadRows({ requests, failed, resources }: LoadResult): Row[] {
  const of = (name: 'connections' | 'memory' | 'cpu', key: 'p95' | 'max'): Row[] => {
    const found = resources.find((resource) => resource.name === name);
    if (!found?.limit) throw new NotMeasured(`Prometheus has no ${name} of the clinic for the time of the test.`);
    return [
      {
        kind: 'load',
        name,
        unit: 'share',
        limit: LOAD_BASELINES[name],
        n: found.curve.length,
        value: found[key] / found.limit,
      },
    ];
  };
  return [
    {
      kind: 'load',
      name: 'failures',
      unit: 'share',
      limit: LOAD_BASELINES.failures,
      n: requests,
      value: failed / requests,
    },
    ...of('connections', 'p95'),
    ...of('memory', 'max'),
    ...of('cpu', 'max'),
  ];
}
