import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { addToHistory, checkHistory, type Entry, readHistory } from './history.ts';
import { normal } from './random.ts';

const HERE = { machine: 'a machine', clients: 300 };

function run(number: number, value: number): Entry {
  return {
    at: new Date(number * 86_400_000).toISOString(),
    commit: number.toString(16).padStart(40, '0'),
    ...HERE,
    values: { 'GET /api/clients ms': value, 'GET /api/clients statements': 5 },
  };
}
const series = (levels: readonly number[]) => {
  const random = seededRandom(1);
  return levels.map((level, number) => run(number, level * Math.exp(0.05 * normal(random))));
};

test('a rise is told with the first commit of it, and never fails', () => {
  const history = series([...new Array(20).fill(10), ...new Array(12).fill(13)]);
  const [check, ...more] = checkHistory(history, HERE);
  expect(check).toMatchObject({ tier: 'T4', subject: 'GET /api/clients ms', verdict: 'warn' });
  expect(check!.look).toBe(`git show ${history[20]!.commit.slice(0, 12)}`);
  expect(more).toEqual([]);
});

test('a level that holds, one that falls, and runs on another machine or with more clients say nothing', () => {
  const rising = series([...new Array(20).fill(10), ...new Array(20).fill(20)]);
  for (const history of [
    series(new Array(40).fill(10)),
    series([...new Array(20).fill(10), ...new Array(20).fill(7)]),
  ]) {
    expect(checkHistory(history, HERE)).toMatchObject([{ verdict: 'pass' }]);
  }
  for (const elsewhere of [{ machine: 'another machine' }, { clients: 2000 }]) {
    expect(checkHistory(rising, { ...HERE, ...elsewhere })).toMatchObject([{ verdict: 'pass' }]);
  }
  const larger = rising.map((one, number) => (number < 20 ? one : { ...one, clients: 2000 }));
  expect(checkHistory(larger, HERE)).toMatchObject([{ verdict: 'pass' }]);
});

test('is kept in a file, and what is not ours is refused with its line', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gate-history-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  expect(readHistory(folder)).toEqual([]);
  for (const one of [run(1, 5), run(2, 6)]) addToHistory(join(folder), one);
  expect(readHistory(folder)).toEqual([run(1, 5), run(2, 6)]);
  appendFileSync(join(folder, 'history.jsonl'), '{"at":1}\n');
  expect(() => readHistory(folder)).toThrow('Line 3');
});
