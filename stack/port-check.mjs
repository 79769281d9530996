import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer } from 'node:net';

/**
 * @typedef {{ pid: number, command: string }} Holder
 * @typedef {{ port: number, service: string, holder?: Holder }} TakenPort a port that someone else listens on; `holder`: who, where
 *   the system says so
 */

/**
 * Tells which of these ports of 127.0.0.1 cannot be listened on.
 * @param {{ port: number, service: string }[]} wanted
 * @returns {Promise<TakenPort[]>}
 */
export async function takenPorts(wanted) {
  const free = await Promise.all(wanted.map(({ port }) => isFree(port)));
  return wanted
    .filter((_, index) => !free[index])
    .map((one) => {
      const holder = holderOf(one.port);
      return { ...one, ...(holder && { holder }) };
    });
}

/** @param {TakenPort} taken */
export function takenPortWords({ port, service, holder }) {
  const by = holder ? `process ${holder.pid} (${holder.command})` : 'another program, which this user may not see';
  return `port ${port}, which ${service} needs, is taken by ${by}`;
}

/**
 * What to tell the user about taken ports.
 * @param {TakenPort[]} taken
 */
export function takenPortsMessage(taken) {
  const lines = taken.map((one) => `  ${takenPortWords(one)}`);
  const pids = [...new Set(taken.flatMap(({ holder }) => (holder ? [holder.pid] : [])))];
  const stop = pids.length > 0 ? `Stop it (kill ${pids.join(' ')})` : 'Stop it';
  return `Cannot start:\n${lines.join('\n')}\n${stop}, or move all ports: npm start -- --port-offset 10000`;
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
async function isFree(port) {
  // Where a wildcard listener does not keep others from binding 127.0.0.1, it still answers there.
  const answered = await new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
  if (answered) return false;
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (/** @type {NodeJS.ErrnoException} */ error) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else if (error.code === 'EACCES')
        reject(new Error(`This user may not listen on port ${port}: choose a --port-offset`));
      else reject(error);
    });
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * @param {number} port
 * @returns {Holder | undefined}
 */
function holderOf(port) {
  try {
    return process.platform === 'linux' ? holderInProc(port) : holderByLsof(port);
  } catch {
    return undefined;
  }
}

/**
 * @param {number} port
 * @returns {Holder | undefined}
 */
function holderInProc(port) {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const LISTEN = '0A';
  const inodes = new Set(
    ['tcp', 'tcp6'].flatMap((table) =>
      readFileSync(`/proc/net/${table}`, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter((fields) => fields[1]?.endsWith(`:${hexPort}`) && fields[3] === LISTEN)
        .map((fields) => `socket:[${fields[9]}]`),
    ),
  );
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const held = readdirSync(`/proc/${pid}/fd`).some((fd) => inodes.has(linkOf(`/proc/${pid}/fd/${fd}`)));
      if (held) return { pid: Number(pid), command: shown(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')) };
    } catch {
      // Not ours to look into, or gone meanwhile.
    }
  }
  return undefined;
}

/** @param {string} path */
function linkOf(path) {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/**
 * @param {number} port
 * @returns {Holder | undefined}
 */
function holderByLsof(port) {
  const found = execFileSync('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'], { encoding: 'utf8' });
  const [, pid, command = ''] = /^p(\d+)\n(?:.*\n)*?c(.*)$/m.exec(found) ?? [];
  return pid ? { pid: Number(pid), command } : undefined;
}

/**
 * The program and its first argument tell what it is; what follows may hold anything.
 * @param {string[]} argv
 */
function shown(argv) {
  return argv.slice(0, 2).join(' ').trim().slice(0, 120);
}
