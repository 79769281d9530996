/** How long the database takes for statements such as the clinic sends, on the data that is seeded. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SQL_BASELINES } from '@clinic/catalogue/baselines';
import pg from 'pg';
import { ascending } from '../statistics.ts';

export type Statement = keyof typeof SQL_BASELINES;

/** `$1` is a client. */
export const STATEMENTS: Readonly<Record<Statement, string>> = {
  indexed_select: 'SELECT id, given_name, family_name, born_on, email, phone, address FROM clients WHERE id = $1',
  join: `SELECT appointments.id, starts_at, ends_at, state, users.name AS clinician
FROM appointments JOIN users ON users.id = clinician_id
WHERE client_id = $1 ORDER BY starts_at DESC LIMIT 200`,
  joins: `SELECT clinical_notes.id, kind, written_at, author.name AS author, given_name, family_name, starts_at, clinician.name AS clinician
FROM clinical_notes
  JOIN users AS author ON author.id = author_id
  JOIN clients ON clients.id = clinical_notes.client_id
  JOIN users AS clinician ON clinician.id = primary_clinician_id
  LEFT JOIN appointments ON appointments.id = appointment_id
WHERE author_id = (SELECT primary_clinician_id FROM clients WHERE id = $1)
ORDER BY signed_at IS NOT NULL, written_at DESC LIMIT 25`,
  aggregate: `SELECT clinician_id, state, count(*), min(starts_at), max(starts_at)
FROM appointments WHERE $1::uuid IS NOT NULL GROUP BY clinician_id, state`,
};

export interface StatementOptions {
  /** Of a stack that runs on this machine. */
  readonly state: string;
  readonly portOffset: number;
  /** Executions of each statement, each about another client. */
  readonly executions: number;
}

/** Milliseconds from sending a statement to its last row, ascending; each statement was executed before, so that its data is in memory. */
export async function timeStatements({
  state,
  portOffset,
  executions,
}: StatementOptions): Promise<Record<Statement, number[]>> {
  const client = new pg.Client({
    host: '127.0.0.1',
    port: 5433 + portOffset,
    user: 'clinic_app',
    database: 'clinic',
    password: readFileSync(join(state, 'secrets', 'app_password'), 'utf8').trim(),
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM clients ORDER BY md5(id::text) LIMIT $1', [
      executions,
    ]);
    const times: Record<string, number[]> = {};
    for (const [statement, sql] of Object.entries(STATEMENTS)) {
      for (const { id } of rows.slice(0, 20)) await client.query(sql, [id]);
      const own: number[] = [];
      for (const { id } of rows) {
        const start = performance.now();
        await client.query(sql, [id]);
        own.push(performance.now() - start);
      }
      times[statement] = ascending(own);
    }
    return times as Record<Statement, number[]>;
  } finally {
    await client.end();
  }
}
