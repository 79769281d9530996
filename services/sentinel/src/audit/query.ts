import type pg from 'pg';

/** Rows of a statement; rejects with what PostgreSQL said, or that it did not answer. */
export type Query = <Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]) => Promise<Row[]>;

export const queryOf =
  (pool: pg.Pool): Query =>
  async (text, values = []) =>
    (await pool.query(text, [...values])).rows;
