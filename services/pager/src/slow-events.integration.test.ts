import { createServer, type Server } from 'node:http';
import { listenOn } from '@clinic/instrumentation/node/configuration';
import { afterEach, describe, expect, it } from 'vitest';
import { alert, testPager, webhook } from './pager.fixture.ts';
import { slowEventsFrom } from './slow-events.ts';

const TRACE = '0123456789abcdef0123456789abcdef';
const event = (over: object = {}) => ({
  uid: 'u',
  metric: 'page_load',
  duration_ms: 3421.5,
  threshold_ms: 3000,
  route: '/clients/:id',
  trace_id: TRACE,
  recorded_at: '2026-11-22T02:59:58.000Z',
  counted: true,
  ...over,
});

let server: Server;
let pager: Awaited<ReturnType<typeof testPager>>;
let asked: string | undefined;
afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await pager.remove();
});

/** A recorder that answers `body`, or nothing at all, and a pager with one page. */
async function detail(body: unknown, labels = {}) {
  server = createServer((request, response) => {
    asked = request.url;
    if (body !== undefined) response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  const port = await listenOn(server, { host: '127.0.0.1', port: 0 });
  const fetchSlowEvents = slowEventsFrom({
    recorderUrl: `http://127.0.0.1:${port}`,
    traceUrl: 'http://traces.example/{trace_id}?from={trace_id}',
    timeoutMs: 200,
  });
  pager = await testPager({ fetchSlowEvents });
  await pager.post('/alertmanager', webhook(alert({ labels })));
  return pager.get<Record<string, unknown>>('/api/pages/1');
}

describe('the slow events behind a page', () => {
  it('are those of its metric in the last hour, newest first, each with its trace', async () => {
    const page = await detail([event(), event({ recorded_at: '2026-11-22T02:59:59Z', route: null, trace_id: null })]);
    expect(asked).toBe('/api/slow-events?metric=page_load&since=1h');
    expect(page).toMatchObject({ alertname: 'SlowEvents', slow_events_problem: null });
    expect(page.slow_events).toEqual([
      { duration_ms: 3421.5, threshold_ms: 3000, route: null, recorded_at: '2026-11-22T02:59:59Z', trace_url: null },
      {
        duration_ms: 3421.5,
        threshold_ms: 3000,
        route: '/clients/:id',
        recorded_at: '2026-11-22T02:59:58.000Z',
        trace_url: `http://traces.example/${TRACE}?from=${TRACE}`,
      },
    ]);
  });

  it('of a page that is over are those from an hour before it to its end', async () => {
    await detail([event({ recorded_at: '2026-11-22T03:12:01Z' }), event()]);
    await pager.post('/alertmanager', webhook(alert({ status: 'resolved' })));
    const page = await pager.get<{ slow_events: unknown[] }>('/api/pages/1');
    expect(asked).toBe('/api/slow-events?metric=page_load&since=2026-11-22T02%3A00%3A00.123Z');
    expect(page.slow_events).toMatchObject([{ recorded_at: '2026-11-22T02:59:58.000Z' }]);
  });

  it('link no trace whose id is none', async () => {
    const page = await detail([event({ trace_id: '../../evil' })]);
    expect(page.slow_events).toMatchObject([{ trace_url: null }]);
  });

  for (const [what, body] of [
    ['does not answer', undefined],
    ['answers no JSON', '<html>'],
    ['answers something else', { events: [] }],
  ] as const) {
    it(`are said to be missing when the recorder ${what}; the page still shows`, async () => {
      const page = await detail(body);
      expect(page).toMatchObject({ alertname: 'SlowEvents', status: 'firing', slow_events: null });
      expect(page.slow_events_problem).toMatch(/could not be reached/);
    });
  }

  it('are none for an alert without a metric, and nobody is asked', async () => {
    asked = undefined;
    const page = await detail([event()], { metric: '' });
    expect(page).toMatchObject({ slow_events: [], slow_events_problem: null });
    expect(asked).toBeUndefined();
  });
});
