import { type Context, context, createContextKey, type Span } from '@opentelemetry/api';
import type { Route } from './routes.ts';

/** What the library knows about the request being served; it lives in the OpenTelemetry context. */
export interface RequestInfo {
  readonly route: Route;
  readonly span: Span;
  /** Set when any of its timings was over the limit: its trace is then kept. */
  slow: boolean;
}

const KEY = createContextKey('request');

export const withRequest = (parent: Context, info: RequestInfo): Context => parent.setValue(KEY, info);
export const requestOf = (from: Context): RequestInfo | undefined => from.getValue(KEY) as RequestInfo | undefined;
/** The request in whose handling this is called. */
export const activeRequest = (): RequestInfo | undefined => requestOf(context.active());
