import pg from 'pg';
import { expect, test } from 'vitest';
import { DatabaseUnavailable, waitForDatabase } from './database.ts';

function clock() {
  let time = 0;
  return {
    now: () => time,
    sleep: async (ms: number) => {
      time += ms;
    },
  };
}
const refused = (code: string) => Object.assign(new pg.DatabaseError('x', 1, 'error'), { code });

test('a database that comes up late is waited for', async () => {
  const told: number[] = [];
  let attempts = 0;
  const query = async () => {
    if (++attempts < 4) throw new DatabaseUnavailable();
    return [];
  };
  await waitForDatabase({ query }, { timeout: 60_000, waiting: (left) => told.push(left), ...clock() });
  expect(told).toEqual([60, 60, 60]);
});

test('one that never comes is given up in time', async () => {
  const query = async () => {
    throw new DatabaseUnavailable();
  };
  const time = clock();
  await expect(waitForDatabase({ query }, { timeout: 60_000, waiting: () => {}, ...time })).rejects.toThrow(
    'DATABASE_URL did not answer for 60 s',
  );
  expect(time.now()).toBe(60_000);
});

test.each([
  ['28P01', 'DATABASE_PASSWORD_FILE'],
  ['3D000', 'DATABASE_URL'],
])('an account that is refused (%s) is not waited for, and %s is named', async (code, key) => {
  const query = async () => {
    throw refused(code);
  };
  await expect(waitForDatabase({ query }, { timeout: 60_000, waiting: () => {} })).rejects.toThrow(key);
});
