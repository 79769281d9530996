import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('reaper.sh', import.meta.url));

// Writes its own line to the reaper's pipe (3), closes that, and turns into the program. In a shell of its own, so that
// a reaper that died a moment ago ends only that one.
const ANNOUNCE = '(echo "+ $$ $0" >&3) 2>/dev/null; exec 3>&-; exec "$@"';

/** A program to start. */
export interface Launch {
  argv: string[];
  environment: Record<string, string>;
  cwd: string;
  /** What asks it to stop, without SIG. */
  stopSignal: 'TERM' | 'INT';
}

/** Starts programs such that none outlives this process, not even when this one is killed. */
export interface Reaper {
  /**
   * Starts a program in a process group of its own, its output appended to `output` (a file descriptor); `piped`: its standard
   * input and output are pipes instead, and only its errors go there.
   */
  start(launch: Launch, output: number, piped?: 'piped'): ChildProcess;
  pid(): number | undefined;
  /** Ends the reaper; to be called when everything has stopped. */
  close(): Promise<void>;
}

/**
 * Starts `reaper.sh`, and a new one whenever it dies.
 * @param onDeath called when it had to be replaced
 */
export function startReaper(onDeath: () => void): Reaper {
  const running = new Map<number, Launch['stopSignal']>();
  let closing = false;
  let reaper = launchReaper();

  function launchReaper(): ChildProcess & { stdin: Writable } {
    const child = spawn('/bin/sh', [SCRIPT], { detached: true, cwd: '/', stdio: ['pipe', 'ignore', 'ignore'] });
    // A write to a reaper that has just died: its successor is told everything anyway.
    child.stdin.on('error', () => {});
    for (const [pid, signal] of running) child.stdin.write(`+ ${pid} ${signal}\n`);
    child.on('exit', () => {
      if (closing) return;
      reaper = launchReaper();
      onDeath();
    });
    return child;
  }

  return {
    start({ argv, environment, cwd, stopSignal }, output, piped) {
      const child = spawn('/bin/sh', ['-c', ANNOUNCE, stopSignal, ...argv], {
        cwd,
        env: environment,
        detached: true,
        stdio: [piped ? 'pipe' : 'ignore', piped ? 'pipe' : output, output, reaper.stdin],
      });
      const { pid } = child;
      if (pid !== undefined) {
        running.set(pid, stopSignal);
        child.on('exit', () => {
          // Whatever it left in its group goes with it.
          killGroup(pid, 'SIGKILL');
          running.delete(pid);
          reaper.stdin.write(`- ${pid}\n`);
        });
      }
      return child;
    },
    pid: () => reaper.pid,
    async close() {
      closing = true;
      if (reaper.exitCode !== null || reaper.signalCode !== null) return;
      const exit = once(reaper, 'exit');
      reaper.stdin.end();
      await exit;
    },
  };
}

/** Sends a signal to a whole process group; a group that is gone already is no error. */
export function killGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
