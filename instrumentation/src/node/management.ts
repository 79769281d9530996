import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type OpenMetricsContentType, Registry } from 'prom-client';
import { type Listen, listenOn } from './listening.ts';

export type ManagementHandler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface ManagementOptions {
  readonly listen: Listen;
  readonly registry: Registry<OpenMetricsContentType>;
  /** Answers `/healthz`: 200 when true, 503 when false or when it throws. */
  readonly healthy?: () => boolean | Promise<boolean>;
  /** More handlers, by `METHOD /path`; `/*` at the end stands for one more part. */
  readonly routes?: Readonly<Record<string, ManagementHandler>>;
}

export interface Management {
  readonly port: number;
  close(): Promise<void>;
}

/** A registry whose text carries exemplars. */
export function openMetricsRegistry(): Registry<OpenMetricsContentType> {
  const registry = new Registry<OpenMetricsContentType>();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  return registry;
}

/** `/metrics` and `/healthz` on a port of their own, never on the one that clients reach. Rejects when the port is taken. */
export async function serveManagement({
  listen,
  registry,
  healthy = () => true,
  routes = {},
}: ManagementOptions): Promise<Management> {
  const all: Record<string, ManagementHandler> = {
    'GET /metrics': async (_request, response) => {
      const text = await registry.metrics();
      response.setHeader('content-type', registry.contentType).end(text);
    },
    'GET /healthz': async (_request, response) => {
      const ok = await healthy();
      response.writeHead(ok ? 200 : 503).end(ok ? 'ok\n' : 'unhealthy\n');
    },
    ...routes,
  };
  const server: Server = createServer((request, response) => {
    const key = `${request.method} ${request.url?.split('?', 1)[0]}`;
    const handler = all[key] ?? all[key.replace(/[^/]+$/, '*')];
    if (!handler) {
      response.writeHead(404).end();
      return;
    }
    Promise.resolve()
      .then(() => handler(request, response))
      .catch(() => (response.headersSent ? response.destroy() : response.writeHead(503).end()));
  });
  const port = await listenOn(server, listen);
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
