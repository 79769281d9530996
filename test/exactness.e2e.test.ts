/**
 * The first promise on the real engines: five slow events of one metric within an hour never page, six always do, once.
 * Collector, recorder, Prometheus, Alertmanager and pager run as shipped; only the applications that send are played.
 */
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type AlertChain, alertChain } from './alert-chain.ts';
import { eventually } from './eventually.ts';
import { events, newUid, otlpLogs, sendLogs, sendSlowEvents } from './slow-events.ts';

const MINUTE = 60_000;
/** Longer than rule interval, look-back of the rule and delivery together: what has not paged by then does not page. */
const QUIET = 5_000;
/** Where the recorder listens when something stands before it. */
const BEHIND_PROXY = 28_086;

let chain: AlertChain;
beforeEach(async () => {
  chain = await alertChain();
});
afterEach(async () => {
  await chain.stop();
});

const slow = (count: number, metric = 'page_load', at?: number) =>
  events(count, { metric, durationMs: 3200, ...(at === undefined ? {} : { at }) });
const send = (list: ReturnType<typeof slow>) => sendSlowEvents(chain.collector, list);

async function expectNoPage(forMs = QUIET): Promise<void> {
  await sleep(forMs);
  expect(await chain.pages()).toEqual([]);
}

async function expectOnePage(metric = 'page_load'): Promise<void> {
  await eventually(async () => (await chain.pages()).length > 0, { within: 15_000, what: 'a page' });
  await sleep(2_000);
  expect(await chain.pages()).toMatchObject([
    { alertname: 'SlowEvents', labels: { metric, severity: 'page' }, status: 'firing' },
  ]);
}

const counted = (metric = 'page_load') => chain.countInPrometheus(metric);
const expectCount = (count: number, metric = 'page_load') =>
  eventually(async () => (await counted(metric)) === count, {
    within: 15_000,
    what: `${count} ${metric} events in Prometheus`,
  });

describe('the count', () => {
  test('six events, the first ever in an empty database, page once', async () => {
    await send(slow(6));
    await expectOnePage();
    expect(await counted()).toBe(6);
  });

  test('five do not page, the sixth does', async () => {
    await send(slow(5));
    await expectCount(5);
    await expectNoPage();
    await send(slow(1));
    await expectOnePage();
  });

  test('a duration equal to the limit does not count', async () => {
    await send([...slow(5), ...events(3, { metric: 'page_load', durationMs: 3000 })]);
    await expectCount(5);
    await expectNoPage();
    await send(events(1, { metric: 'page_load', durationMs: 3000.0000001 }));
    await expectOnePage();
  });

  test('five of one metric and five of another do not page; six of the second page for the second only', async () => {
    await send([...slow(5), ...slow(5, 'api_call')]);
    await expectCount(5, 'api_call');
    await expectNoPage();
    await send(slow(1, 'api_call'));
    await expectOnePage('api_call');
  });

  test('a thousand events in one second page once, and all are stored', async () => {
    await Promise.all(Array.from({ length: 10 }, () => send(slow(100))));
    await expectOnePage();
    await eventually(async () => (await chain.storedTotal('page_load')) === 1000, {
      within: 20_000,
      what: 'a thousand stored events',
    });
  });
});

describe('repetition', () => {
  test('the same request twice counts once', async () => {
    const body = otlpLogs(slow(3));
    await sendLogs(chain.collector, body);
    await sendLogs(chain.collector, body);
    await send(slow(2));
    await expectCount(5);
    await expectNoPage();
    await send(slow(1));
    await expectOnePage();
  });

  test('an acknowledgement of the Collector that is cut makes the sender repeat, and counts once', async () => {
    const body = otlpLogs(slow(5));
    await postAndHangUp(`${chain.collector}/v1/logs`, body);
    await expectCount(5);
    await sendLogs(chain.collector, body);
    await expectNoPage();
    expect(await counted()).toBe(5);
    await send(slow(1));
    await expectOnePage();
  });

  test('an acknowledgement of the recorder that is cut makes the Collector repeat, and counts once', async () => {
    await chain.stop();
    chain = await alertChain({ recorderPort: BEHIND_PROXY });
    const cut = await cuttingProxy({ port: chain.stack.port(8085), target: `http://127.0.0.1:${BEHIND_PROXY}` });
    try {
      await send(slow(6));
      await expectOnePage();
      expect(cut.cuts()).toBe(3);
      expect(await counted()).toBe(6);
      expect(await chain.storedTotal('page_load')).toBe(6);
    } finally {
      await cut.close();
    }
  });

  test('the same uid with another duration is the same event', async () => {
    const uid = newUid();
    await send([{ metric: 'page_load', durationMs: 3100, uid }]);
    await send([{ metric: 'page_load', durationMs: 9000, uid }]);
    await expectCount(1);
    await sleep(1_000);
    expect(await counted()).toBe(1);
  });
});

describe('the window', () => {
  test('an event of 61 minutes ago does not count, one of 59 minutes ago does', async () => {
    await send([...slow(5), ...slow(1, 'page_load', Date.now() - 61 * MINUTE)]);
    await expectCount(5);
    await expectNoPage();
    await send(slow(1, 'page_load', Date.now() - 59 * MINUTE));
    await expectOnePage();
  });
});

describe('the window while Prometheus is away', () => {
  test('an hour that held six for a few seconds only pages all the same', async () => {
    await send(slow(5, 'page_load', Date.now() - 60 * MINUTE + 8_000));
    await expectCount(5);
    await chain.stack.stopService('prometheus');
    await send(slow(1));
    // By then the five have left the window, but not for longer than the rule looks back.
    await sleep(10_000);
    await chain.stack.startService('prometheus');
    await expectOnePage();
    expect(await counted()).toBe(1);
  });
});

describe('SIGKILL', () => {
  test('of the recorder between storing and sending: six stays six', async () => {
    await chain.stack.stopService('prometheus');
    await send(slow(6));
    await eventually(async () => (await chain.storedTotal('page_load')) === 6, {
      within: 10_000,
      what: 'six stored events',
    });
    await chain.killAndWait('slow-event-recorder');
    await chain.stack.startService('prometheus');
    await expectOnePage();
    expect(await counted()).toBe(6);
  });

  test('of the Collector with events in its queue: six stays six', async () => {
    await chain.stack.stopService('slow-event-recorder');
    await send(slow(6));
    await chain.killAndWait('collector');
    await chain.stack.startService('slow-event-recorder');
    await expectOnePage();
    expect(await counted()).toBe(6);
  });

  test('of Prometheus for a minute, and of Alertmanager: the page stays one', async () => {
    await send(slow(6));
    await expectOnePage();
    await chain.killAndHold('prometheus');
    await send(slow(1));
    await sleep(MINUTE);
    await chain.stack.startService('prometheus');
    await expectCount(7);
    await chain.killAndWait('alertmanager');
    // Prometheus sends a firing alert again each minute; a restarted Alertmanager then notifies anew.
    await eventually(async () => (await chain.notifications()) > 1, {
      within: 90_000,
      what: 'a repeated notification',
    });
    expect(await chain.pages()).toHaveLength(1);
  }, 300_000);

  test('of Prometheus with five events, the sixth arriving while it is away: one page', async () => {
    await send(slow(5));
    await expectCount(5);
    await chain.killAndHold('prometheus');
    await send(slow(1));
    await sleep(3_000);
    await chain.stack.startService('prometheus');
    await expectOnePage();
    expect(await counted()).toBe(6);
  });

  test('of Alertmanager and pager after the page: still one', async () => {
    await send(slow(6));
    await expectOnePage();
    await chain.killAndWait('pager');
    await chain.killAndWait('alertmanager');
    await sleep(QUIET);
    expect(await chain.pages()).toHaveLength(1);
  });

  test('of the application 250 ms after a slow event: it counts', async () => {
    await send(slow(5));
    await expectCount(5);
    await chain.recordInAnApplicationAndKillIt({ afterMs: 250 });
    await expectOnePage();
    expect(await counted()).toBe(6);
  });
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
