import { type Context, context, createContextKey } from '@opentelemetry/api';
import { RequestContext, type RequestSpan } from './request-span.ts';
import type { Route } from './routes.ts';

/** What the library knows about the request being served; it lives in the OpenTelemetry context. */
export interface RequestInfo {
  readonly route: Route;
  readonly span: RequestSpan;
  /** Set when any of its timings was over the limit: its trace is then kept. */
  slow: boolean;
}

const KEY = createContextKey('request');

export const contextOf = (info: RequestInfo): Context => new RequestContext(info.span, KEY, info);
export const requestOf = (from: Context): RequestInfo | undefined => from.getValue(KEY) as RequestInfo | undefined;
/** The request in whose handling this is called. */
export const activeRequest = (): RequestInfo | undefined => requestOf(context.active());
