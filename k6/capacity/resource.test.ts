import { expect, test } from 'vitest';
import { disturbance, saturated, type Usage } from './resource.ts';

// Recorded by `npm run perf:capacity`, with 16 requests under way, from clinics with a bottleneck planted; others used the machine too.
const ROUTE_THAT_COMPUTES: Usage = {
  users: 16,
  eventLoop: 0.96,
  api: 1.02,
  database: 0.45,
  databaseWanted: 0.9,
  processors: 4,
  machine: 0.59,
  used: 9.92,
  pending: 1.85,
  working: 0.08,
  locked: 0,
  reading: 0,
  waiting: 4.46,
};
const POOL_OF_TWO: Usage = {
  users: 8,
  eventLoop: 0.83,
  api: 0.48,
  database: 0.66,
  databaseWanted: 1.27,
  processors: 4,
  machine: 0.97,
  used: 2,
  pending: 5.57,
  working: 0.64,
  locked: 0,
  reading: 0,
  waiting: 0.71,
};
const MISSING_INDEX: Usage = {
  users: 16,
  eventLoop: 0.94,
  api: 0.55,
  database: 1.36,
  databaseWanted: 3.51,
  processors: 4,
  machine: 0.96,
  used: 9.92,
  pending: 3.23,
  working: 2.08,
  locked: 0.77,
  reading: 0,
  waiting: 2.69,
};
const ALONE: Usage = {
  users: 1,
  eventLoop: 0.62,
  api: 0.5,
  database: 0.36,
  databaseWanted: 0.55,
  processors: 4,
  machine: 0.82,
  used: 0.79,
  pending: 0,
  working: 0.21,
  locked: 0,
  reading: 0,
  waiting: 0.07,
};

test.each([
  ['a route that computes', ROUTE_THAT_COMPUTES, 'event_loop'],
  ['a pool of two', POOL_OF_TWO, 'pool'],
  ['a missing index', MISSING_INDEX, 'database_cpu'],
  [
    'sessions that want more processors than there are',
    { ...MISSING_INDEX, eventLoop: 0.96, databaseWanted: 4.8 },
    'database_cpu',
  ],
  ['one user', ALONE, undefined],
  [
    'sessions that wait for one lock',
    { ...POOL_OF_TWO, eventLoop: 0.4, locked: 8, databaseWanted: 0.5 },
    'database_locks',
  ],
  [
    'sessions that wait for the disk',
    { ...POOL_OF_TWO, eventLoop: 0.4, reading: 8, databaseWanted: 0.5 },
    'database_disk',
  ],
  ['an event loop that those with a connection wait for', { ...POOL_OF_TWO, eventLoop: 0.9, waiting: 4 }, 'event_loop'],
] as const)('%s', (_name, usage, resource) => {
  expect(saturated(usage).resource).toBe(resource);
});

test('says how much of the machine others used', () => {
  expect(disturbance(POOL_OF_TWO)).toBeCloseTo(0.565, 2);
  expect(disturbance({ ...ROUTE_THAT_COMPUTES, machine: 0.7 })).toBeUndefined();
});
