import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Database, DatabaseUnavailable, openDatabase, type Query, waitForDatabase } from './database.ts';
import { sharedPostgres, type TestPostgres } from './testing/postgres.ts';

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

describe('a transaction of a pooled connection', () => {
  let postgres: TestPostgres;
  let database: Database;
  beforeAll(async () => {
    postgres = await sharedPostgres();
    await (await postgres.create('pooled')).close();
    // One connection: what a transaction leaves behind would meet the next one.
    database = openDatabase({
      url: postgres.urlOf('pooled'),
      password: postgres.password,
      max: 1,
      connectTimeout: 5000,
      statementTimeout: 1000,
    });
    await database.query('CREATE TABLE things (name text UNIQUE)');
  }, 60_000);
  afterAll(async () => {
    await database?.close();
    await postgres?.close();
  });
  beforeEach(() => database.query('DELETE FROM things'));

  const add = (query: Query, name: string | number) => query('INSERT INTO things VALUES ($1)', [name]);
  const things = async () =>
    (await database.query<{ name: string }>('SELECT name FROM things ORDER BY name')).map(({ name }) => name);
  const backend = async (query: Query) => (await query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]!.pid;

  test('keeps all of it, and hands the last statements what the work resolved with', async () => {
    const result = await database.pooled(
      async (query) => {
        await Promise.all([add(query, 'a'), add(query, 'b')]);
        return 'c';
      },
      async (query, name) => void (await add(query, name)),
    );
    expect([result, await things()]).toEqual(['c', ['a', 'b', 'c']]);
  });

  test.each<[string, (query: Query) => Promise<unknown>, ((query: Query) => Promise<void>) | undefined]>([
    [
      'the work gives up',
      async (query) => {
        await add(query, 'a');
        throw new Error('given up');
      },
      undefined,
    ],
    [
      'a statement of the work fails',
      async (query) => {
        await add(query, 'a');
        await query('SELECT nonsense');
      },
      undefined,
    ],
    [
      'a failed statement is overlooked',
      async (query) => {
        await add(query, 'a');
        await query('SELECT nonsense').catch(() => {});
      },
      undefined,
    ],
    ['a last statement fails', (query) => add(query, 'a'), async (query) => void (await query('SELECT nonsense'))],
    [
      'one of the last statements fails',
      (query) => add(query, 'a'),
      async (query) => {
        await Promise.all([add(query, 'b'), query('SELECT nonsense')]);
      },
    ],
    ['the last statements are not sent', (query) => add(query, 'a'), async () => {}],
    [
      'the last statements give up before they are sent',
      (query) => add(query, 'a'),
      async () => {
        throw new Error('given up');
      },
    ],
    [
      'the last statements come too late',
      (query) => add(query, 'a'),
      async (query) => {
        await Promise.resolve();
        await add(query, 'b');
      },
    ],
  ])('keeps nothing when %s, and the connection serves on', async (_, work, last) => {
    await expect(database.pooled(work, last)).rejects.toThrow();
    expect(await things()).toEqual([]);
    await database.pooled((query) => add(query, 'after'));
    expect(await things()).toEqual(['after']);
  });

  test('is over when it is over', async () => {
    let kept: Query | undefined;
    await database.pooled(async (query) => {
      kept = query;
    });
    await expect(add(kept!, 'late')).rejects.toThrow('over');
    expect(await things()).toEqual([]);
  });

  test('whose connection dies is told as such, keeps nothing, and another connection takes over', async () => {
    const administration = openDatabase({ url: postgres.urlOf('pooled'), password: postgres.password, max: 1 });
    const lost = database.pooled(async (query) => {
      await add(query, 'a');
      await administration.query('SELECT pg_terminate_backend($1)', [await backend(query)]);
      await add(query, 'b');
    });
    await expect(lost).rejects.toBeInstanceOf(DatabaseUnavailable);
    expect(await things()).toEqual([]);
    await administration.close();
  });

  test('whose server no longer answers is given up, and another connection takes over', async () => {
    let pid = 0;
    try {
      const hanging = database.pooled(async (query) => {
        pid = await backend(query);
        process.kill(pid, 'SIGSTOP');
        await add(query, 'a');
      });
      await expect(hanging).rejects.toBeInstanceOf(DatabaseUnavailable);
      expect(await things()).toEqual([]);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }, 20_000);

  test('that waits too long for another one is given up', async () => {
    const administration = openDatabase({ url: postgres.urlOf('pooled'), password: postgres.password, max: 1 });
    await administration.pooled(async (query) => {
      await query('LOCK TABLE things');
      await expect(database.pooled((other) => add(other, 'a'))).rejects.toBeInstanceOf(DatabaseUnavailable);
    });
    expect(await things()).toEqual([]);
    await administration.close();
  });
});
