import { type Context, context, createContextKey } from '@opentelemetry/api';
import { RequestContext, type RequestSpan } from './request-span.ts';
import type { Route } from './routes.ts';

/** Whoever asks says so; it decides nothing but which series a duration is counted in. */
export const isSynthetic = (headers: Readonly<Record<string, unknown>>): boolean => headers['x-synthetic'] === '1';
/** What series and spans of such requests carry; those of people have no such label. */
export const SYNTHETIC_LABEL = { user_agent_synthetic_type: 'test' } as const;

/** What the library knows about the request being served; it lives in the OpenTelemetry context. */
export interface RequestInfo {
  readonly route: Route;
  readonly span: RequestSpan;
  /** A load test or a synthetic visitor asks: nobody is waiting for the answer. */
  readonly synthetic?: boolean;
  /** Set when any of its timings was over the limit: its trace is then kept. */
  slow: boolean;
}

const KEY = createContextKey('request');

export const contextOf = (info: RequestInfo): Context => new RequestContext(info.span, KEY, info);
export const requestOf = (from: Context): RequestInfo | undefined => from.getValue(KEY) as RequestInfo | undefined;
/** The request in whose handling this is called. */
export const activeRequest = (): RequestInfo | undefined => requestOf(context.active());
