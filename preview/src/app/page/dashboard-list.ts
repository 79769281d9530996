import type { DashboardModel } from '../dashboard/model.ts';

export interface DashboardEntry {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly folder: string;
}

async function get<Answer>(path: string): Promise<Answer> {
  const response = await fetch(path).catch(() => undefined);
  if (!response) throw new Error("The preview's server does not answer. Is it running?");
  if (response.ok) return (await response.json()) as Answer;
  const { error } = (await response.json().catch(() => ({}))) as { error?: string };
  throw new Error(error ?? `The preview's server answered ${response.status}.`);
}

export const fetchDashboards = () => get<DashboardEntry[]>('/api/dashboards');
export const fetchDashboard = (uid: string) => get<DashboardModel>(`/api/dashboards/${encodeURIComponent(uid)}`);

/** The last part of a dashboard's address, as Grafana makes it; only for people to read. */
export const slug = (title: string) =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

export const dashboardPath = ({ uid, title }: { uid: string; title: string }) => `/d/${uid}/${slug(title)}`;
