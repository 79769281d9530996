/** A load test's result as lines for a person. */
import { REQUEST_BASELINE, STEP_BASELINES } from '@clinic/catalogue/baselines';
import type { LoadResult, Resource } from './result.ts';
import { STEPS } from './steps.ts';

export const milliseconds = (ms: number): string =>
  Number.isNaN(ms)
    ? 'none'
    : ms < 10
      ? `${ms.toFixed(1)} ms`
      : ms < 10_000
        ? `${Math.round(ms)} ms`
        : `${(ms / 1000).toFixed(1)} s`;

/** Minutes and seconds. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

export const percent = (share: number): string =>
  `${Number((share * 100).toFixed(share > 0 && share < 0.1 ? 2 : 0))} %`;

export function amount(value: number, unit: Resource['unit']): string {
  switch (unit) {
    case 'bytes':
      return `${Math.round(value / 2 ** 20)} MB`;
    case 'cores':
      return `${value.toFixed(2)} cores`;
    case 'seconds':
      return milliseconds(value * 1000);
    case 'share':
      return percent(value);
    case 'connections':
      return value.toFixed(1).replace(/\.0$/, '');
  }
}

export const spreadText = (sql: { min: number; median: number; max: number } | undefined): string =>
  sql === undefined ? '' : sql.min === sql.max ? `${sql.median}` : `${sql.median} (${sql.min} to ${sql.max})`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  return [head, ...rows].map((row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd(),
  );
}

const WORDS = { passed: 'PASSED', failed: 'FAILED', inconclusive: 'INCONCLUSIVE' } as const;

/** What k6 calls a threshold, as a sentence would. */
export function thresholdText(metric: string, rule: string): string {
  const [, name = metric, step] = /^(\w+)(?:\{step:(\w+)\})?$/.exec(metric) ?? [];
  const of = step ? STEPS[step as keyof typeof STEPS].title : 'all requests';
  const [, what = '', sign = '', limit = ''] = /^(.+?)([<>]=?)(.+)$/.exec(rule) ?? [];
  const than = sign.startsWith('<') ? 'below' : 'above';
  switch (name) {
    case 'http_req_duration':
      return `${of}: ${what.replace(/p\((\d+)\)/, 'p$1')} ${than} ${limit} ms`;
    case 'http_req_failed':
      return `${of}: failures ${than} ${percent(Number(limit))}`;
    case 'checks':
      return `${of}: ${percent(Number(limit))} answered as expected, or more`;
    case 'dropped_iterations':
      return `visits that found no user: ${than} ${limit}`;
    default:
      return `${metric} ${rule}`;
  }
}

export function summary(result: LoadResult): string {
  const { scenario, verdict, reason, seconds, requests, failed, perSecond, peakUsers, remarks } = result;
  return [
    `${WORDS[verdict]}  ${scenario}: ${requests} requests in ${Math.round(seconds)} s by up to ${peakUsers} users, ${perSecond.toFixed(1)} a second, ${failed} failed (${percent(requests ? failed / requests : 0)})`,
    ...(reason ? [reason] : []),
    ...(requests > 0 ? measurements(result) : []),
    ...remarks.map((remark) => `  Note: ${remark}`),
  ].join('\n');
}

function measurements(result: LoadResult): string[] {
  const { requests, failed, p50, p95, p99 } = result;
  const limits: Readonly<Record<string, number>> = STEP_BASELINES;
  return [
    '',
    ...table(
      ['step', 'requests', 'failed', 'p50', 'p95', 'p99', 'slowest', 'limit of p95', 'SQL a request'],
      [
        ...result.steps.map((one) => [
          STEPS[one.step].title,
          `${one.count}`,
          `${one.failed}`,
          ...[one.p50, one.p95, one.p99, one.max].map(milliseconds),
          limits[one.step] === undefined ? '' : `${limits[one.step]} ms`,
          spreadText(one.sql),
        ]),
        ['all', `${requests}`, `${failed}`, ...[p50, p95, p99].map(milliseconds), '', `${REQUEST_BASELINE} ms`, ''],
      ],
    ),
    '',
    ...result.thresholds.map(({ metric, rule, ok }) => `  ${ok ? 'ok  ' : 'MISS'}  ${thresholdText(metric, rule)}`),
    '',
    ...table(
      ['resource', 'mean', 'p95', 'most', 'of'],
      result.resources.map(({ title, unit, mean, p95: high, max, limit }) => [
        title,
        ...[mean, high, max].map((value) => amount(value, unit)),
        limit === undefined ? '' : `${amount(limit, unit)}`,
      ]),
    ),
    '',
    '  slowest requests, and their traces',
    ...result.slowest
      .slice(0, 5)
      .map(
        ({ step, ms, users, url, trace }) =>
          `  ${milliseconds(ms).padStart(8)}  ${STEPS[step].title}, at ${users} users  ${url ?? `trace ${trace}: not kept`}`,
      ),
    ...(result.tidied > 0 ? ['', `  ${result.tidied} appointments were cancelled after the test.`] : []),
  ];
}
