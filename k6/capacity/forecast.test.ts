import { expect, test } from 'vitest';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { normal } from '../gate/random.ts';
import { assumedForecast, forecast, type Peak } from './forecast.ts';

const weeks = (count: number, of: (week: number) => number): Peak[] =>
  Array.from({ length: count }, (_, week) => ({
    week: new Date(Date.UTC(2026, 0, 5) + week * 7 * 86_400_000).toISOString().slice(0, 10),
    requests: of(week),
  }));

test('a line without noise reaches the level on one day', () => {
  // 10 + 2 a week: 50 after 20 weeks.
  const result = forecast(
    weeks(10, (week) => 10 + 2 * week),
    50,
  );
  expect(result).toMatchObject({ kind: 'range', earliest: '2026-05-25', latest: '2026-05-25' });
});

test('noise makes it a range, which holds the true day nine times in ten', () => {
  const random = seededRandom(1);
  let held = 0;
  for (let run = 0; run < 200; run++) {
    const result = forecast(
      weeks(16, (week) => 10 + 2 * week + 2 * normal(random)),
      70,
    );
    if (result.kind !== 'range') continue;
    const actual = new Date(Date.UTC(2026, 0, 5) + 30 * 7 * 86_400_000).toISOString().slice(0, 10);
    expect(result.earliest < result.latest).toBe(true);
    if (result.earliest <= actual && actual <= result.latest) held++;
  }
  expect(held).toBeGreaterThan(170);
});

test.each([
  ['too few weeks', weeks(7, (week) => week)],
  ['no trend', weeks(20, (week) => 10 + week / 5 + 12 * (week % 2))],
  ['a fall', weeks(20, (week) => 40 - week)],
])('%s is unknown', (_name, peaks) => {
  expect(forecast(peaks, 50).kind).toBe('unknown');
});

test('an assumed growth gives the days of its ends, and says that it is assumed', () => {
  const today = new Date('2026-01-01');
  const result = assumedForecast({ demand: 50, level: 100, today }, { low: 0.1, high: 0.25 });
  // ln 2 / ln 1.25 = 3.106 years, ln 2 / ln 1.1 = 7.273 years
  expect(result).toMatchObject({ kind: 'range', earliest: '2029-02-08', latest: '2033-04-10' });
  expect(result.why).toMatch(/^assumed growth of 10 to 25 % a year/);
  expect(assumedForecast({ demand: 50, level: 100, today }, { low: 0, high: 0.1 })).toMatchObject({ latest: 'never' });
  expect(assumedForecast({ demand: 1, level: 100, today }, { low: 0, high: 0.1 }).kind).toBe('unknown');
  expect(assumedForecast({ demand: 100, level: 100, today }, { low: 0, high: 0 })).toMatchObject({
    earliest: '2026-01-01',
  });
});
