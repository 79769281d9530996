import { instruments } from '@clinic/instrumentation/node/instruments';
import { collectDefaultMetrics, type OpenMetricsContentType, type Registry } from 'prom-client';
import type { Inbox, Outcome } from './inbox.ts';
import type { Watchdog } from './watchdog.ts';

export interface PagerMetricsOptions {
  readonly registry: Registry<OpenMetricsContentType>;
  readonly inbox: Inbox;
  readonly watchdog: Watchdog;
}

/** What the pager says about itself. Holds no name of a person. */
export interface PagerMetrics {
  delivered(outcome: Outcome, count?: number): void;
  timeToPage(ms: number): void;
}

const OUTCOMES: readonly Outcome[] = ['new', 'repeated', 'resolved', 'refused'];

export function pagerMetrics({ registry, inbox, watchdog }: PagerMetricsOptions): PagerMetrics {
  collectDefaultMetrics({ register: registry });
  const { counter, gauge, histogram } = instruments(registry);
  const notifications = counter('pagerNotifications');
  for (const outcome of OUTCOMES) notifications.inc({ outcome }, 0);
  gauge('pagerPagesOpen', function () {
    for (const [state, count] of Object.entries(inbox.open()) as ['acknowledged' | 'unacknowledged', number][]) {
      this.set({ state }, count);
    }
  });
  gauge('pagerWatchdogAge', function () {
    this.set(watchdog.status().ageMs / 1000);
  });
  const timeToPage = histogram('pagerTimeToPage');
  return {
    delivered: (outcome, count = 1) => notifications.inc({ outcome }, count),
    timeToPage: (ms) => timeToPage.observe(ms / 1000),
  };
}
