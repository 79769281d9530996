import { z } from 'zod';
import { searchedAnswer } from './searched-answer.ts';

/** Answers in which a word of the canary was found, by what they hold. */
export type Findings = Readonly<Record<string, number>>;

const names = z.object({ status: z.literal('success'), data: z.array(z.string()) });

/** Searches names and values of all labels as long as Prometheus keeps them, metadata, and the exemplars since `from` (epoch ms). */
export async function searchPrometheus(url: string, from: number, signal: AbortSignal): Promise<Findings> {
  const get = (path: string) => searchedAnswer(`${url}/api/v1/${path}`, signal);
  const labels = await get('labels');
  let values = 0;
  for (const name of names.parse(JSON.parse(labels.text)).data) {
    if ((await get(`label/${encodeURIComponent(name)}/values`)).found) values++;
  }
  const all = encodeURIComponent('{__name__=~".+"}');
  const exemplars = await get(`query_exemplars?query=${all}&start=${from / 1000}`);
  const metadata = await get('metadata');
  const alerts = await get('alerts');
  return {
    label_names: Number(labels.found),
    label_values: values,
    exemplars: Number(exemplars.found),
    metadata: Number(metadata.found),
    alerts: Number(alerts.found),
  };
}
