import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { processTree, proportionalBytes, residentBytes } from '../../stack/process-table.ts';
import type { Clinic } from '../gate/clinic.ts';
import { ENDPOINTS, openVisitor, type Visitor } from '../gate/workload.ts';
import { mean, quantile } from '../statistics.ts';
import type { Usage } from './resource.ts';

/** What was seen while so many requests were under way. */
export interface Measured {
  readonly usage: Usage;
  /** Requests answered, of each second. */
  readonly throughputs: readonly number[];
  /** Milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly errors: number;
  /** Bytes. */
  readonly apiMemory: number;
  readonly databaseMemory: number;
}

/** How often each is asked for in a visit: what a clinician does between one sign-in and the next. */
const VISIT = [
  'GET /api/clients',
  'GET /api/clients/:id',
  'GET /api/clients/:id',
  'GET /api/appointments',
  'POST /api/appointments',
  'GET /api/clinical-notes/:id',
  'POST /api/clinical-notes',
  'GET /api/dashboard',
] as const;

const SAMPLE_MS = 200;
const TICKS = 100; // of a second; Linux reports in these whatever the kernel's own rate

const read = (path: string) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};
/** Seconds of processor that a process or thread has used. */
function seconds(path: string): number {
  const text = read(path);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / TICKS;
}
/** Seconds that a thread has run or was ready to run and had to wait for a processor: what it wanted, whoever else is here. */
function wanted(folder: string): number {
  const [run, wait] = read(`${folder}/schedstat`).split(' ').map(Number);
  return run === undefined || wait === undefined ? seconds(`${folder}/stat`) : (run + wait) / 1e9;
}
/** Seconds that all processors have been busy, and been there. */
function processors(): { busy: number; all: number } {
  const [line = ''] = read('/proc/stat').split('\n');
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, ...rest] = line.split(/\s+/).slice(1, 9).map(Number);
  const busy = user + nice + system + rest.reduce((sum, value) => sum + value, 0);
  return { busy: busy / TICKS, all: (busy + idle + wait) / TICKS };
}

interface Sample {
  readonly used: number;
  readonly pending: number;
  readonly working: number;
  readonly locked: number;
  readonly reading: number;
  readonly waiting: number;
}

/** What of a clinic is asked while it is loaded. */
export type LoadedClinic = Pick<Clinic, 'url' | 'password'> & {
  readonly stack: Pick<Clinic['stack'], 'pid' | 'port'>;
  readonly database: Pick<Clinic['database'], 'query'>;
};

/** Connections of the pool as the clinic itself tells, and what its sessions do as the database tells. */
async function look(clinic: LoadedClinic): Promise<Sample> {
  const [metrics, [sessions]] = await Promise.all([
    fetch(`http://127.0.0.1:${clinic.stack.port(9464)}/metrics`).then((response) => response.text()),
    clinic.database.query<Omit<Sample, 'used' | 'pending'>>(
      `SELECT count(*) FILTER (WHERE state = 'active' AND wait_event_type IS NULL)::int AS working,
         count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock')::int AS locked,
         count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'IO')::int AS reading,
         count(*) FILTER (WHERE state LIKE 'idle in transaction%' OR wait_event_type = 'Client' AND xact_start IS NOT NULL)::int AS waiting
       FROM pg_stat_activity WHERE usename = 'clinic_app'`,
    ),
  ]);
  const connections = (state: string) =>
    Number(
      new RegExp(`^db_client_connection_count\\{[^}]*state="${state}"[^}]*\\} (\\S+)`, 'm').exec(metrics)?.[1] ?? 0,
    );
  return { used: connections('used'), pending: connections('pending'), ...sessions! };
}

/** Users who come when they are needed, and stay signed in. */
export interface Crowd {
  readonly clinic: LoadedClinic;
  readonly visitors: Visitor[];
  /** Requests so far: what is created must be something new. */
  asked: number;
}

export const gather = (clinic: LoadedClinic): Crowd => ({ clinic, visitors: [], asked: 0 });

/** Signing in costs 40 ms of a core, and too many at once are refused. */
const AT_ONCE = 4;

/**
 * Closed model: each of so many users asks again as soon as it is answered. That is what the scalability law speaks of, and it ends in
 * a queue of known length; beyond the knee an open model's queue only grows, and measures how long the test went on. The first quarter
 * of the time is not counted. `length` in seconds.
 */
export async function measureStep(crowd: Crowd, users: number, length: number): Promise<Measured> {
  const { clinic } = crowd;
  while (crowd.visitors.length < users) {
    const missing = Math.min(AT_ONCE, users - crowd.visitors.length);
    crowd.visitors.push(...(await Promise.all(Array.from({ length: missing }, () => openVisitor(clinic)))));
  }
  const byName = new Map(ENDPOINTS.map((endpoint) => [endpoint.name, endpoint]));
  const random = seededRandom(users);
  const api = clinic.stack.pid('clinic-api')!;
  const database = () => processTree(clinic.stack.pid('postgres')!).map(({ pid }) => pid);
  let over = false;
  let counted = false;
  const done: { at: number; ms: number }[] = [];
  let errors = 0;
  const working = crowd.visitors.slice(0, users).map(async (visitor) => {
    // Not all begin with the same request.
    for (let step = Math.floor(random() * VISIT.length); !over; step++) {
      const endpoint = byName.get(VISIT[step % VISIT.length]!)!;
      // A connection that is lost is an answer as well.
      const answer = await visitor.visit(endpoint, crowd.asked++).catch(() => undefined);
      if (!counted) continue;
      if (!answer || answer.status >= 400) errors++;
      else done.push({ at: performance.now(), ms: answer.ms });
    }
  });
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const cpu = () => ({
    api: seconds(`/proc/${api}/stat`),
    loop: wanted(`/proc/${api}/task/${api}`),
    database: database().reduce((sum, pid) => sum + seconds(`/proc/${pid}/stat`), 0),
    wanted: database().reduce((sum, pid) => sum + wanted(`/proc/${pid}`), 0),
    machine: processors(),
  });
  const watch = async () => {
    await pause((length * 1000) / 4);
    counted = true;
    const began = performance.now();
    const before = cpu();
    const samples: Sample[] = [];
    while (performance.now() - began < length * 750) {
      samples.push(await look(clinic));
      await pause(SAMPLE_MS);
    }
    counted = false;
    return { began, before, after: cpu(), took: (performance.now() - began) / 1000, samples };
  };
  const { began, before, after, took, samples } = await watch().finally(() => {
    over = true;
  });
  const [apiMemory, databaseMemory] = [
    residentBytes(api),
    database().reduce((sum, pid) => sum + (proportionalBytes(pid) ?? 0), 0),
  ];
  await Promise.all(working);
  const windows = Math.max(2, Math.floor(took));
  const throughputs = Array.from({ length: windows }, (_, window) => {
    const from = began + (window * took * 1000) / windows;
    const to = began + ((window + 1) * took * 1000) / windows;
    return (done.filter(({ at }) => at >= from && at < to).length * windows) / took;
  });
  const latencies = Float64Array.from(done, ({ ms }) => ms).sort();
  const of = (key: keyof Sample) => mean(samples.map((sample) => sample[key]));
  return {
    usage: {
      users,
      eventLoop: (after.loop - before.loop) / took,
      api: (after.api - before.api) / took,
      database: (after.database - before.database) / took,
      databaseWanted: (after.wanted - before.wanted) / took,
      processors: availableParallelism(),
      machine: (after.machine.busy - before.machine.busy) / (after.machine.all - before.machine.all),
      used: of('used'),
      pending: of('pending'),
      working: of('working'),
      locked: of('locked'),
      reading: of('reading'),
      waiting: of('waiting'),
    },
    throughputs,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    errors,
    apiMemory,
    databaseMemory,
  };
}

/** The statement that took most of the database's time, and its share. */
export async function costliest(clinic: Clinic): Promise<string> {
  const [row] = await clinic.database.query<{ query: string; share: number }>(
    `SELECT query, total_exec_time / sum(total_exec_time) OVER () AS share FROM pg_stat_statements
     JOIN pg_roles ON pg_roles.oid = userid WHERE rolname = 'clinic_app' ORDER BY total_exec_time DESC LIMIT 1`,
  );
  if (!row) return 'none';
  const line = row.query.replace(/\s+/g, ' ').trim();
  return `${(row.share * 100).toFixed(0)} % of its time: ${line.length > 140 ? `${line.slice(0, 137)}...` : line}`;
}
