import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ALLOWED, type Upstream } from './allow-list.ts';
import { answerError, answerJson } from './answer.ts';
import { dashboardsIn } from './dashboards.ts';
import { createProxy, type ProxyOptions } from './proxy.ts';
import { SECURITY_HEADERS } from './security-headers.ts';
import { staticFiles } from './static-files.ts';

export interface PreviewOptions extends ProxyOptions {
  /** Folder of the built app. */
  readonly app: string;
  /** Folder of dashboards as JSON. */
  readonly dashboards: string;
  log(line: string): void;
}

const isUpstream = (word: string): word is Upstream => Object.hasOwn(ALLOWED, word);
/** Addresses of the app: those of Grafana, and a short one for a trace. */
const PAGE = /^\/($|dashboards$|explore$|d\/|trace\/)/;

/** Serves the app, the dashboards, and what may be read of Prometheus and Tempo. Reads only; knows no users. */
export function createPreview({ app, dashboards: folder, log, ...upstreams }: PreviewOptions) {
  const files = staticFiles(app);
  const dashboards = dashboardsIn(folder);
  const proxy = createProxy(upstreams);
  for (const file of dashboards.unreadable()) log(`${file} is no dashboard: it has no uid or title, or is not JSON.`);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const [, upstream = '', below = ''] = /^\/api\/([a-z]+)(\/.*)$/.exec(path) ?? [];
    if (isUpstream(upstream)) return proxy.pass(upstream, below, query, request, response);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return answerError(response, 405, 'method', 'This path answers GET, HEAD: the preview only reads.');
    }
    // The second is Grafana's, which docker-compose.yml asks whatever stands at its place.
    if (path === '/healthz' || path === '/api/health') {
      response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n');
      return;
    }
    if (path === '/api/dashboards') return answerJson(response, 200, dashboards.list());
    const uid = /^\/api\/dashboards\/([a-zA-Z0-9_-]{1,40})$/.exec(path)?.[1];
    if (uid !== undefined) {
      const text = dashboards.text(uid);
      if (text === undefined) return answerError(response, 404, 'not_found', 'There is no dashboard with this uid.');
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(text);
      return;
    }
    if (files.serve(path, request, response)) return;
    if (PAGE.test(path) && files.serve('/index.html', request, response)) return;
    answerError(response, 404, 'not_found', 'There is nothing at this path. The dashboards are at /dashboards.');
  }

  const server: Server = createServer({ requestTimeout: 30_000, headersTimeout: 5000 }, (request, response) => {
    for (const [key, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(key, value);
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      log(`A request could not be answered: ${error instanceof Error ? error.message : 'unknown error'}.`);
      answerError(response, 503, 'unavailable', 'The preview could not answer. Try again; its log says why.');
    });
  });

  return {
    server,
    close: (): Promise<void> =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        proxy.close();
      }),
  };
}
