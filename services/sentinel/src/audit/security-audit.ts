/**
 * `npm run ops:security-audit`: holds the running stack against the list in configuration-rules.ts. Ends with 1 for findings of high or critical
 * severity (`--fail-on`), with 2 when something could not be looked at.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SCANNERS, SEVERITIES } from '@clinic/catalogue/vocabulary';
import { parse } from 'yaml';
import { read, UsageError } from '../../../../stack/commands.mjs';
import { openPool } from '../database.ts';
import { secondFactorCoverage } from './accounts.ts';
import { createChainWatch } from './chain-watch.ts';
import { type Checked, checked, together } from './configuration-rules.ts';
import { databaseChecks } from './database-checks.ts';
import { openHeads } from './heads.ts';
import { hostChecks } from './host-checks.ts';
import { queryOf } from './query.ts';
import { asJson, asSarif, asTable, exitCode, type SecurityReport } from './security-report.ts';
import { readScans } from './vulnerabilities.ts';
import { webChecks } from './web-checks.ts';

const ROOT = resolve(import.meta.dirname, '../../../..');

export interface AuditTarget {
  /** Folder of the run's state. */
  readonly state: string;
  readonly portOffset: number;
  /** Where people reach the clinic. */
  readonly clinic: string;
}

/** Looks at everything that can be looked at. Rejects when the stack's state is not there. */
export async function securityReport({ state, portOffset, clinic }: AuditTarget): Promise<SecurityReport> {
  const secrets = join(state, 'secrets');
  const database = openPool({
    url: `postgres://clinic_sentinel@127.0.0.1:${5433 + portOffset}/clinic`,
    password: readFileSync(join(secrets, 'sentinel_password'), 'utf8').trim(),
  });
  const query = queryOf(database);
  const folder = join(state, 'sentinel-data', 'audit');
  try {
    const parts: Checked[] = [
      await webChecks({ url: clinic }),
      await databaseChecks({ query, url: `postgres://clinic_sentinel@127.0.0.1:${5433 + portOffset}/clinic` }),
      await hostChecks({ secrets, ports: portsOfStack().map((port) => port + portOffset) }),
      await checked('second factors', async () => {
        const { privilegedWithout } = await secondFactorCoverage(query);
        return privilegedWithout > 0
          ? [{ rule: 'second_factor_missing', subject: `${privilegedWithout} administrators` }]
          : [];
      }),
      await checked('audit log', async () => {
        if (!existsSync(join(folder, 'audit-head-key.pem'))) throw new Error('sentinel has not signed it yet');
        // Only sentinel signs: two writers would break the list of heads.
        const heads = { ...openHeads(folder), append: () => {} };
        const { breaks } = await createChainWatch({ query, heads, now: Date.now }).verify();
        return breaks.map(({ kind, seq }) => ({ rule: 'audit_chain_broken', subject: `${kind} from row ${seq} on` }));
      }),
    ];
    const scans = join(folder, 'scans');
    const { scans: found, unreadable } = existsSync(scans)
      ? readScans(scans, Date.now())
      : { scans: [], unreadable: [] };
    const missing = SCANNERS.filter((name) => !found.some(({ scanner }) => scanner === name));
    parts.push({
      findings: [],
      unchecked: [
        ...missing.map((name) => `vulnerabilities: no report of ${name}`),
        ...unreadable.map((name) => `vulnerabilities: ${name} is no report`),
      ],
    });
    return { checked: together(parts), vulnerabilities: found.flatMap(({ found: each }) => each) };
  } finally {
    await database.end();
  }
}

/** What docker-compose.yml publishes or exposes. */
function portsOfStack(): number[] {
  const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Record<string, { ports?: string[]; expose?: string[] }>;
  };
  return Object.values(services)
    .flatMap(({ ports = [], expose = [] }) => [...ports, ...expose])
    .map((port) => Number(port.split(':').at(-1)));
}

if (import.meta.main) {
  try {
    const { values } = read('ops:security-audit', process.argv.slice(2));
    const portOffset = Number(values['port-offset'] ?? 0);
    const failOn = SEVERITIES.find((each) => each === values['fail-on'])!;
    if (values.json && values.sarif) throw new UsageError('ops:security-audit', '--json or --sarif, not both.');
    const clinic = values.clinic ?? `http://127.0.0.1:${8080 + portOffset}`;
    const state = resolve(values.state ?? join(ROOT, '.state'));
    if (!existsSync(join(state, 'secrets', 'sentinel_password')))
      throw new TypeError(`There is no stack in ${state}. Start it first: npm start`);
    const report = await securityReport({ state, portOffset, clinic });
    process.stdout.write(values.json ? asJson(report) : values.sarif ? asSarif(report) : asTable(report));
    process.exitCode = exitCode(report, failOn);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof UsageError)) throw error;
    console.error(error.message);
    process.exitCode = error instanceof UsageError ? 2 : 3;
  }
}
