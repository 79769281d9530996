import { expect, test } from 'vitest';
import { problems, readExceptions, readReport } from './audit.ts';

const url = 'https://github.com/advisories/GHSA-aaaa-bbbb-cccc';
const text = JSON.stringify({
  vulnerabilities: {
    qs: { via: [{ url, name: 'qs', severity: 'high', title: 'Prototype pollution' }] },
    express: { via: ['qs', { url, name: 'qs', severity: 'high', title: 'Prototype pollution' }] },
  },
});
const exception = { id: 'GHSA-aaaa-bbbb-cccc', reason: 'No object of a query is ever merged.', expires: '2026-06-30' };

test('each advisory is named once, until an exception answers for it', () => {
  const advisories = readReport(text);
  expect(problems(advisories, [], '2026-06-01')).toEqual(['qs: Prototype pollution (high, GHSA-aaaa-bbbb-cccc)']);
  expect(problems(advisories, [exception], '2026-06-30')).toEqual([]);
});

test('an exception that has ended counts no more, and one that nothing needs is to go', () => {
  expect(problems(readReport(text), [exception], '2026-07-01')).toEqual([
    'qs: Prototype pollution (high, GHSA-aaaa-bbbb-cccc)',
    'GHSA-aaaa-bbbb-cccc: the exception ended on 2026-06-30',
  ]);
  expect(problems([], [exception], '2026-06-01')).toEqual([
    'GHSA-aaaa-bbbb-cccc: nothing has it any more: remove the exception',
  ]);
});

test.each([
  ['no reason', { ...exception, reason: '' }],
  ['no end', { id: exception.id, reason: exception.reason }],
  ['no advisory', { ...exception, id: 'qs' }],
])('an exception with %s is refused', (_, wrong) => {
  expect(() => readExceptions(JSON.stringify([wrong]))).toThrow();
});

test('no answer is not taken for a good one', () => {
  expect(() => readReport('')).toThrow('no report');
  expect(() => readReport('{"message":"405 Method Not Allowed"}')).toThrow('405 Method Not Allowed');
});
