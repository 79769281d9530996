import { z } from 'zod';

/** A slow event behind a page. */
export interface SlowEvent {
  readonly duration_ms: number;
  readonly threshold_ms: number;
  /** The route's template. */
  readonly route: string | null;
  readonly recorded_at: string;
  readonly trace_url: string | null;
}

export interface SlowEventsOptions {
  readonly recorderUrl: string;
  /** Holds `{trace_id}`. */
  readonly traceUrl: string;
  /** Milliseconds that a person who waits for the page is made to wait for this. */
  readonly timeoutMs?: number;
}

/** `since` is a duration before now (`1h`) or a time in ISO 8601. */
export interface SlowEventsQuery {
  readonly metric: string;
  readonly since: string;
}

/** Slow events, newest first. Rejects when the recorder does not answer as it should. */
export type FetchSlowEvents = (query: SlowEventsQuery) => Promise<SlowEvent[]>;

const answer = z.array(
  z.object({
    duration_ms: z.number(),
    threshold_ms: z.number(),
    route: z.string().nullable(),
    trace_id: z.string().nullable(),
    recorded_at: z.iso.datetime({ offset: true }),
  }),
);

export function slowEventsFrom({ recorderUrl, traceUrl, timeoutMs = 1500 }: SlowEventsOptions): FetchSlowEvents {
  return async ({ metric, since }) => {
    const query = new URLSearchParams({ metric, since });
    const response = await fetch(`${recorderUrl}/api/slow-events?${query}`, { signal: AbortSignal.timeout(timeoutMs) });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`The recorder answered ${response.status}.`);
    }
    const events = answer.parse(await response.json());
    return events
      .map(({ trace_id, duration_ms, threshold_ms, route, recorded_at }) => ({
        duration_ms,
        threshold_ms,
        route,
        recorded_at,
        trace_url: trace_id && /^[0-9a-f]{32}$/.test(trace_id) ? traceUrl.replaceAll('{trace_id}', trace_id) : null,
      }))
      .sort((a, b) => Date.parse(b.recorded_at) - Date.parse(a.recorded_at));
  };
}
