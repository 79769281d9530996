/** docs/baselines.md, from what was measured last. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BASELINE_LIFETIME_DAYS, USERS_BASELINE } from '@clinic/catalogue/baselines';
import type { Machine } from '../machine.ts';
import type { Interval } from '../statistics.ts';
import { STATEMENTS } from './statements.ts';

/** One promise beside what was measured. */
export interface Row {
  readonly kind: 'api' | 'page' | 'sql' | 'load';
  readonly name: string;
  readonly unit: 'ms' | 'share';
  /** The value must stay below it. */
  readonly limit: number;
  /** Measurements behind the value. */
  readonly n: number;
  /** What is compared with the limit: a 95th percentile; of `load` see {@link LOAD_ROWS}. */
  readonly value: number;
  readonly p50?: number;
  /** Where the 95th percentile of all that could have been measured lies, with 95 % confidence. */
  readonly interval?: Interval;
}

/** What the rows of kind `load` say. */
export const LOAD_ROWS = {
  failures: 'requests that were not answered as expected',
  connections: 'connections of the pool in use, p95 of half-second looks',
  memory: 'resident memory of the clinic at most, of what docker-compose.yml allows it',
  cpu: 'processor time of the clinic at most, of one core, which is all that its own code can use',
} as const;

export interface Measured {
  /** ISO 8601. */
  readonly at: string;
  readonly machine: Machine;
  readonly browser: string;
  /** Seeded clients. */
  readonly clients: number;
  readonly users: number;
  /** Of the durations of the load test. */
  readonly timeScale: number;
  /** Load of the machine by others before it began, per core. */
  readonly busyBefore: number;
  readonly rows: readonly Row[];
}

export const RESULTS = 'k6/baselines/measured.json';
const DAY_MS = 86_400_000;

export const kept = ({ value, limit }: Pick<Row, 'value' | 'limit'>): boolean => value < limit;

const number = (value: number, unit: Row['unit']) =>
  unit === 'share'
    ? `${Number((value * 100).toFixed(value < 0.1 ? 2 : 0))} %`
    : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function section(rows: readonly Row[], kind: Row['kind'], title: string): string {
  const own = rows.filter((row) => row.kind === kind);
  return `## ${title}

${table(
  kind === 'load'
    ? ['', 'below', 'measured', 'n', '']
    : ['', 'p95 below', 'p95 measured', 'p95 lies between', 'p50', 'n', ''],
  own.map((row) => [
    kind === 'load' ? LOAD_ROWS[row.name as keyof typeof LOAD_ROWS] : `\`${row.name}\``,
    number(row.limit, row.unit),
    number(row.value, row.unit),
    ...(row.interval && row.p50 !== undefined
      ? [`${number(row.interval.low, row.unit)} and ${number(row.interval.high, row.unit)}`, number(row.p50, row.unit)]
      : []),
    `${row.n}`,
    kept(row) ? 'kept' : '**missed**',
  ]),
)}`;
}

export function document({ at, machine, browser, clients, users, timeScale, busyBefore, rows }: Measured): string {
  const expires = new Date(Date.parse(at) + BASELINE_LIFETIME_DAYS * DAY_MS).toISOString().slice(0, 10);
  const missed = rows.filter((row) => !kept(row)).length;
  return `<!-- Generated from catalogue/baselines.ts and ${RESULTS}. Do not edit; measure anew: npm run perf:baselines -->
# Baselines

What the practice expects of the clinic, beside what was measured: **${rows.length - missed} of ${rows.length} kept**.

${table(
  ['', ''],
  [
    ['measured', at.slice(0, 10)],
    ['expires', `${expires}: then they say nothing about the clinic of today`],
    ['commit', machine.commit || 'unknown'],
    [
      'machine',
      `${machine.processor}, ${machine.cores} cores, ${machine.memoryGb} GB, Node ${machine.node}, ${browser}`,
    ],
    [
      'what else ran',
      busyBefore < 0.3
        ? 'nothing to speak of'
        : `others kept the machine busy: a load of ${busyBefore.toFixed(1)} per core before it began`,
    ],
    ['data', `${clients} seeded clients, on a stack started for this`],
    [
      'users',
      `played on the same machine${timeScale === 1 ? '' : `; the load test's time was shortened to ${timeScale}`}`,
    ],
  ],
)}

${section(rows, 'api', 'API')}

20 users at once, who read for one to three seconds before they go on; from sending a request to the last byte of its answer.

${section(rows, 'page', 'Pages')}

In a real browser that has cached nothing: from the start of the navigation until the page's own data is painted, as the library's
\`page_load\` counts it.

${section(rows, 'sql', 'SQL')}

One after the other, each about another client, over a connection of the clinic's own role; the data is in memory.

\`\`\`sql
${Object.entries(STATEMENTS)
  .map(([name, sql]) => `-- ${name}\n${sql};`)
  .join('\n\n')}
\`\`\`

${section(rows, 'load', `${users} users`)}

The scenario \`critical-paths\`: [docs/load-testing.md](load-testing.md) tells what it does.${users < USERS_BASELINE ? ` **Only ${users} users were reached.**` : ''}
`;
}

/** What belongs into docs/baselines.md. Before the first measurement it says how to make one. */
export function baselinesDocument(root: string): string {
  const path = join(root, RESULTS);
  return existsSync(path)
    ? document(JSON.parse(readFileSync(path, 'utf8')) as Measured)
    : '# Baselines\n\nNothing was measured yet: `npm run perf:baselines`.\n';
}
