interface Answer {
  readonly data: {
    readonly result: readonly { readonly metric: Readonly<Record<string, string>>; readonly value: [number, string] }[];
  };
}

/** The result of an instant query. */
export async function promql(prometheus: string, query: string): Promise<Answer['data']['result']> {
  const response = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
  return ((await response.json()) as Answer).data.result;
}

/** Samples of the last hour, as the rule counts them. */
export async function countSlowEvents(prometheus: string, metric: string): Promise<number> {
  const query = `sum(count_over_time(slow_event_duration_milliseconds{metric="${metric}"}[1h]))`;
  return Number((await promql(prometheus, query))[0]?.value[1] ?? 0);
}

/**
 * Every series of our services, as `name{labels}` without the labels' values. Those of the engines depend on what happened to them:
 * they count a failure from the first one on.
 */
export async function seriesOf(prometheus: string): Promise<Set<string>> {
  const ours = '{job=~"clinic-api|pager|slow-event-recorder", user_agent_synthetic_type=""}';
  const response = await fetch(`${prometheus}/api/v1/series?match[]=${encodeURIComponent(ours)}`);
  const { data } = (await response.json()) as { data: readonly Readonly<Record<string, string>>[] };
  return new Set(data.map(({ __name__, ...labels }) => `${__name__}{${Object.keys(labels).sort().join()}}`));
}
