import { z } from 'zod';
import type { Findings } from './prometheus-search.ts';
import { searchedAnswer } from './searched-answer.ts';

/** Traces that are read whole, at most: tags tell attributes and names, but not every field of a span. */
const TRACES = 2_000;

const tags = z.object({
  scopes: z.array(z.object({ name: z.string(), tags: z.array(z.string()).default([]) })).default([]),
});
const traces = z.object({ traces: z.array(z.object({ traceID: z.string().regex(/^[0-9a-f]{1,32}$/) })).default([]) });

/**
 * Searches names and values of the tags of recent traces, and all of the newest traces since `from` until `to` (epoch ms). Tags are
 * asked without a time: the older Tempo of a native run ends when it is given one.
 */
export async function searchTempo(url: string, from: number, to: number, signal: AbortSignal): Promise<Findings> {
  const window = `start=${Math.floor(from / 1000)}&end=${Math.ceil(to / 1000)}`;
  const get = (path: string) => searchedAnswer(`${url}/api/${path}`, signal);
  const named = await get(`v2/search/tags`);
  let values = 0;
  for (const { name, tags: list } of tags.parse(JSON.parse(named.text)).scopes) {
    for (const tag of list) {
      const full = encodeURIComponent(name === 'intrinsic' ? tag : `${name}.${tag}`);
      if ((await get(`v2/search/tag/${full}/values`)).found) values++;
    }
  }
  const newest = await get(`search?limit=${TRACES}&${window}`);
  let whole = 0;
  for (const { traceID } of traces.parse(JSON.parse(newest.text)).traces) {
    if ((await get(`traces/${traceID}`)).found) whole++;
  }
  return { tag_names: Number(named.found), tag_values: values, search: Number(newest.found), traces: whole };
}
