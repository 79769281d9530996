/** The security audit: who opens charts and why, who tries to sign in, and whether the records of it can be trusted. */
import { mkdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Instruments } from '@clinic/instrumentation/node/instruments';
import type { Pool } from 'pg';
import { reasonOf } from '../health/check.ts';
import type { Log } from '../log.ts';
import type { Memory } from '../memory.ts';
import type { Schedule } from '../schedule.ts';
import { patternsAt, volumes } from './access-watch.ts';
import { secondFactorCoverage } from './accounts.ts';
import { auditMetrics, type Knowledge } from './audit-metrics.ts';
import { anchorAt, GENESIS, lastAnchor } from './chain.ts';
import { type ChainState, createChainWatch, recordRestore } from './chain-watch.ts';
import { together } from './configuration-rules.ts';
import { auditCoverage, coverageRatio } from './coverage.ts';
import { databaseChecks } from './database-checks.ts';
import { nextStretch } from './explanations.ts';
import { openHeads } from './heads.ts';
import { type Notebook, openNotebook, STREAMS } from './notebook.ts';
import { type Query, queryOf } from './query.ts';
import { createReviewSite } from './review-site.ts';
import { attacksAt, type OpeningHours, signInFigures } from './sign-in-watch.ts';
import { readScans, type Severity } from './vulnerabilities.ts';
import { webChecks } from './web-checks.ts';

export interface AuditOptions {
  /** Connections as clinic_sentinel; shared with the other parts of sentinel. */
  readonly database: Pool;
  /** `postgres://user@host:port/name`, on which known passwords are tried. */
  readonly databaseUrl: string;
  readonly schedule: Schedule;
  readonly memory: Pick<Memory, 'get' | 'set'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly instruments: Instruments;
  /** A folder of the audit's own; exists. Reports of scanners are put into its folder `scans`. */
  readonly state: string;
  readonly clinicUrl: string;
  readonly auditKey: string;
  /** How many proxies in front of the review queue write X-Forwarded-For. */
  readonly proxies: number;
  readonly openingHours: OpeningHours;
  /** Milliseconds after which an access is explained. Default: 15 minutes. */
  readonly settleMs?: number;
  readonly log: Log;
}

export interface Audit {
  /** Answers a request of the review queue; false when the path is not one of its own. */
  handle(path: string, request: IncomingMessage, response: ServerResponse): boolean;
  /**
   * To be called once after the database was restored to an earlier time. `at` (epoch milliseconds): that time; it is needed when the clinic
   * has written since. Resolves with what a walk over the whole log then finds.
   */
  finishRestore(at?: number): Promise<ChainState>;
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** When the whole chain was last in order. */
const CHAIN_VERIFIED = 'audit:chain_verified';

export async function startAudit(options: AuditOptions): Promise<Audit> {
  const {
    database,
    databaseUrl,
    schedule,
    memory,
    now,
    instruments,
    state,
    clinicUrl,
    auditKey,
    proxies,
    openingHours,
    log,
  } = options;
  const query = queryOf(database);
  const scans = join(state, 'scans');
  mkdirSync(scans, { recursive: true });
  const heads = openHeads(state);
  const notebook = openNotebook(join(state, 'notebook.sqlite'));
  const chain = createChainWatch({
    query,
    heads,
    now,
    verifiedAt: memory.get<number>(CHAIN_VERIFIED),
    verified: (at) => memory.set(CHAIN_VERIFIED, at),
  });
  let knowledge: Knowledge = {};
  const learn = (more: Knowledge) => {
    knowledge = { ...knowledge, ...more };
  };
  auditMetrics({ instruments, notebook, knowledge: () => knowledge, chain: () => chain.state, now });

  const follow = async () => {
    await followLog({ ...options, query, notebook });
    const at = now();
    for (const pattern of attacksAt(notebook, at))
      if (notebook.attack(pattern, at)) log('warn', 'sign_in_attack', { pattern });
    learn({
      signIns: signInFigures(notebook, at, openingHours),
      secondFactor: await secondFactorCoverage(query),
      coverage: coverageRatio(await auditCoverage(query, at)),
      followedAt: at,
    });
  };
  const lookForPatterns = async () => {
    const at = now();
    const charts = volumes(notebook, at);
    learn({ volumes: charts });
    for (const { pattern, actor } of await patternsAt({
      notebook,
      now: at,
      volumes: charts,
      placesOf: placesOf(query),
    }))
      notebook.flag({ pattern, actor, at });
    notebook.prune(at);
  };
  const lookAtScans = async () => {
    const at = now();
    const found = readScans(scans, at);
    const oldest = new Map<Severity, number>();
    for (const { id, package: name, severity, fixable } of found.scans.flatMap((scan) => scan.found))
      if (fixable) oldest.set(severity, Math.min(oldest.get(severity) ?? at, notebook.firstSeen(`${id} ${name}`, at)));
    learn({ scans: found, oldestVulnerabilities: oldest });
  };
  const lookAtConfiguration = async () => {
    const parts = [webChecks({ url: clinicUrl }), databaseChecks({ query, url: databaseUrl })];
    const configuration = together(await Promise.all(parts));
    learn({ configuration });
    if (configuration.unchecked.length > 0)
      log('warn', 'configuration_unchecked', { parts: configuration.unchecked.length });
  };

  // One after the other: each of them moves what the next one reads.
  let before: Promise<unknown> = Promise.resolve();
  const alone = <Result>(work: () => Promise<Result>): Promise<Result> => {
    const result = before.then(work);
    before = result.catch(() => {});
    return result;
  };
  const jobs = [
    // At three in the morning, UTC.
    { name: 'audit_chain_whole', every: DAY_MS, offset: 3 * HOUR_MS, run: () => alone(() => chain.verify()) },
    { name: 'audit_chain', every: 5 * MINUTE_MS, run: () => alone(() => chain.follow()) },
    { name: 'audit_follow', every: MINUTE_MS / 2, run: () => alone(follow) },
    { name: 'audit_patterns', every: 5 * MINUTE_MS, run: () => alone(lookForPatterns) },
    { name: 'audit_scans', every: 5 * MINUTE_MS, run: lookAtScans },
    { name: 'audit_configuration', every: 6 * HOUR_MS, run: lookAtConfiguration },
  ].map(({ run, ...job }) => ({ ...job, run: async () => void (await run()) }));
  for (const job of jobs) schedule.add(job);
  const begun = jobs.map(({ name, run }) =>
    run().catch((error: unknown) => log('error', 'job_failed', { job: name, error: reasonOf(error) })),
  );

  const site = createReviewSite({
    database,
    notebook,
    clinicUrl,
    auditKey,
    proxies,
    now,
    reviewed: () => alone(() => followLog({ ...options, query, notebook })),
  });
  return {
    handle: site,
    finishRestore: (at) =>
      alone(async () => {
        // Signed before that time, so it was brought back.
        const signed = heads.read().known.findLast((head) => at !== undefined && head.at <= at);
        const back = at === undefined ? await lastAnchor(query) : (signed ?? GENESIS);
        notebook.forgetFrom(back);
        await recordRestore({ query, heads, now, back });
        return chain.verify();
      }),
    async close() {
      await Promise.all(begun);
      await before;
      notebook.close();
    },
  };
}

/** The log is not the one that was read before. After a restore, finishing it mends this. */
export class LogReplaced extends Error {
  override readonly name = 'LogReplaced';
}

export interface FollowOptions {
  readonly query: Query;
  readonly notebook: Notebook;
  readonly now: () => number;
  readonly auditKey: string;
  readonly settleMs?: number;
}

/** Reads the log to its end. Rejects with {@link LogReplaced}. */
export async function followLog({ query, notebook, now, auditKey, settleMs }: FollowOptions): Promise<void> {
  for (const stream of STREAMS) {
    const position = notebook.position(stream);
    if ((await anchorAt(query, position.seq))?.hash !== position.hash)
      throw new LogReplaced('the audit log is not the one that was read before');
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
