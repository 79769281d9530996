/** The security audit: who opens charts and why, who tries to sign in, and whether the records of it can be trusted. */
import { mkdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Instruments } from '@clinic/instrumentation/node/instruments';
import type { Pool } from 'pg';
import type { Log } from '../log.ts';
import type { Schedule } from '../schedule.ts';
import { patternsAt, volumes } from './access-watch.ts';
import { secondFactorCoverage } from './accounts.ts';
import { auditMetrics, type Knowledge } from './audit-metrics.ts';
import { anchorAt } from './chain.ts';
import { createChainWatch } from './chain-watch.ts';
import { together } from './configuration-rules.ts';
import { auditCoverage, coverageRatio } from './coverage.ts';
import { databaseChecks } from './database-checks.ts';
import { nextStretch } from './explanations.ts';
import { type HeadsFile, openHeads } from './heads.ts';
import { type Notebook, openNotebook, STREAMS } from './notebook.ts';
import type { Query } from './query.ts';
import { createReviewSite } from './review-site.ts';
import { attacksAt, type OpeningHours, signInFigures } from './sign-in-watch.ts';
import { readScans } from './vulnerabilities.ts';
import { webChecks } from './web-checks.ts';

export interface AuditOptions {
  /** Connections as clinic_sentinel; shared with the other parts of sentinel. */
  readonly database: Pool;
  /** `postgres://user@host:port/name`, on which known passwords are tried. */
  readonly databaseUrl: string;
  readonly schedule: Schedule;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly instruments: Instruments;
  /** A folder of the audit's own; exists. Reports of scanners are put into its folder `scans`. */
  readonly state: string;
  readonly clinicUrl: string;
  readonly auditKey: string;
  readonly openingHours: OpeningHours;
  /** Milliseconds after which an access is explained. Default: 15 minutes. */
  readonly settleMs?: number;
  readonly log: Log;
}

export interface Audit {
  /** Answers a request of the review queue; false when the path is not one of its own. */
  handle(path: string, request: IncomingMessage, response: ServerResponse): boolean;
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

export async function startAudit(options: AuditOptions): Promise<Audit> {
  const { database, databaseUrl, schedule, now, instruments, state, clinicUrl, auditKey, openingHours, log } = options;
  const query: Query = async (text, values = []) => (await database.query(text, [...values])).rows;
  const scans = join(state, 'scans');
  mkdirSync(scans, { recursive: true });
  const heads = openHeads(state);
  const notebook = openNotebook(join(state, 'notebook.sqlite'));
  const chain = createChainWatch({ query, heads, now, ...keptTime(notebook) });
  let knowledge: Knowledge = {};
  const learn = (more: Knowledge) => {
    knowledge = { ...knowledge, ...more };
  };
  auditMetrics({ instruments, notebook, knowledge: () => knowledge, chain: () => chain.state, now });

  const follow = async () => {
    await followLog({ ...options, query, notebook, heads });
    const at = now();
    for (const pattern of attacksAt(notebook, at))
      if (notebook.attack(pattern, at)) log('warn', 'sign_in_attack', { pattern });
    learn({
      signIns: signInFigures(notebook, at, openingHours),
      secondFactor: await secondFactorCoverage(query),
      coverage: coverageRatio(await auditCoverage(query, at)),
      scans: readScans(scans, at),
      followedAt: at,
    });
  };
  const lookForPatterns = async () => {
    const at = now();
    learn({ volumes: volumes(notebook, at) });
    for (const { pattern, actor } of await patternsAt({ notebook, now: at, placesOf: placesOf(query) }))
      notebook.flag({ pattern, actor, at });
    notebook.prune(at);
  };
  const lookAtConfiguration = async () => {
    const parts = [webChecks({ url: clinicUrl }), databaseChecks({ query, url: databaseUrl })];
    const configuration = together(await Promise.all(parts));
    learn({ configuration });
    if (configuration.unchecked.length > 0)
      log('warn', 'configuration_unchecked', { parts: configuration.unchecked.length });
  };
  const verify = async () => void (await chain.verify());

  // One after the other: each of them moves what the next one reads.
  let before: Promise<unknown> = Promise.resolve();
  const alone = (work: () => Promise<void>) => {
    const result = before.then(work);
    before = result.catch(() => {});
    return result;
  };
  const jobs = [
    { name: 'audit_follow', every: MINUTE_MS / 2, work: follow },
    { name: 'audit_patterns', every: 5 * MINUTE_MS, work: lookForPatterns },
    { name: 'audit_chain', every: 5 * MINUTE_MS, work: () => chain.follow() },
    // At three in the morning, UTC.
    { name: 'audit_chain_whole', every: DAY_MS, offset: 3 * HOUR_MS, catchUp: true, work: verify },
    { name: 'audit_configuration', every: 6 * HOUR_MS, work: lookAtConfiguration },
  ];
  for (const { work, ...job } of jobs) schedule.add({ ...job, run: () => alone(work) });
  for (const [name, work] of [
    ['audit_chain_whole', verify],
    ['audit_follow', follow],
    ['audit_patterns', lookForPatterns],
    ['audit_configuration', lookAtConfiguration],
  ] as const) {
    alone(work).catch((error: unknown) =>
      log('error', 'job_failed', { job: name, error: error instanceof Error ? error.name : 'unknown' }),
    );
  }

  const site = createReviewSite({
    database,
    notebook,
    clinicUrl,
    auditKey,
    now,
    reviewed: () => alone(() => followLog({ ...options, query, notebook, heads })),
  });
  return {
    handle: site,
    async close() {
      await before;
      notebook.close();
    },
  };
}

/** When the whole chain was last in order, kept in the notebook. */
function keptTime(notebook: Notebook) {
  const kept = notebook.get<{ at: number }>("SELECT at FROM first_seen WHERE id = 'chain verified'");
  return {
    verifiedAt: kept?.at,
    verified: (at: number) => {
      notebook.get(
        "INSERT INTO first_seen VALUES ('chain verified', ?) ON CONFLICT DO UPDATE SET at = excluded.at RETURNING at",
        at,
      );
    },
  };
}

/** The log is not the one that was read before, and no restore was recorded that would say why. */
export class LogReplaced extends Error {
  override readonly name = 'LogReplaced';
}

export interface FollowOptions {
  readonly query: Query;
  readonly notebook: Notebook;
  readonly heads: HeadsFile;
  readonly now: () => number;
  readonly auditKey: string;
  readonly settleMs?: number;
}

/** Reads the log to its end. Rejects with {@link LogReplaced}. */
export async function followLog({ query, notebook, heads, now, auditKey, settleMs }: FollowOptions): Promise<void> {
  for (const stream of STREAMS) {
    const position = notebook.position(stream);
    if ((await anchorAt(query, position.seq))?.hash === position.hash) continue;
    const { last } = heads.read();
    const kept = last && last.kind === 'restored' ? await anchorAt(query, last.seq - 1) : undefined;
    if (!kept || kept.seq >= position.seq) throw new LogReplaced('the audit log is not the one that was read before');
    notebook.forgetFrom(kept);
  }
  for (const stream of STREAMS) {
    for (;;) {
      const after = notebook.position(stream);
      const stretch = await nextStretch({
        query,
        stream,
        after,
        now: now(),
        auditKey,
        ...(settleMs !== undefined && { settleMs }),
      });
      if (!stretch) break;
      notebook.add(stretch);
    }
  }
}

/** Places of clients in the list, which is sorted by name. */
export const placesOf = (query: Query) => async (clients: readonly string[]) => {
  const rows = await query<{ id: string; place: string }>(
    `SELECT id, place FROM (SELECT id, row_number() OVER (ORDER BY family_name, given_name, id) AS place FROM clients) AS list
     WHERE id = ANY($1)`,
    [clients],
  );
  return new Map(rows.map(({ id, place }) => [id, Number(place)]));
};
