/** What a load test is aimed at, and whether it may be. */
import { readFileSync } from 'node:fs';

export interface Target {
  /** Base URLs. Without those of Prometheus and Tempo the report says less. */
  readonly clinic: string;
  readonly prometheus?: string;
  readonly tempo?: string;
  /** Holds the password of the seeded accounts. */
  readonly passwordFile: string;
}

/** Why a load test does not begin; the message says what to do. */
export class TargetError extends Error {
  override readonly name = 'TargetError';
}

/** The stack of `npm start` that keeps its state there. */
export function stackTarget(state: string, portOffset: number): Target {
  const at = (port: number) => `http://localhost:${port + portOffset}`;
  return { clinic: at(8080), prometheus: at(9090), tempo: at(3200), passwordFile: `${state}/secrets/demo_password` };
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** Refuses what is not on this machine, before anything is sent there, unless somebody says that it is theirs. */
export function refuseForeign(target: Target, owned: boolean): void {
  for (const url of [target.clinic, target.prometheus, target.tempo]) {
    if (url === undefined) continue;
    const { hostname, protocol, origin } = URL.parse(url) ?? {};
    if (!hostname || !/^https?:$/.test(protocol ?? '')) {
      throw new TargetError('A target must be a base URL, such as http://localhost:8080');
    }
    if (!owned && !LOOPBACK.test(hostname)) {
      throw new TargetError(
        `${origin} is not this machine. A load test of somebody else's server is an attack. If it is yours, and whoever is on call knows: --i-own-this-target`,
      );
    }
  }
}

async function get(url: string): Promise<Response | undefined> {
  return fetch(url, {
    headers: { 'x-synthetic': '1' },
    redirect: 'manual',
    signal: AbortSignal.timeout(5_000),
  }).catch(() => undefined);
}

const HEALTH = ['database', 'email', 'storage'] as const;

/** Rejects with a TargetError that names what is not well; a clinic that is ill already would be measured as slow. */
export async function refuseUnhealthy({ clinic, prometheus, tempo, passwordFile }: Target): Promise<void> {
  for (const part of HEALTH) {
    const answer = await get(`${clinic}/api/health/${part}`);
    if (!answer) {
      throw new TargetError(
        `Nothing answers at ${clinic}. Start the stack first (npm start), or let the test bring one of its own: --own-stack`,
      );
    }
    if (answer.status !== 200) {
      throw new TargetError(
        `The clinic's ${part} is not healthy: ${clinic}/api/health/${part} answered ${answer.status}. A load test would measure the trouble. Look at: npm run status`,
      );
    }
  }
  for (const [name, url] of [
    ['Prometheus', prometheus && `${prometheus}/-/ready`],
    ['Tempo', tempo && `${tempo}/ready`],
  ] as const) {
    if (url && (await get(url))?.status !== 200) {
      throw new TargetError(`${name} does not answer at ${url}. Look at: npm run status`);
    }
  }
  try {
    readFileSync(passwordFile);
  } catch {
    throw new TargetError(
      `The password of the demo accounts cannot be read from ${passwordFile}. Say where it is: --state DIR, or --password-file FILE`,
    );
  }
}
