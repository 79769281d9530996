/**
 * `npm run perf:bench-sentinel`: what sentinel costs, and what a backup does to somebody who opens charts meanwhile; measured on the running
 * stack, windows with and without a backup in turn. Writes its section of docs/performance.md.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ascending, quantile } from '../k6/statistics.ts';
import { read } from '../stack/commands.mjs';
import { withSection } from './marked-section.ts';
import { Progress } from './progress.ts';
import { median } from './statistics.ts';

const ROOT = resolve(import.meta.dirname, '..');
const DOCUMENT = join(ROOT, 'docs/performance.md');
/** Charts opened a second: a busy practice. */
const RATE = 20;
const WINDOW_S = 8;
const IDLE_S = 60;

const { values } = read('perf:bench-sentinel', process.argv.slice(2));
const rounds = Number(values.rounds);
const port = (number: number) => number + Number(values['port-offset'] ?? 0);
const clinic = `http://127.0.0.1:${port(8080)}`;
const secret = (name: string) =>
  readFileSync(join(values.state ?? join(ROOT, '.state'), 'secrets', name), 'utf8').trim();

async function json<Body>(url: string, init: RequestInit = {}): Promise<Body> {
  const response = await fetch(url, init).catch(() => {
    throw new Error(`Nothing answers at ${new URL(url).origin}. Start the stack first: npm start`);
  });
  if (!response.ok) throw new Error(`${new URL(url).pathname} answered ${response.status}. Look at: npm run status`);
  return (await response.json()) as Body;
}

/** Milliseconds of each chart opened within the window, from the moment that it was due. */
async function openCharts(authorization: string, clients: readonly string[]): Promise<number[]> {
  const until = performance.now() + WINDOW_S * 1000;
  const opened: Promise<number>[] = [];
  for (let due = performance.now(), count = 0; due < until; due += 1000 / RATE, count++) {
    await sleep(Math.max(0, due - performance.now()));
    const from = due;
    opened.push(
      fetch(`${clinic}/api/clients/${clients[count % clients.length]}`, { headers: { authorization } }).then(
        async (response) => {
          await response.arrayBuffer();
          if (!response.ok) throw new Error(`A chart answered ${response.status}.`);
          return performance.now() - from;
        },
      ),
    );
  }
  return Promise.all(opened);
}

const p95 = (values: readonly number[]) => quantile(ascending(values), 0.95);

/** CPU seconds and resident bytes of sentinel. */
async function cost(): Promise<{ cpu: number; resident: number }> {
  const response = await fetch(`http://127.0.0.1:${port(9466)}/metrics`);
  const text = await response.text();
  const value = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
  return { cpu: value('process_cpu_seconds_total'), resident: value('process_resident_memory_bytes') };
}

const progress = new Progress(IDLE_S + rounds * 2 * WINDOW_S);
const database = new pg.Client({
  host: '127.0.0.1',
  port: port(5433),
  user: 'clinic',
  database: 'clinic',
  password: secret('postgres_password'),
});
await database.connect();
const transactions = async () =>
  Number(
    (await database.query("SELECT xact_commit + xact_rollback AS n FROM pg_stat_database WHERE datname = 'clinic'"))
      .rows[0].n,
  );

progress.step('an idle minute', IDLE_S);
const [before, transactionsBefore] = [await cost(), await transactions()];
await sleep(IDLE_S * 1000);
const [after, transactionsAfter] = [await cost(), await transactions()];
await database.end();

const { access_token } = await json<{ access_token: string }>(`${clinic}/auth`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ email: 'clinician@clinic.example', password: secret('demo_password') }),
});
const authorization = `Bearer ${access_token}`;
const { clients } = await json<{ clients: { id: string }[] }>(`${clinic}/api/clients`, { headers: { authorization } });
const ids = clients.map(({ id }) => id);

const pairs: { quiet: number; backup: number }[] = [];
for (let round = 0; round < rounds; round++) {
  progress.step(`charts without a backup, ${round + 1} of ${rounds}`, WINDOW_S);
  const quiet = p95(await openCharts(authorization, ids));
  progress.step('charts during a backup', WINDOW_S);
  const [backup] = await Promise.all([
    openCharts(authorization, ids),
    fetch(`http://127.0.0.1:${port(9466)}/backup`, { method: 'POST' }).then((response) => {
      if (!response.ok) throw new Error('The backup failed; the log of sentinel says why.');
    }),
  ]);
  pairs.push({ quiet, backup: p95(backup) });
}

const ms = (value: number) => `${value.toFixed(1)} ms`;
const ratios = ascending(pairs.map(({ quiet, backup }) => backup / quiet));
const table = `| | |
| --- | --- |
| CPU, idle, restore drills left out | ${((100 * (after.cpu - before.cpu)) / IDLE_S).toFixed(1)} % of one core |
| memory (resident) | ${(after.resident / 1e6).toFixed(0)} MB |
| transactions a minute on an idle clinic, all services | ${Math.round((60 * (transactionsAfter - transactionsBefore)) / IDLE_S)} |
| p95 of opening a chart, ${RATE} a second | ${ms(median(pairs.map(({ quiet }) => quiet)))} |
| the same during a base backup | ${ms(median(pairs.map(({ backup }) => backup)))} |
| ratio, median of ${pairs.length} pairs (least, greatest) | ${median(ratios).toFixed(2)} (${ratios[0]!.toFixed(2)}, ${ratios.at(-1)!.toFixed(2)}) |`;
console.log(table);
writeFileSync(DOCUMENT, withSection(readFileSync(DOCUMENT, 'utf8'), 'bench:sentinel', table));
