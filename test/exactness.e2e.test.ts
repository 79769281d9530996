/**
 * The first promise on the real engines: five slow events of one metric within an hour never page, six always do, once.
 * Collector, recorder, Prometheus, Alertmanager and pager run as shipped; only the applications that send are played.
 * Counts and pages are per metric: each test has metrics of its own, and shares the servers with others.
 */
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { limitOf, METRICS } from '@clinic/catalogue/limits';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type AlertChain, alertChain } from './alert-chain.ts';
import { eventually } from './eventually.ts';
import { events, newUid, otlpLogs, sendLogs, sendSlowEvents } from './slow-events.ts';

const MINUTE = 60_000;
/** Longer than rule interval, look-back of the rule and delivery together: what has not paged by then does not page. */
const QUIET = 5_000;
/** Where the recorder listens when something stands before it. */
const BEHIND_PROXY = 28_086;

type Metric = (typeof METRICS)[number];

let chain: AlertChain;
/** Whom the tests on this chain made page. */
let paged: Metric[];

function onOneChain(options?: Parameters<typeof alertChain>[0]): void {
  beforeAll(async () => {
    paged = [];
    chain = await alertChain(options);
  });
  afterAll(() => chain?.stop());
}

/** Nothing that one test sent was counted for another. */
async function expectPagesOfTheseTestsOnly(): Promise<void> {
  expect((await chain.pages()).map(({ labels }) => labels.metric).sort()).toEqual(paged.sort());
}

const slow = (count: number, metric: Metric, at?: number) =>
  events(count, { metric, durationMs: 3200, ...(at === undefined ? {} : { at }) });
const send = (list: ReturnType<typeof slow>) => sendSlowEvents(chain.collector, list);

async function expectNoPage(metric: Metric): Promise<void> {
  await sleep(QUIET);
  expect(await chain.pages(metric)).toEqual([]);
}

async function expectOnePage(metric: Metric): Promise<void> {
  await eventually(async () => (await chain.pages(metric)).length > 0, { within: 15_000, what: `a page of ${metric}` });
  paged.push(metric);
  await sleep(2_000);
  expect(await chain.pages(metric)).toMatchObject([
    { alertname: 'SlowEvents', labels: { metric, severity: 'page' }, status: 'firing' },
  ]);
}

const counted = (metric: Metric) => chain.countInPrometheus(metric);
const expectCount = (count: number, metric: Metric) =>
  eventually(async () => (await counted(metric)) === count, {
    within: 15_000,
    what: `${count} ${metric} events in Prometheus`,
  });

describe('while every server runs', () => {
  onOneChain();

  test('six events, the first ever in an empty database, page once', async () => {
    for (const metric of METRICS) expect([metric, await chain.storedTotal(metric)]).toEqual([metric, 0]);
    await send(slow(6, 'page_load'));
    await expectOnePage('page_load');
    expect(await counted('page_load')).toBe(6);
  });

  // Side by side, so that they are quiet at the same time.
  describe.concurrent('the count', () => {
    test('five do not page, the sixth does', async () => {
      await send(slow(5, 'sign_in'));
      await expectCount(5, 'sign_in');
      await expectNoPage('sign_in');
      await send(slow(1, 'sign_in'));
      await expectOnePage('sign_in');
    });

    test('a duration equal to the limit does not count', async () => {
      const limit = limitOf('render');
      await send([...slow(5, 'render'), ...events(3, { metric: 'render', durationMs: limit })]);
      await expectCount(5, 'render');
      await expectNoPage('render');
      await send(events(1, { metric: 'render', durationMs: limit + 0.0000001 }));
      await expectOnePage('render');
    });

    test('five of one metric and five of another do not page; six of the second page for the second only', async () => {
      await send([...slow(5, 'api_call'), ...slow(5, 'search')]);
      await expectCount(5, 'api_call');
      await expectCount(5, 'search');
      await Promise.all([expectNoPage('api_call'), expectNoPage('search')]);
      await send(slow(1, 'search'));
      await expectOnePage('search');
      expect(await chain.pages('api_call')).toEqual([]);
    });

    test('a thousand events in one second page once, and all are stored', async () => {
      await Promise.all(Array.from({ length: 10 }, () => send(slow(100, 'database_query'))));
      await expectOnePage('database_query');
      await eventually(async () => (await chain.storedTotal('database_query')) === 1000, {
        within: 20_000,
        what: 'a thousand stored events',
      });
    });

    test('the same request twice counts once', async () => {
      const body = otlpLogs(slow(3, 'book_appointment'));
      await sendLogs(chain.collector, body);
      await sendLogs(chain.collector, body);
      await send(slow(2, 'book_appointment'));
      await expectCount(5, 'book_appointment');
      await expectNoPage('book_appointment');
      await send(slow(1, 'book_appointment'));
      await expectOnePage('book_appointment');
    });

    test('an acknowledgement of the Collector that is cut makes the sender repeat, and counts once', async () => {
      const body = otlpLogs(slow(5, 'write_note'));
      await postAndHangUp(`${chain.collector}/v1/logs`, body);
      await expectCount(5, 'write_note');
      await sendLogs(chain.collector, body);
      await expectNoPage('write_note');
      expect(await counted('write_note')).toBe(5);
      await send(slow(1, 'write_note'));
      await expectOnePage('write_note');
    });

    test('the same uid with another duration is the same event', async () => {
      const uid = newUid();
      await send([{ metric: 'other', durationMs: 3100, uid }]);
      await send([{ metric: 'other', durationMs: 9000, uid }]);
      await expectCount(1, 'other');
      await sleep(1_000);
      expect(await counted('other')).toBe(1);
    });

    test('an event of 61 minutes ago does not count, one of 59 minutes ago does', async () => {
      await send([...slow(5, 'upload_document'), ...slow(1, 'upload_document', Date.now() - 61 * MINUTE)]);
      await expectCount(5, 'upload_document');
      await expectNoPage('upload_document');
      await send(slow(1, 'upload_document', Date.now() - 59 * MINUTE));
      await expectOnePage('upload_document');
    });
  });

  test('no other metric paged, and none twice', expectPagesOfTheseTestsOnly);
});

describe('an acknowledgement of the recorder that is cut', () => {
  onOneChain({ recorderPort: BEHIND_PROXY });

  test('makes the Collector repeat, and counts once', async () => {
    const cut = await cuttingProxy({ port: chain.stack.port(8085), target: `http://127.0.0.1:${BEHIND_PROXY}` });
    try {
      await send(slow(6, 'page_load'));
      await expectOnePage('page_load');
      expect(cut.cuts()).toBe(3);
      expect(await counted('page_load')).toBe(6);
      expect(await chain.storedTotal('page_load')).toBe(6);
    } finally {
      await cut.close();
    }
  });
});

describe('while a server is away or dies', () => {
  onOneChain();
  afterEach(() => chain.allUp());

  test('Prometheus away: an hour that held six for a few seconds only pages all the same', async () => {
    await send(slow(5, 'search', Date.now() - 60 * MINUTE + 8_000));
    await expectCount(5, 'search');
    await chain.stack.stopService('prometheus');
    await send(slow(1, 'search'));
    // By then the five have left the window, but not for longer than the rule looks back.
    await sleep(10_000);
    await chain.stack.startService('prometheus');
    await expectOnePage('search');
    expect(await counted('search')).toBe(1);
  });

  describe('SIGKILL', () => {
    test('of the recorder between storing and sending: six stays six', async () => {
      await chain.stack.stopService('prometheus');
      await send(slow(6, 'sign_in'));
      await eventually(async () => (await chain.storedTotal('sign_in')) === 6, {
        within: 10_000,
        what: 'six stored events',
      });
      await chain.killAndWait('slow-event-recorder');
      await chain.stack.startService('prometheus');
      await expectOnePage('sign_in');
      expect(await counted('sign_in')).toBe(6);
    });

    test('of the Collector with events in its queue: six stays six', async () => {
      await chain.stack.stopService('slow-event-recorder');
      await send(slow(6, 'api_call'));
      await chain.killAndWait('collector');
      await chain.stack.startService('slow-event-recorder');
      await expectOnePage('api_call');
      expect(await counted('api_call')).toBe(6);
    });

    test('of Prometheus for a minute, and of Alertmanager: the page stays one', async () => {
      await send(slow(6, 'render'));
      await expectOnePage('render');
      await chain.killAndHold('prometheus');
      await send(slow(1, 'render'));
      await sleep(MINUTE);
      await chain.stack.startService('prometheus');
      await expectCount(7, 'render');
      await chain.killAndWait('alertmanager');
      // Prometheus sends a firing alert again each minute; a restarted Alertmanager then notifies anew.
      await eventually(async () => (await chain.notifications('render')) > 1, {
        within: 90_000,
        what: 'a repeated notification',
      });
      expect(await chain.pages('render')).toHaveLength(1);
    }, 300_000);

    test('of Prometheus with five events, the sixth arriving while it is away: one page', async () => {
      await send(slow(5, 'write_note'));
      await expectCount(5, 'write_note');
      await chain.killAndHold('prometheus');
      await send(slow(1, 'write_note'));
      await sleep(3_000);
      await chain.stack.startService('prometheus');
      await expectOnePage('write_note');
      expect(await counted('write_note')).toBe(6);
    });

    test('of Alertmanager and pager after the page: still one', async () => {
      await send(slow(6, 'book_appointment'));
      await expectOnePage('book_appointment');
      await chain.killAndWait('pager');
      await chain.killAndWait('alertmanager');
      await sleep(QUIET);
      expect(await chain.pages('book_appointment')).toHaveLength(1);
    });

    test('of the application 250 ms after a slow event: it counts', async () => {
      await send(slow(5, 'page_load'));
      await expectCount(5, 'page_load');
      await chain.recordInAnApplicationAndKillIt({ afterMs: 250 });
      await expectOnePage('page_load');
      expect(await counted('page_load')).toBe(6);
    });
  });

  test('no other metric paged, and none twice', expectPagesOfTheseTestsOnly);
});

/** Sends the whole request and closes the socket without reading the answer. */
function postAndHangUp(url: string, body: string): Promise<void> {
  const { hostname, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port) }, () => {
      const head = `POST ${pathname} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n`;
      socket.write(head + body, () => setTimeout(() => socket.destroy(), 20));
    });
    socket.on('close', () => resolve());
    socket.on('error', reject);
  });
}

interface CuttingProxy {
  cuts(): number;
  close(): Promise<void>;
}

/** Lets each request be processed, and cuts the connection instead of passing on the first three answers. */
async function cuttingProxy({
  port,
  target,
}: {
  readonly port: number;
  readonly target: string;
}): Promise<CuttingProxy> {
  let cuts = 0;
  const server = createServer((incoming, outgoing) => {
    const forwarded = request(
      new URL(incoming.url ?? '/', target),
      { method: incoming.method ?? 'POST', headers: incoming.headers },
      (answer) => {
        if (cuts < 3) {
          cuts++;
          answer.resume();
          answer.on('end', () => incoming.socket.destroy());
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    forwarded.on('error', () => incoming.socket.destroy());
    incoming.pipe(forwarded);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    cuts: () => cuts,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
