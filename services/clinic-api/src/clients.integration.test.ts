import { afterAll, beforeAll, expect, test } from 'vitest';
import { searchCondition } from './clients.ts';
import { type Prepared, type TestClinic, testClinic } from './testing/test-clinic.ts';

let all: TestClinic;
let prepared: Prepared;

beforeAll(async () => {
  all = await testClinic();
  prepared = await all.prepare('clinic', { clients: 0 });
  await prepared.owner.query(
    `INSERT INTO clients (given_name, family_name, born_on, email, phone, synthetic)
     SELECT 'Given' || n % 1000, substr(md5(n::text), 1, 8), '1980-01-01', '', '', true FROM generate_series(1, 20000) AS n`,
  );
  await prepared.owner.query('ANALYZE clients');
}, 60_000);
afterAll(() => all?.close(), 30_000);

const planOf = async (sql: string, values: readonly unknown[]) =>
  JSON.stringify(await prepared.app.query(`EXPLAIN (FORMAT JSON) ${sql}`, values));

test('a search reads the entries of its names in two indexes, not every client', async () => {
  for (const search of ['abc', 'given77', 'abc given1']) {
    const { where, patterns } = searchCondition(search);
    const plan = await planOf(`SELECT count(*) FROM clients ${where}`, patterns);
    expect(plan).not.toContain('Seq Scan');
    expect(plan).toMatch(/clients_(?:family|given)_prefix/);
  }
});

test('the first page of all clients comes from the index that is in order', async () => {
  const plan = await planOf('SELECT id FROM clients ORDER BY family_name, given_name, id LIMIT 25', []);
  expect(plan).toContain('clients_name');
  expect(plan).not.toContain('"Sort"');
});

test.each([
  ['', '', []],
  ['  ', '', []],
  ['50%_\\', expect.stringContaining('LIKE lower($1)'), ['50\\%\\_\\\\%']],
  ['One, Two', expect.stringMatching(/\$1.* AND .*\$2/s), ['One%', 'Two%']],
  ['a b c d e f', expect.not.stringContaining('$5'), ['a%', 'b%', 'c%', 'd%']],
])('%j is looked for as words that begin a name', (search, where, patterns) => {
  expect(searchCondition(search)).toEqual({ where, patterns });
});
