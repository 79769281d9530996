import { describe, expect, it } from 'vitest';
import type { Entry } from './inbox.ts';
import { pageOf, titleOf } from './page.ts';

describe('titleOf', () => {
  it.each([
    [{ alertname: 'SlowEvents', metric: 'page_load' }, 'Slow page loads'],
    [{ alertname: 'SlowEvents', metric: 'api_call' }, 'Slow API calls'],
    [{ alertname: 'SlowEvents', metric: 'lab_import' }, 'Slow lab import'],
    [{ alertname: 'SlowEvents' }, 'Slow events'],
    [{ alertname: 'SlowEventRecorderAbsent' }, 'Slow event recorder absent'],
    [{ alertname: 'SlowEventCountMismatch', metric: 'search' }, 'Slow event count mismatch: searches'],
    [{ alertname: 'ClinicAPIDown' }, 'Clinic API down'],
    [{}, 'Alert without a name'],
  ])('%o is %s', (labels, title) => {
    expect(titleOf(labels as Record<string, string>)).toBe(title);
  });
});

describe('pageOf', () => {
  const entry: Entry = {
    id: 1,
    severity: 'page',
    labels: { alertname: 'SlowEvents', metric: 'page_load' },
    annotations: {},
    startsAt: 0,
    receivedAt: 0,
    lastReceivedAt: 0,
    resolvedAt: null,
    acknowledgedBy: null,
    acknowledgedAt: null,
    notifications: 1,
  };

  it('shows a value or limit that is missing or no number as unknown, never as 0', () => {
    expect(pageOf(entry)).toMatchObject({ value: null, limit: null });
    expect(pageOf({ ...entry, annotations: { value: '', limit: 'five' } })).toMatchObject({ value: null, limit: null });
    expect(pageOf({ ...entry, annotations: { value: '0' } })).toMatchObject({ value: 0 });
  });

  it('takes value and limit from labels when no annotation has them', () => {
    expect(pageOf({ ...entry, labels: { value: '7', limit: '5' } })).toMatchObject({ value: 7, limit: 5 });
  });

  it('links a runbook on the web only', () => {
    const linked = (runbook_url: string) => pageOf({ ...entry, annotations: { runbook_url } }).runbook_url;
    expect(linked('http://localhost:8087/runbooks/A')).toBe('http://localhost:8087/runbooks/A');
    expect(linked('javascript:alert(1)')).toBeNull();
  });

  it('leads to the dashboard at the time of the page, while it fires and afterwards', () => {
    const annotations = {
      dashboard_url: 'http://localhost:3000/d/slow-events?from=now-1h&to=now&var-metric=page_load',
    };
    const fired = { ...entry, startsAt: 7_200_000, annotations };
    const at = 'http://localhost:3000/d/slow-events?from=3600000';
    expect(pageOf(fired).dashboard_url).toBe(`${at}&to=now&var-metric=page_load`);
    expect(pageOf({ ...fired, resolvedAt: 9_000_000 }).dashboard_url).toBe(`${at}&to=9600000&var-metric=page_load`);
    expect(pageOf({ ...fired, annotations: { dashboard_url: 'javascript:alert(1)' } }).dashboard_url).toBeNull();
    expect(pageOf({ ...fired, annotations: {} }).dashboard_url).toBeNull();
  });

  it('knows what one event may last only for slow events', () => {
    expect(pageOf(entry).event_limit_ms).toBe(3000);
    expect(pageOf({ ...entry, labels: { alertname: 'SlowEvents', metric: 'search' } }).event_limit_ms).toBe(1000);
    expect(pageOf({ ...entry, labels: { alertname: 'Mismatch', metric: 'search' } }).event_limit_ms).toBeNull();
  });
});
