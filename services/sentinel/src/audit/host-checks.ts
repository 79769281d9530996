/** What the machine shows of a run without Docker: open ports, files with secrets. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Checked, checked, type Finding, together } from './configuration-rules.ts';

export interface HostTarget {
  /** Folder of files with one secret each. */
  readonly secrets: string;
  /** Ports of the stack that nothing but this machine should reach. */
  readonly ports: readonly number[];
  /** Where Linux lists its sockets. */
  readonly procNet?: string;
}

export async function hostChecks({ secrets, ports, procNet = '/proc/net' }: HostTarget): Promise<Checked> {
  return together(
    await Promise.all([
      checked('files with secrets', async () => secretFindings(secrets)),
      checked('open ports', async () => {
        const lists = ['tcp', 'tcp6'].map((name) => join(procNet, name)).filter((file) => existsSync(file));
        if (lists.length === 0) throw new Error('this system does not list its sockets');
        const open = new Set(lists.flatMap((file) => openPorts(readFileSync(file, 'utf8'))));
        return ports.filter((port) => open.has(port)).map((port) => ({ rule: 'port_open', subject: `port ${port}` }));
      }),
    ]),
  );
}

/** Ports that listen on other than loopback addresses, from the text of /proc/net/tcp or tcp6. */
export function openPorts(text: string): number[] {
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === '0A')
    .flatMap(([, local = '']) => {
      const [address = '', port = ''] = local.split(':');
      // Each group of eight digits is a 32-bit word of this machine, least byte first: 127.x.x.x ends in 7F.
      const loopback =
        /^[0-9A-F]{6}7F$/.test(address) ||
        /^0{24}01000000$/.test(address) ||
        /^0{16}FFFF0000[0-9A-F]{6}7F$/.test(address);
      return loopback ? [] : [Number.parseInt(port, 16)];
    });
}

const MIN_LENGTH = 20;
const KNOWN = /^(?:password|secret|changeme|admin|clinic|postgres|123456)/i;

export function secretFindings(folder: string): Finding[] {
  const findings: Finding[] = [];
  // 0o077: what group and others may do. Nobody gets to the files of a folder that is closed to them.
  const isOpen = (path: string) => (statSync(path).mode & 0o077) !== 0;
  const reachable = isOpen(folder);
  const seen = new Map<string, string>();
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if (!statSync(file).isFile()) continue;
    if (reachable && isOpen(file)) findings.push({ rule: 'secret_readable', subject: name });
    const secret = readFileSync(file, 'utf8').trim();
    if (secret.length < MIN_LENGTH || KNOWN.test(secret)) findings.push({ rule: 'secret_weak', subject: name });
    const twin = seen.get(secret);
    if (twin) findings.push({ rule: 'secret_weak', subject: `${name} is the same as ${twin}` });
    seen.set(secret, name);
  }
  return findings;
}
