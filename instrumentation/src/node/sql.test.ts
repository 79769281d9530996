import { expect, test } from 'vitest';
import { sqlSummariser } from './sql.ts';

const summarise = sqlSummariser(['clients', 'users']);

test.each([
  ["select * from clients where phone = '123'", 'SELECT clients'],
  ['/* from users */ SELECT \'x from users\' FROM public."clients" -- from users', 'SELECT clients'],
  ["SELECT $$ from users $$, E'it\\'s from users' FROM clients", 'SELECT clients'],
  ['SELECT $a1$ from users $a1$ FROM clients', 'SELECT clients'],
  ['SELECT extract(epoch FROM ends_at) FROM clients JOIN users', 'SELECT clients'],
  ['SELECT * FROM canary', 'SELECT'],
  ['WITH x AS (SELECT 1) INSERT INTO users SELECT * FROM x', 'INSERT users'],
  ['canary', 'OTHER'],
  ['', 'OTHER'],
])('%s is shown as %s', (sql, name) => {
  expect(summarise(sql).name).toBe(name);
});
