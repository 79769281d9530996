import { join, relative } from 'node:path';
import { exitCodeOf } from './commands.mjs';
import { askHealth } from './health.ts';
import { listProcesses, type Process, processTree, proportionalBytes, residentBytes } from './process-table.ts';
import { isAlive, readRun, type ServiceRecord } from './run-record.ts';
import { stateFolder } from './state-folder.ts';

interface Row {
  cells: string[];
  pids: number[];
  well: boolean;
}

/**
 * `npm run status`: shows each service's state, process, memory, ports and its health as it is now.
 * @returns the exit code: 0 all are healthy, 1 one is not, 3 nothing runs
 * @throws {UsageError}
 */
export async function status(args: string[], root: string): Promise<number> {
  const state = stateFolder('status', args, root);
  const run = readRun(state);
  if (!run || !isAlive(run.supervisor)) {
    const left = run?.services.filter((one) => one.process && isAlive(one.process)) ?? [];
    console.log(`No stack is running in ${relative('', state) || '.'}. npm start starts one.`);
    if (left.length > 0)
      console.log(`Left of a killed run: ${left.map(({ title }) => title).join(', ')}. npm stop ends it.`);
    return 3;
  }
  const processes = listProcesses();
  const rows = await Promise.all(run.services.map((service) => row(service, processes)));
  const own = [run.supervisor.pid, ...(run.reaper ? [run.reaper.pid] : [])];
  rows.push({
    cells: ['(this run)', 'running', String(run.supervisor.pid), since(run.since), megabytes(memory(own)), '', '', ''],
    pids: own,
    well: true,
  });
  const header = ['SERVICE', 'STATE', 'PID', 'UPTIME', 'RSS', 'HEALTH', 'PORTS', ''];
  const table = [header, ...rows.map(({ cells }) => cells)];
  const widths = header.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  for (const cells of table)
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    );
  console.log(
    `\nTotal RSS ${megabytes(memory(rows.flatMap(({ pids }) => pids)))}${shared(rows.flatMap(({ pids }) => pids))}`,
  );
  return rows.every(({ well }) => well) ? 0 : 1;
}

async function row(service: ServiceRecord, processes: Process[]): Promise<Row> {
  const { title, state, detail, process: mark, startedAt, ports, health } = service;
  const alive = mark !== undefined && isAlive(mark);
  const pids = alive ? processTree(mark.pid, processes).map(({ pid }) => pid) : [];
  const begun = state !== 'waiting' && state !== 'obtaining' && state !== 'missing';
  const healthy = health && begun ? (await askHealth(health)).healthy : undefined;
  const up = state === 'completed' || state === 'healthy' || state === 'running';
  return {
    cells: [
      title,
      state,
      alive ? String(mark.pid) : '-',
      alive && startedAt ? since(startedAt) : '-',
      alive ? megabytes(memory(pids)) : '-',
      healthy === undefined ? '-' : healthy ? 'ok' : 'FAILS',
      ports.join(' '),
      detail ?? '',
    ],
    pids,
    well: up && healthy !== false && (mark === undefined || alive),
  };
}

function memory(pids: number[]): number {
  return pids.reduce((sum, pid) => sum + residentBytes(pid), 0);
}

function shared(pids: number[]): string {
  const parts = pids.map(proportionalBytes);
  if (parts.some((part) => part === undefined)) return '';
  return `; ${megabytes(parts.reduce<number>((sum, part) => sum + part!, 0))} with shared pages counted once`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1_000_000)} MB`;
}

function since(iso: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1_000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
  return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`;
}

if (import.meta.main)
  process.exit(await exitCodeOf(() => status(process.argv.slice(2), join(import.meta.dirname, '..'))));
