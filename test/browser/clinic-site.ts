/** The built web app behind a small server that plays the API and writes down what browsers send to it. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { METRICS } from '../../catalogue/limits.ts';
import { API_ROUTES, PAGE_ROUTES } from '../../catalogue/routes.ts';
import type { MetricItem, PageLoadItem, WireItem } from '../../instrumentation/src/browser/wire.ts';
import { type BrowserBatch, batchReader } from '../../instrumentation/src/node/browser-batch.ts';

export interface Seen {
  readonly at: number;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface ClinicSite {
  readonly url: string;
  /** All requests, oldest first. */
  readonly requests: readonly Seen[];
  /** Trace and span ids of the documents served, oldest first. */
  readonly documents: readonly { readonly traceId: string; readonly spanId: string }[];
  /** How the server behaves; set it in a test, `reset` sets it back. */
  readonly behaviour: Behaviour;
  /** Of batches that were accepted, each once. */
  items(): WireItem[];
  /** Those of page loads and of calls as well. */
  metrics(name: string): MetricItem[];
  pageLoads(): PageLoadItem[];
  reset(): void;
  stop(): Promise<void>;
}

interface Behaviour {
  /** Milliseconds that answers wait. */
  documentMs: number;
  apiMs: number;
  chunkMs: number;
  telemetryStatus: number;
  overlap: boolean;
}

export interface ClinicSiteOptions {
  /** `development` has React's StrictMode mount everything twice. */
  readonly mode: 'production' | 'development';
  /** A name that stands for every client and clinician. */
  readonly name: string;
}

const TYPES: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
const HEADERS = {
  'content-security-policy': "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};
const read = batchReader({ pages: PAGE_ROUTES, api: API_ROUTES, metrics: METRICS });

/** The metric that the item is, or stands for. */
function metricOf(item: WireItem): MetricItem[] {
  if (item.k === 'm') return [item];
  if (item.k === 'l') return [{ ...item, k: 'm', n: 'page_load' }];
  return item.k === 'c' && !item.mute ? [{ ...item, k: 'm', n: 'api_call' }] : [];
}

const CALM: Behaviour = { documentMs: 0, apiMs: 0, chunkMs: 0, telemetryStatus: 204, overlap: false };

export async function clinicSite({ mode, name }: ClinicSiteOptions): Promise<ClinicSite> {
  const outDir = await mkdtemp(join(tmpdir(), 'clinic-web-'));
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = mode; // Vite prefers it to `mode`
  await build({
    root: fileURLToPath(new URL('../../services/clinic-web', import.meta.url)),
    mode,
    logLevel: 'warn',
    build: { outDir },
  }).finally(() => {
    process.env.NODE_ENV = NODE_ENV;
  });
  const html = await readFile(join(outDir, 'index.html'), 'utf8');

  const requests: Seen[] = [];
  const documents: { traceId: string; spanId: string }[] = [];
  const accepted = new Map<string, BrowserBatch>();
  const behaviour = { ...CALM };

  const client = (number: number) => ({
    id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    given_name: name,
    family_name: `Family${number}`,
    born_on: '1980-02-29',
  });
  const json = (res: ServerResponse, status: number, body: unknown) =>
    res.writeHead(status, { ...HEADERS, 'content-type': 'application/json' }).end(JSON.stringify(body));

  function api(path: string, query: URLSearchParams, body: string, res: ServerResponse) {
    if (path === '/auth') {
      if (!body.includes('"password":"right"')) return json(res, 401, { status: 401, code: 'credentials_wrong' });
      return json(res, 200, {
        access_token: 'synthetic',
        token_type: 'Bearer',
        expires_in: 3600,
        scope: 'full',
        user: { name, role: 'clinician' },
      });
    }
    if (path === '/api/appointments') {
      if (behaviour.overlap) return json(res, 409, { status: 409, code: 'appointment_overlap' });
      return json(res, 201, { id: '9' });
    }
    if (path === '/api/clients') {
      const page = Number(query.get('page'));
      const found = query.get('search') === 'nobody' ? 0 : 57;
      const size = Math.max(0, Math.min(25, found - (page - 1) * 25));
      const clients = Array.from({ length: size }, (_, index) => client((page - 1) * 25 + index));
      return json(res, 200, { clients, page, page_size: 25, total: found });
    }
    const number = Number(path.slice(-12));
    if (!path.startsWith('/api/clients/') || number > 56)
      return json(res, 404, { status: 404, code: 'client_unknown' });
    const appointments = [-40, -7, 3, 17].map((days, index) => ({
      id: String(index),
      starts_at: new Date(Date.now() + days * 86_400_000).toISOString(),
      minutes: 30,
      clinician_id: 1,
      clinician: name,
    }));
    return json(res, 200, {
      client: { ...client(number), email: 'someone@clinic.example', phone: '+1-202-555-0100' },
      appointments: number === 1 ? [] : appointments,
      clinicians: [{ id: 1, name }],
    });
  }

  async function answer(seen: Seen, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(seen.url, 'http://clinic.example');
    if (pathname === '/telemetry') {
      const status = behaviour.telemetryStatus;
      if (status === 204) {
        const batch = read(seen.body);
        if (!batch) throw new Error('What the browser sent is not a batch.');
        const key = `${batch.id}/${batch.sequence}`;
        if (!accepted.has(key)) accepted.set(key, batch);
      }
      res.writeHead(status).end();
    } else if (pathname.startsWith('/api/') || pathname === '/auth') {
      await sleep(behaviour.apiMs);
      api(pathname, searchParams, seen.body, res);
    } else if (pathname.startsWith('/assets/')) {
      if (pathname.includes('telemetry')) await sleep(behaviour.chunkMs);
      const file = await readFile(join(outDir, pathname));
      res
        .writeHead(200, {
          ...HEADERS,
          'content-type': TYPES[pathname.split('.').at(-1)!]!,
          'cache-control': 'max-age=60',
        })
        .end(file);
    } else {
      const traceId = randomBytes(16).toString('hex');
      const spanId = randomBytes(8).toString('hex');
      documents.push({ traceId, spanId });
      await sleep(behaviour.documentMs);
      const meta = `<meta name="traceparent" content="00-${traceId}-${spanId}-01">`;
      res
        .writeHead(200, { ...HEADERS, 'content-type': 'text/html', 'cache-control': 'no-store' })
        .end(html.replace('<!--traceparent-->', meta));
    }
  }

  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const seen = {
        at: Date.now(),
        method: req.method!,
        url: req.url!,
        headers: req.headers,
        body: Buffer.concat(chunks).toString(),
      };
      requests.push(seen);
      answer(seen, res).catch(() => res.writeHead(500).end());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('The site has no port.');
  const items = () =>
    [...accepted.values()].flatMap(({ items }) =>
      items.map((item) => {
        if (!item) throw new Error('The browser sent an item that would be refused.');
        return item;
      }),
    );

  return {
    url: `http://127.0.0.1:${address.port}`,
    requests,
    documents,
    behaviour,
    items,
    metrics: (metric) =>
      items()
        .flatMap(metricOf)
        .filter(({ n }) => n === metric),
    pageLoads: () => items().filter((item) => item.k === 'l'),
    reset() {
      requests.length = 0;
      documents.length = 0;
      accepted.clear();
      Object.assign(behaviour, CALM);
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(outDir, { recursive: true, force: true });
    },
  };
}
