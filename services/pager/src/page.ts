import type { APP_METRICS } from '@clinic/catalogue/apps';
import { limitOf, type METRICS } from '@clinic/catalogue/limits';
import type { Entry } from './inbox.ts';

/** A page or ticket as the API shows it. Times in ISO 8601, UTC. */
export interface Page {
  readonly id: string;
  readonly alertname: string;
  /** The alert in plain words. */
  readonly title: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: 'firing' | 'resolved';
  readonly starts_at: string;
  readonly received_at: string;
  readonly last_received_at: string;
  readonly resolved_at: string | null;
  readonly acknowledged_by: string | null;
  readonly acknowledged_at: string | null;
  /** Never negative: a clock that runs ahead shows as 0. */
  readonly time_to_page_ms: number;
  readonly value: number | null;
  readonly limit: number | null;
  /** What one event may last in milliseconds; null for an alert that is not about slow events. */
  readonly event_limit_ms: number | null;
  readonly summary: string | null;
  readonly description: string | null;
  readonly runbook_url: string | null;
  /** The dashboard to look at, with the time of the page. */
  readonly dashboard_url: string | null;
  readonly notifications: number;
}

const METRIC_WORDS: Readonly<Record<Exclude<(typeof METRICS)[number], (typeof APP_METRICS)[number]>, string>> = {
  page_load: 'page loads',
  api_call: 'API calls',
  database_query: 'database queries',
  render: 'rendering',
  sign_in: 'sign-ins',
  search: 'searches',
  book_appointment: 'bookings',
  write_note: 'notes',
  upload_document: 'document uploads',
  other: 'other operations',
};

export function metricWords(metric: string): string {
  return Object.hasOwn(METRIC_WORDS, metric)
    ? METRIC_WORDS[metric as keyof typeof METRIC_WORDS]
    : metric.replaceAll('_', ' ');
}

/** `SlowEvents` of `page_load` → `Slow page loads`; `SlowEventRecorderAbsent` → `Slow event recorder absent`. */
export function titleOf({ alertname = 'Alert without a name', metric }: Readonly<Record<string, string>>): string {
  if (alertname === 'SlowEvents' && metric) return `Slow ${metricWords(metric)}`;
  const words = alertname.replace(/([a-z0-9])([A-Z])/g, '$1 $2').replace(/([A-Z])([A-Z][a-z])/g, '$1 $2');
  const sentence = words
    .split(' ')
    .map((word, index) => (index === 0 || /^[A-Z]{2,}$/.test(word) ? word : word.toLowerCase()))
    .join(' ');
  return metric ? `${sentence}: ${metricWords(metric)}` : sentence;
}

function numberIn(...texts: readonly (string | undefined)[]): number | null {
  const text = texts.find((candidate) => candidate !== undefined && candidate.trim() !== '');
  const value = Number(text);
  return text !== undefined && Number.isFinite(value) ? value : null;
}

function webAddress(text: string | undefined): string | null {
  return text && /^https?:\/\//i.test(text) && URL.canParse(text) ? text : null;
}

/** How long before it began, and after it ended, a dashboard shows. */
const BEFORE_MS = 3_600_000;
const AFTER_MS = 600_000;

/** The alert's dashboard when it fired: what it names itself is the last hour, which is another one when somebody looks in the morning. */
function dashboardAt({ annotations, startsAt, resolvedAt }: Entry): string | null {
  const address = webAddress(annotations.dashboard_url);
  if (address === null) return null;
  const url = new URL(address);
  url.searchParams.set('from', String(startsAt - BEFORE_MS));
  url.searchParams.set('to', resolvedAt === null ? 'now' : String(resolvedAt + AFTER_MS));
  return url.href;
}

const iso = (time: number) => new Date(time).toISOString();
const isoOrNull = (time: number | null) => (time === null ? null : iso(time));

/** From the moment that the rule fired to the page in the inbox. */
export function timeToPageMs({ startsAt, receivedAt }: Entry): number {
  return Math.max(0, receivedAt - startsAt);
}

export function pageOf(entry: Entry): Page {
  const { labels, annotations } = entry;
  return {
    id: String(entry.id),
    alertname: labels.alertname ?? '',
    title: titleOf(labels),
    labels,
    status: entry.resolvedAt === null ? 'firing' : 'resolved',
    starts_at: iso(entry.startsAt),
    received_at: iso(entry.receivedAt),
    last_received_at: iso(entry.lastReceivedAt),
    resolved_at: isoOrNull(entry.resolvedAt),
    acknowledged_by: entry.acknowledgedBy,
    acknowledged_at: isoOrNull(entry.acknowledgedAt),
    time_to_page_ms: timeToPageMs(entry),
    value: numberIn(annotations.value, labels.value),
    limit: numberIn(annotations.limit, labels.limit),
    event_limit_ms: labels.alertname === 'SlowEvents' && labels.metric ? limitOf(labels.metric) : null,
    summary: annotations.summary ?? null,
    description: annotations.description ?? null,
    runbook_url: webAddress(annotations.runbook_url),
    dashboard_url: dashboardAt(entry),
    notifications: entry.notifications,
  };
}
