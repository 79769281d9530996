/** The log of the real schema, written by the role that the clinic uses. */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditEvent, auditHashes, record } from './audit.ts';
import { sqlState } from './database.ts';
import { Problem } from './problem.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

const PERMISSION_DENIED = '42501';
const hashes = auditHashes('a key');
const CLIENT = '11111111-2222-8333-a444-555555555555';
const event: AuditEvent = {
  action: 'chart_read',
  outcome: 'allowed',
  actor_id: 1,
  actor_role: 'clinician',
  client_id: CLIENT,
  source: hashes.source('127.0.0.1'),
};

let clinic: TestClinic;
let prepared: Prepared;
beforeAll(async () => {
  clinic = await testClinic();
  prepared = await clinic.prepare('clinic', { clients: 0 });
}, 60_000);
afterAll(() => clinic?.close());

interface Row {
  readonly seq: string;
  readonly at: string;
  readonly actor_id: number | null;
  readonly actor_role: string | null;
  readonly action: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly client_id: string | null;
  readonly resource_id: string | null;
  readonly source: Buffer | null;
  readonly account: Buffer | null;
  readonly trace_id: string | null;
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
}
const log = () =>
  prepared.owner.query<Row>(
    'SELECT *, ((extract(epoch FROM at) * 1000000)::bigint)::text AS at FROM audit_log ORDER BY audit_log.seq',
  );

/** The chain as its comment describes it, computed apart from the database. */
function expectUnbroken(rows: readonly Row[]): void {
  let previous = createHash('sha256').update('clinic audit log').digest();
  for (const [index, row] of rows.entries()) {
    const {
      seq,
      at,
      actor_id,
      actor_role,
      action,
      outcome,
      reason,
      client_id,
      resource_id,
      source,
      account,
      trace_id,
    } = row;
    const fields = [
      previous.toString('hex'),
      seq,
      at,
      actor_id,
      actor_role,
      action,
      outcome,
      reason,
      client_id,
      resource_id,
    ];
    const bytes = [source?.toString('hex'), account?.toString('hex'), trace_id];
    expect([seq, row.previous_hash]).toEqual([String(index + 1), previous]);
    previous = createHash('sha256')
      .update([...fields, ...bytes].map((field) => field ?? '').join('|'))
      .digest();
    expect(row.hash).toEqual(previous);
  }
}

test('fifty writers at the same moment, some of whom give up, make one chain without a gap', async () => {
  const before = await log();
  const given = await Promise.allSettled(
    Array.from({ length: 50 }, (_, index) =>
      prepared.app.pooled(
        async () => {
          if (index % 10 === 9) throw new Error('given up');
        },
        (query) => record(query, { ...event, actor_id: index }),
      ),
    ),
  );
  // Rolled back after its row had a place in the chain.
  await expect(
    prepared.app.pooled(async (query) => {
      await record(query, event);
      throw new Error('given up');
    }),
  ).rejects.toThrow('given up');
  expect(given.filter(({ status }) => status === 'rejected').length).toBe(5);
  await prepared.app.pooled(
    async () => {},
    async (query) => {
      await Promise.all([record(query, { ...event, reason: 'first' }), record(query, { ...event, reason: 'second' })]);
    },
  );
  const rows = await log();
  expect(rows.length - before.length).toBe(47);
  expect(rows.slice(-2).map(({ reason }) => reason)).toEqual(['first', 'second']);
  expectUnbroken(rows);
}, 30_000);

test.each([
  "UPDATE audit_log SET outcome = 'refused'",
  'UPDATE audit_log SET seq = seq',
  'DELETE FROM audit_log',
  'TRUNCATE audit_log',
  'ALTER TABLE audit_log DISABLE TRIGGER audit_log_chain',
  'DROP TRIGGER audit_log_chain ON audit_log',
  'CREATE OR REPLACE FUNCTION chain_audit_log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$',
  "SET session_replication_role = 'replica'",
])('the clinic cannot: %s', async (statement) => {
  await prepared.app.pooled(
    async () => {},
    (query) => record(query, event),
  );
  const rows = await log();
  const refused = await prepared.app.query(statement).catch(sqlState);
  expect(refused).toBe(PERMISSION_DENIED);
  expect(await log()).toEqual(rows);
});

test('what the clinic says of time, place and hash is not believed', async () => {
  const [last] = (await log()).slice(-1);
  await prepared.app.query(
    `INSERT INTO audit_log (seq, at, previous_hash, hash, action, outcome)
     VALUES (7, '2001-01-01', sha256('x'), sha256('y'), 'chart_read', 'allowed')`,
  );
  const rows = await log();
  expect(Number(rows.at(-1)!.seq)).toBe(Number(last!.seq) + 1);
  expect(Number(rows.at(-1)!.at)).toBeGreaterThan(Number(last!.at));
  expectUnbroken(rows);
});

test('a temporary table of the same name is not taken for the log', async () => {
  await prepared.owner.query('GRANT TEMPORARY ON DATABASE clinic TO clinic_app');
  await prepared.app.pooled(async (query) => {
    await query('CREATE TEMP TABLE audit_log (seq bigint, hash bytea) ON COMMIT DROP');
    await query("INSERT INTO pg_temp.audit_log VALUES (99, sha256('forged'))");
    await query("INSERT INTO public.audit_log (action, outcome) VALUES ('chart_read', 'allowed')");
  });
  expectUnbroken(await log());
});

test.each([
  { reason: "it's <script>" },
  { reason: 'a|b' },
  { resource_id: 'x|y' },
  { actor_role: 'x|y' as never },
  { action: 'a|b' as never },
  { source: Buffer.from('short') },
])('what has not the shape of an id, a word or a hash is not written: %j', async (change) => {
  const rows = await log();
  const failure = await prepared.app
    .pooled(
      async () => {},
      (query) => record(query, { ...event, ...change }),
    )
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Problem);
  expect(failure).toMatchObject({ code: 'audit_unavailable' });
  expect(await log()).toEqual(rows);
});

test('a hash names an address or an account only to who holds the key', () => {
  expect(hashes.source('::ffff:10.0.0.1')).toEqual(hashes.source('10.0.0.1'));
  expect(hashes.source('10.0.0.1')).not.toEqual(hashes.source('10.0.0.2'));
  expect(hashes.source('10.0.0.1')).not.toEqual(hashes.account('10.0.0.1'));
  expect(auditHashes('another key').source('10.0.0.1')).not.toEqual(hashes.source('10.0.0.1'));
});
