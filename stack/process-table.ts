import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** One running process. `command` is its command line, as the process may have rewritten it. */
export interface Process {
  pid: number;
  parent: number;
  command: string;
}

const hasProc = process.platform === 'linux';

/** Every process of this machine that this user may see, zombies left out. */
export function listProcesses(): Process[] {
  if (!hasProc) return listWithPs();
  return readdirSync('/proc').flatMap((entry) => {
    const stat = /^\d+$/.test(entry) && procStat(Number(entry));
    if (!stat || stat.state === 'Z') return [];
    const command = read(`/proc/${entry}/cmdline`)?.replaceAll('\0', ' ').trim() ?? '';
    return [{ pid: Number(entry), parent: stat.parent, command }];
  });
}

/**
 * What tells this process from a later one with the same id: its start, as text. Undefined when it is gone.
 */
export function processStart(pid: number): string | undefined {
  if (hasProc) {
    const stat = procStat(pid);
    if (!stat || stat.state === 'Z') return undefined;
    return `${read('/proc/sys/kernel/random/boot_id')?.trim() ?? ''}/${stat.start}`;
  }
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** A process and everything that descends from it. */
export function processTree(pid: number, processes: Process[] = listProcesses()): Process[] {
  const found = processes.filter((one) => one.pid === pid);
  for (const parent of found) found.push(...processes.filter((one) => one.parent === parent.pid && one.pid !== pid));
  return found;
}

/** Resident memory of one process, pages that it shares with others included; 0 when it is gone. */
export function residentBytes(pid: number): number {
  if (hasProc) return Number(/^VmRSS:\s+(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) * 1_024;
  try {
    return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1_024;
  } catch {
    return 0;
  }
}

/** Memory of one process with shared pages divided among those that share them; undefined where the system cannot say. */
export function proportionalBytes(pid: number): number | undefined {
  const kilobytes = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1];
  return kilobytes ? Number(kilobytes) * 1_024 : undefined;
}

function procStat(pid: number): { state: string; parent: number; start: string } | undefined {
  const text = read(`/proc/${pid}/stat`);
  if (!text) return undefined;
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0]!, parent: Number(fields[1]), start: fields[19]! };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function listWithPs(): Process[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,state=,command='], { encoding: 'utf8' }).split('\n');
  return lines.flatMap((line) => {
    const [, pid, parent, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    if (!pid || state?.startsWith('Z')) return [];
    return [{ pid: Number(pid), parent: Number(parent), command: command! }];
  });
}
