import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { inputs } from './inputs.ts';
import type { Measured } from './measure.ts';
import { picture } from './picture.ts';
import { atTarget, capacitySection, throughput } from './report.ts';
import { fitSteps } from './scalability.ts';

const INPUTS = inputs.parse(JSON.parse(readFileSync(join(import.meta.dirname, 'inputs.json'), 'utf8')));

/** A clinic whose event loop answers 400 a second. */
const step = (users: number, rate: number): Measured => ({
  usage: {
    users,
    eventLoop: Math.min(1, rate / 400),
    api: Math.min(1, rate / 400),
    database: rate / 800,
    databaseWanted: rate / 800,
    processors: 4,
    machine: 0.4,
    used: Math.min(users, 10),
    pending: Math.max(0, users - 10),
    working: 0.5,
    locked: 0,
    reading: 0,
    waiting: 3,
  },
  throughputs: [rate * 0.99, rate, rate * 1.01],
  p50: (users / rate) * 1000,
  p95: (users / rate) * 2000,
  errors: 0,
  apiMemory: 120e6 + users * 1e6,
  databaseMemory: 60e6,
});
const FLAT = [1, 2, 4, 8, 16, 32, 64, 128].map((users) => step(users, 400 * (users / (users + 2))));
const RISING = FLAT.slice(0, 5);

const run = (steps: readonly Measured[]) => ({
  at: '2026-11-22T00:00:00.000Z',
  machine: 'a machine',
  commit: 'c'.repeat(40),
  seconds: 30,
  clients: 2000,
  steps,
  costliest: '40 % of its time: SELECT 1',
});
const fitted = (steps: readonly Measured[]) =>
  fitSteps(
    steps.map(({ usage, throughputs }) => ({ users: usage.users, throughputs })),
    seededRandom(1),
    100,
  );

test('says what it can do, what runs out, and how much is left', () => {
  const text = capacitySection(run(FLAT), fitted(FLAT), INPUTS);
  expect(text).toMatch(/\*\*At most 3\d\d requests a second\*\* \(90 %: \d+ to \d+\)/);
  expect(text).toContain("What runs out first: **clinic-api's event loop**");
  // 32 under way: p95 170 ms; 64: 330 ms, over the target.
  expect(throughput(atTarget(FLAT, 300)!)).toBeCloseTo(400 * (32 / 34), 5);
  expect(text).toMatch(
    /answers \*\*376 requests a second\*\*\. 100 users who ask every 2 s need 48: \*\*headroom 87 %\*\*/,
  );
  expect(text).toMatch(/between \*\*20\d\d-\d\d-\d\d\*\* and /);
  expect(text).toMatch(/\| 1000 \| 4\d\d \| \d \|/);
});

test('refuses a maximum when the load did not pass the knee', () => {
  const text = capacitySection(run(RISING), fitted(RISING), INPUTS);
  expect(text).toContain('did not pass the knee');
  expect(text).toContain('No maximum is given.');
  expect(text).not.toContain('At most');
});

test('says when others used the machine, and when no step keeps the target', () => {
  const slow = FLAT.map((one) => ({ ...one, p95: 900, usage: { ...one.usage, machine: 1 } }));
  const text = capacitySection(run(slow), fitted(slow), INPUTS);
  expect(text).toMatch(/\*\*Others used \d+ % of this machine/);
  expect(text).toContain('there is no capacity at this target');
});

test('the picture stands for itself and holds every step', () => {
  const points = FLAT.map((one) => ({ users: one.usage.users, throughput: throughput(one), p95: one.p95 }));
  const svg = picture({ points, fitted: fitted(FLAT), slo: 300 });
  expect(svg.match(/<circle /g)).toHaveLength(2 * FLAT.length);
  expect(svg).toContain('target 300 ms');
  expect(svg.replace('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|NaN|Infinity|undefined/);
});
