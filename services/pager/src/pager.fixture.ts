import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listenOn } from '@clinic/instrumentation/node/configuration';
import { openMetricsRegistry } from '@clinic/instrumentation/node/management';
import { openInbox } from './inbox.ts';
import type { Page } from './page.ts';
import { createPager, type PagerOptions } from './pager.ts';
import { pagerMetrics } from './pager-metrics.ts';
import { createWatchdog } from './watchdog.ts';

export interface AlertOptions {
  readonly status?: 'firing' | 'resolved';
  readonly fingerprint?: string;
  readonly startsAt?: string;
  readonly endsAt?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** An alert of a webhook, as Alertmanager writes it. */
export function alert({
  status = 'firing',
  fingerprint = '0123456789abcdef',
  startsAt = '2026-11-22T03:00:00.123456789Z',
  endsAt = status === 'firing' ? '0001-01-01T00:00:00Z' : '2026-11-22T03:12:00Z',
  labels = {},
  annotations = {},
}: AlertOptions = {}) {
  return {
    status,
    labels: { alertname: 'SlowEvents', metric: 'page_load', severity: 'page', ...labels },
    annotations: { summary: 'More than five slow events.', value: '6', limit: '5', ...annotations },
    startsAt,
    endsAt,
    generatorURL: 'http://prometheus:9090/graph',
    fingerprint,
  };
}

export function webhook(...alerts: unknown[]) {
  return {
    version: '4',
    groupKey: '{}/{severity="page"}:{alertname="SlowEvents"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'oncall',
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://localhost:9093',
    alerts,
  };
}

export interface TestPagerOptions extends Partial<Omit<PagerOptions, 'inbox' | 'watchdog' | 'metrics'>> {
  readonly folder?: string;
  readonly silenceMs?: number;
}

/** A pager on a free port, with a database file of its own. */
export async function testPager(options: TestPagerOptions = {}) {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'pager-'));
  const runbooks = join(folder, 'runbooks');
  mkdirSync(runbooks, { recursive: true });
  const now = options.now ?? (() => Date.parse('2026-11-22T03:00:01Z'));
  const lines: string[] = [];
  const inbox = openInbox(join(folder, 'pages.sqlite'));
  const watchdog = createWatchdog({ now, silenceMs: options.silenceMs ?? 180_000, last: inbox.lastSignOfLife() });
  const registry = openMetricsRegistry();
  const pager = createPager({
    runbooks,
    fetchSlowEvents: async () => [],
    log: (line) => lines.push(line),
    ...options,
    inbox,
    watchdog,
    metrics: pagerMetrics({ registry, inbox, watchdog }),
    now,
  });
  const url = `http://127.0.0.1:${await listenOn(pager.server, { host: '127.0.0.1', port: 0 })}`;
  const post = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const get = async <Body = Page[]>(path: string) => (await (await fetch(url + path)).json()) as Body;
  return {
    url,
    folder,
    runbooks,
    pager,
    lines,
    post,
    get,
    metrics: () => registry.metrics(),
    /** Stops it and keeps its folder. */
    stop: async () => {
      await pager.close();
      inbox.close();
    },
    remove: async () => {
      await pager.close();
      inbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
