import { expect, test } from 'vitest';
import { report } from './report.ts';
import type { LoadResult } from './result.ts';
import { summary } from './summary.ts';

const result: LoadResult = {
  format: 1,
  scenario: 'critical-paths',
  verdict: 'failed',
  startedAt: '2026-01-02T03:04:05.000Z',
  seconds: 60,
  timeScale: 1,
  target: 'http://localhost:8080',
  machine: { processor: 'A <processor> & more', cores: 4, memoryGb: 8, node: 'v24.0.0', commit: 'abc' },
  script: 'x',
  requests: 200,
  failed: 3,
  perSecond: 3.3,
  peakUsers: 100,
  ...{ p50: 10, p95: 600, p99: 700 },
  thresholds: [
    { metric: 'http_req_duration{step:list_clients}', rule: 'p(95)<500', ok: false, values: { 'p(95)': 612.4 } },
    { metric: 'http_req_failed', rule: 'rate<0.05', ok: true, values: { rate: 0.015 } },
  ],
  steps: [
    {
      ...{ step: 'list_clients', count: 200, failed: 3, p50: 10, p95: 612.4, p99: 700, max: 900, bytes: 2048 },
      sql: { min: 6, median: 6, max: 31, n: 7 },
    },
  ],
  slowest: [
    {
      step: 'list_clients',
      ms: 900,
      at: 1_767_323_050_000,
      users: 99,
      trace: 'a'.repeat(32),
      url: 'http://localhost:3200/api/traces/a',
    },
    { step: 'list_clients', ms: 800, at: 1_767_323_051_000, users: 99, trace: 'b'.repeat(32) },
  ],
  timeline: [
    { at: 0, users: 1, perSecond: 1, p50: 5, p95: 9, failed: 0 },
    { at: 30, users: 100, perSecond: 6, p50: 15, p95: 1200, failed: 3 },
  ],
  resources: [
    {
      ...{ name: 'memory', title: 'Memory of the clinic', unit: 'bytes', limit: 160 * 2 ** 20 },
      ...{ mean: 2 ** 26, p95: 2 ** 27, max: 2 ** 27 },
      curve: [
        [1_767_323_045, 2 ** 26],
        [1_767_323_075, 2 ** 27],
      ],
    },
  ],
  tidied: 2,
  remarks: ['The dashboards do not know of this test'],
};

test('the report needs nothing else: no script, no font, no picture of another host', () => {
  const html = report(result);
  expect(html).not.toMatch(/<script|<link|<img|@import|url\(|src=/);
  expect([...html.matchAll(/href="([^"]+)"/g)].map(([, href]) => href)).toEqual(['http://localhost:3200/api/traces/a']);
});

test('what is told by others is text, not markup', () => {
  expect(report(result)).toContain('A &#60;processor&#62; &#38; more');
});

test.each([
  ['report', report(result)],
  ['summary', summary(result)],
])('the %s says what was missed, by how much, where it was slow and what was tidied up', (_, text) => {
  for (const part of [
    'FAILED',
    'list clients: p95 below 500 ms',
    '612 ms',
    '6 (6 to 31)',
    'not kept',
    '128 MB',
    '160 MB',
    '2 appointments',
  ]) {
    expect(text).toContain(part);
  }
});

test('a minute has sixty seconds', () => {
  expect(report({ ...result, seconds: 59.6 })).toContain(', 1:00 min');
});

test('every number of the curves is drawn', () => {
  expect(report(result)).not.toContain('NaN');
  expect(report({ ...result, timeline: [], resources: [], steps: [], slowest: [] })).not.toMatch(/NaN|Infinity/);
});

test('a shortened test says that it is one, and an inconclusive one why', () => {
  expect(report({ ...result, timeScale: 0.02 })).toContain('shortened to 0.02');
  expect(summary({ ...result, verdict: 'inconclusive', reason: 'k6 was killed' })).toMatch(
    /INCONCLUSIVE[\s\S]*k6 was killed/,
  );
});
