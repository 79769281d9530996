import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { WINDOW_MS } from '@clinic/catalogue/limits';
import { z } from 'zod';
import { assets } from './assets.ts';
import { readJson } from './body.ts';
import { type Delivery, readDelivery } from './delivery.ts';
import type { Delivered, Entry, Inbox } from './inbox.ts';
import { type Live, liveEvents } from './live.ts';
import { pageOf, timeToPageMs } from './page.ts';
import type { PagerMetrics } from './pager-metrics.ts';
import { answerProblem, Problem } from './problem.ts';
import { notFoundPage, RUNBOOK_NAME, runbookList, runbookPage } from './runbook.ts';
import type { FetchSlowEvents } from './slow-events.ts';
import type { Watchdog } from './watchdog.ts';

export interface PagerOptions {
  readonly inbox: Inbox;
  readonly watchdog: Watchdog;
  readonly metrics: PagerMetrics;
  readonly fetchSlowEvents: FetchSlowEvents;
  /** Folder of `<AlertName>.md`. */
  readonly runbooks: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** One line for the operator; never holds what a request sent. */
  readonly log: (line: string) => void;
  readonly maxStreams?: number;
  readonly heartbeatMs?: number;
}

export interface Pager {
  readonly server: Server;
  readonly live: Live;
  /** Ends the streams, finishes what is being answered, and stops. */
  close(): Promise<void>;
}

const DELIVERY_LIMIT = 1 << 20;
const ACKNOWLEDGEMENT_LIMIT = 4096;

const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

const acknowledgement = z.strictObject({
  name: z
    .string()
    .trim()
    .min(1)
    .max(80)
    .regex(/^\P{Cc}+$/u),
  take_over: z.boolean().default(false),
});

interface Call {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  /** What the path's pattern captured. */
  readonly name: string;
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
  readonly answer: (call: Call) => void | Promise<void>;
}

function answerJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

function answerHtml(response: ServerResponse, status: number, html: string): void {
  response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' });
  response.end(html);
}

/** Whether a browser asks for a page, and not a program for data. */
const fromBrowser = ({ headers }: IncomingMessage): boolean => headers.accept?.includes('text/html') ?? false;

function statusFilter(query: URLSearchParams): 'firing' | 'resolved' | undefined {
  const given = [...query.keys()];
  const status = query.get('status') ?? undefined;
  const known = status === undefined || status === 'firing' || status === 'resolved';
  if (known && given.length <= 1 && given.every((key) => key === 'status')) return status;
  throw new Problem({
    status: 400,
    title: 'Wrong parameter',
    detail: 'The only parameter is status, once, with the value firing or resolved.',
  });
}

/** A browser names the page that a request comes from; another site's page must not act for the engineer who has it open. */
function refuseOtherOrigins({ headers }: IncomingMessage): void {
  const { origin, host } = headers;
  if (origin === undefined || (URL.canParse(origin) && new URL(origin).host === host)) return;
  throw new Problem({
    status: 403,
    title: 'Another origin',
    detail: 'Acknowledge from the inbox itself: this request comes from a page of another origin.',
  });
}

/** The on-call inbox: Alertmanager's webhook in, a page for people and JSON for programs out. */
export function createPager(options: PagerOptions): Pager {
  const { inbox, watchdog, metrics, fetchSlowEvents, runbooks, now, log } = options;
  const serveAsset = assets();

  const status = () => {
    const { state, lastSignOfLife, since } = watchdog.status();
    return {
      now: new Date(now()).toISOString(),
      watchdog: {
        state,
        since: new Date(since).toISOString(),
        last_sign_of_life: lastSignOfLife === undefined ? null : new Date(lastSignOfLife).toISOString(),
        silence_seconds: watchdog.silenceMs / 1000,
      },
      pages: inbox.open(),
      tickets: inbox.list({ severity: 'ticket', status: 'firing' }).length,
    };
  };
  const list = (entries: readonly Entry[]) => entries.map(pageOf);

  const live = liveEvents({
    snapshot: () => ({
      status: status(),
      pages: list(inbox.list({ severity: 'page' })),
      tickets: list(inbox.list({ severity: 'ticket' })),
    }),
    ...(options.maxStreams === undefined ? {} : { maxStreams: options.maxStreams }),
    ...(options.heartbeatMs === undefined ? {} : { heartbeatMs: options.heartbeatMs }),
  });

  // Silence makes no request, so somebody has to look.
  let lastState = watchdog.status().state;
  const look = () => {
    const { state } = watchdog.status();
    if (state === lastState) return;
    lastState = state;
    live.publish('status', status());
  };
  const looking = setInterval(look, 1000);
  looking.unref();

  function stored<Result>(work: () => Result): Result {
    try {
      return work();
    } catch (error) {
      log(`The inbox could not be stored: ${error instanceof Error ? error.message : 'unknown error'}.`);
      throw new Problem({
        status: 503,
        title: 'Not stored',
        detail: 'The inbox could not write to its database. Send the same request again.',
        headers: { 'retry-after': '5' },
      });
    }
  }

  async function delivery(request: IncomingMessage): Promise<Delivery> {
    try {
      return readDelivery(await readJson(request, { limit: DELIVERY_LIMIT }));
    } catch (error) {
      metrics.delivered('refused');
      if (error instanceof Problem) log(`A delivery was refused: ${error.message}`);
      throw error;
    }
  }

  function tell({ outcome, entry }: Delivered): void {
    metrics.delivered(outcome);
    if (outcome === 'refused') {
      log(
        'An alert is neither a page nor a ticket by its label severity and is not shown. Check the alert and its route.',
      );
    }
    if (!entry) return;
    // Only the first delivery says how long the page took; a page that fires again was late for other reasons.
    if (outcome === 'new' && entry.severity === 'page' && entry.notifications === 1) {
      metrics.timeToPage(timeToPageMs(entry));
    }
    live.publish(entry.severity, pageOf(entry));
  }

  const routes: readonly Route[] = [
    {
      method: 'POST',
      path: /^\/alertmanager(?:\/tickets)?$/,
      answer: async ({ request, response }) => {
        const { alerts, refused } = await delivery(request);
        const delivered = stored(() => inbox.deliver(alerts, now()));
        if (refused > 0) {
          metrics.delivered('refused', refused);
          log(`${refused} of ${refused + alerts.length} alerts of a delivery could not be read and are not shown.`);
        }
        for (const one of delivered) tell(one);
        answerJson(response, { stored: delivered.filter(({ entry }) => entry).length, refused });
      },
    },
    {
      method: 'POST',
      path: /^\/watchdog$/,
      answer: async ({ request, response }) => {
        const { alerts } = await delivery(request);
        // Another alert on this route, or the end of the Watchdog, is no sign that alerting lives.
        const alive = alerts.some(({ status: state, labels }) => state === 'firing' && labels.alertname === 'Watchdog');
        if (alive) {
          const at = now();
          stored(() => inbox.signOfLife(at));
          watchdog.heard(at);
          lastState = 'alive';
          live.publish('status', status());
        }
        answerJson(response, { alive });
      },
    },
    {
      method: 'GET',
      path: /^\/api\/pages$/,
      answer: ({ response, query }) =>
        answerJson(response, list(inbox.list({ severity: 'page', status: statusFilter(query) }))),
    },
    {
      method: 'GET',
      path: /^\/api\/tickets$/,
      answer: ({ response, query }) =>
        answerJson(response, list(inbox.list({ severity: 'ticket', status: statusFilter(query) }))),
    },
    {
      method: 'GET',
      path: /^\/api\/pages\/(\d{1,15})$/,
      answer: async ({ response, name }) => {
        const entry = inbox.page(Number(name));
        if (!entry) throw unknownPage();
        const { metric } = entry.labels;
        const { startsAt, resolvedAt } = entry;
        // Of a page that is over: what led to it and what came while it lasted.
        const since = resolvedAt === null ? '1h' : new Date(startsAt - WINDOW_MS).toISOString();
        const events = metric
          ? await fetchSlowEvents({ metric, since }).then(
              (found) => ({
                slow_events: found.filter(({ recorded_at: at }) => resolvedAt === null || Date.parse(at) <= resolvedAt),
                slow_events_problem: null,
              }),
              () => ({
                slow_events: null,
                slow_events_problem:
                  'The slow-event recorder could not be reached. Look at its log; the page itself stands.',
              }),
            )
          : { slow_events: [], slow_events_problem: null };
        answerJson(response, { ...pageOf(entry), ...events });
      },
    },
    {
      method: 'POST',
      path: /^\/api\/pages\/(\d{1,15})\/acknowledge$/,
      answer: async ({ request, response, name }) => {
        refuseOtherOrigins(request);
        const body = acknowledgement.safeParse(await readJson(request, { limit: ACKNOWLEDGEMENT_LIMIT }));
        if (!body.success) {
          throw new Problem({
            status: 400,
            title: 'Wrong acknowledgement',
            detail: 'Send {"name": "1 to 80 characters"}, and "take_over": true to take a page over. Nothing else.',
          });
        }
        const by = { name: body.data.name, takeOver: body.data.take_over, at: now() };
        const acknowledged = stored(() => inbox.acknowledge(Number(name), by));
        if (acknowledged.outcome === 'unknown') throw unknownPage();
        if (acknowledged.outcome === 'taken') {
          throw new Problem({
            status: 409,
            title: 'Acknowledged already',
            detail: 'Somebody else has acknowledged this page. To take it over, send "take_over": true.',
          });
        }
        if (acknowledged.outcome === 'acknowledged') live.publish('page', pageOf(acknowledged.entry));
        answerJson(response, pageOf(acknowledged.entry));
      },
    },
    { method: 'GET', path: /^\/api\/status$/, answer: ({ response }) => answerJson(response, status()) },
    { method: 'GET', path: /^\/events$/, answer: ({ request, response }) => live.open(request, response) },
    {
      method: 'GET',
      path: /^\/runbooks\/([^/]*)$/,
      answer: async ({ response, name }) => {
        if (!RUNBOOK_NAME.test(name)) throw notFound();
        const { found, html } = await runbookPage(runbooks, name);
        answerHtml(response, found ? 200 : 404, html);
      },
    },
    {
      method: 'GET',
      path: /^\/runbooks$/,
      answer: async ({ response }) => answerHtml(response, 200, await runbookList(runbooks)),
    },
  ];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
    const { method } = request;
    if ((method === 'GET' || method === 'HEAD') && serveAsset(path, request, response)) return;
    const here = routes.filter((route) => route.path.test(path));
    const route = here.find((candidate) => candidate.method === method);
    if (!route) {
      if (here.length === 0) throw notFound();
      const allow = here.map((candidate) => candidate.method).join(', ');
      throw new Problem({
        status: 405,
        title: 'Wrong method',
        detail: `This path answers ${allow}.`,
        headers: { allow },
      });
    }
    const name = route.path.exec(path)?.[1] ?? '';
    await route.answer({ request, response, name, query: new URLSearchParams(query) });
  }

  let answering = 0;
  let closing = false;
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5000 }, (request, response) => {
    answering += 1;
    response.once('close', () => {
      answering -= 1;
      if (closing && answering === 0) server.closeAllConnections();
    });
    for (const [key, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(key, value);
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      if (error instanceof Problem) {
        const { status, detail } = error.options;
        if (status === 404 && fromBrowser(request)) answerHtml(response, status, notFoundPage(detail));
        else answerProblem(response, error.options);
      } else {
        log(`A request could not be answered: ${error instanceof Error ? error.message : 'unknown error'}.`);
        const detail = 'The inbox could not answer. Try again; its log says why.';
        answerProblem(response, { status: 503, title: 'Cannot answer', detail });
      }
      // The rest of a refused body is read and thrown away, or the client would see a reset connection and no answer.
      request.resume();
    });
  });

  return {
    server,
    live,
    close: () =>
      new Promise((resolve) => {
        clearInterval(looking);
        closing = true;
        server.close(() => resolve());
        live.close();
        // A browser opens connections in advance; Node does not count those as idle.
        if (answering === 0) server.closeAllConnections();
        // Who still sends a body after this is cut off.
        setTimeout(() => server.closeAllConnections(), 3000).unref();
      }),
  };
}

function unknownPage(): Problem {
  return new Problem({ status: 404, title: 'No such page', detail: 'There is no page with this id.' });
}

function notFound(): Problem {
  return new Problem({ status: 404, title: 'Not found', detail: 'There is nothing at this path. The inbox is at /.' });
}
