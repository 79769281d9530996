import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { UNHEARD_MS } from './inbox.ts';
import type { Page } from './page.ts';
import { alert, type TestPagerOptions, testPager, webhook } from './pager.fixture.ts';

let pager: Awaited<ReturnType<typeof testPager>>;
const start = async (options?: TestPagerOptions) => {
  pager = await testPager(options);
  return pager;
};
afterEach(() => pager.remove());

const START = '2026-11-22T03:00:00Z';

describe('a delivery', () => {
  it('becomes a page with all that the API promises', async () => {
    const { post, get } = await start();
    expect((await post('/alertmanager', webhook(alert({ startsAt: START })))).status).toBe(200);
    const [page] = await get('/api/pages');
    expect(page).toEqual({
      id: '1',
      alertname: 'SlowEvents',
      title: 'Slow page loads',
      labels: { alertname: 'SlowEvents', metric: 'page_load', severity: 'page' },
      status: 'firing',
      starts_at: '2026-11-22T03:00:00.000Z',
      received_at: '2026-11-22T03:00:01.000Z',
      last_received_at: '2026-11-22T03:00:01.000Z',
      resolved_at: null,
      acknowledged_by: null,
      acknowledged_at: null,
      time_to_page_ms: 1000,
      value: 6,
      limit: 5,
      event_limit_ms: 3000,
      summary: 'More than five slow events.',
      description: null,
      runbook_url: null,
      dashboard_url: null,
      notifications: 1,
    });
  });

  it('that is repeated stays one page and tells the newest value', async () => {
    const { post, get } = await start();
    await post('/alertmanager', webhook(alert()));
    await post('/alertmanager', webhook(alert({ annotations: { value: '9' } })));
    const pages = await get('/api/pages');
    expect(pages).toHaveLength(1);
    expect(pages[0]).toMatchObject({ value: 9, notifications: 2, status: 'firing' });
  });

  it('with another startsAt updates the page that still fires, as after a restart of Prometheus', async () => {
    const { post, get } = await start();
    await post('/alertmanager', webhook(alert({ startsAt: START })));
    await post('/alertmanager', webhook(alert({ startsAt: '2026-11-22T03:04:00Z' })));
    const pages = await get('/api/pages');
    expect(pages).toHaveLength(1);
    expect(pages[0]).toMatchObject({ starts_at: '2026-11-22T03:00:00.000Z', notifications: 2 });
    await post('/alertmanager', webhook(alert({ startsAt: '2026-11-22T03:04:00Z', status: 'resolved' })));
    expect(await get('/api/pages?status=firing')).toEqual([]);
  });

  it('resolves the page, and a new firing after that is a new page, newest first', async () => {
    let time = Date.parse('2026-11-22T03:00:01Z');
    const { post, get } = await start({ now: () => time });
    await post('/alertmanager', webhook(alert({ startsAt: START })));
    await post('/alertmanager', webhook(alert({ startsAt: START, status: 'resolved' })));
    time += 3_600_000;
    await post('/alertmanager', webhook(alert({ startsAt: '2026-11-22T04:00:00Z' })));
    // The end of the first page again: it must not end the second one.
    await post('/alertmanager', webhook(alert({ startsAt: START, status: 'resolved' })));
    const pages = await get('/api/pages');
    expect(pages.map(({ id, status, resolved_at }) => [id, status, resolved_at])).toEqual([
      ['2', 'firing', null],
      ['1', 'resolved', '2026-11-22T03:12:00.000Z'],
    ]);
    expect((await get('/api/pages?status=resolved')).map(({ id }) => id)).toEqual(['1']);
  });

  it('pages again, without its acknowledgement, when what Alertmanager believed over still fires', async () => {
    const { post, get } = await start();
    await post('/alertmanager', webhook(alert({ startsAt: START })));
    await post('/api/pages/1/acknowledge', { name: 'Kim' });
    await post('/alertmanager', webhook(alert({ startsAt: START, status: 'resolved' })));
    await post('/alertmanager', webhook(alert({ startsAt: START })));
    expect(await get('/api/pages')).toMatchObject([
      { id: '1', status: 'firing', acknowledged_by: null, resolved_at: null },
    ]);
  });

  it('pages again when the end of an earlier page got lost, and not before Alertmanager would have repeated it', async () => {
    const first = Date.parse('2026-11-22T03:00:01Z');
    let time = first;
    const { post, get } = await start({ now: () => time });
    await post('/alertmanager', webhook(alert({ startsAt: START })));
    time = first + UNHEARD_MS.page;
    await post('/alertmanager', webhook(alert({ startsAt: '2026-11-22T08:00:00Z' })));
    expect(await get('/api/pages')).toMatchObject([{ id: '1', status: 'firing', notifications: 2 }]);
    time += UNHEARD_MS.page + 1;
    await post('/alertmanager', webhook(alert({ startsAt: START })));
    expect(await get('/api/pages')).toMatchObject([{ id: '1', status: 'firing', notifications: 3 }]);
    time += UNHEARD_MS.page + 1;
    await post('/alertmanager', webhook(alert({ startsAt: '2026-11-22T18:00:00Z' })));
    expect(await get('/api/pages')).toMatchObject([
      { id: '2', status: 'firing' },
      { id: '1', status: 'resolved' },
    ]);
  });

  it('of an end that was never heard of is ignored', async () => {
    const { post, get } = await start();
    expect((await post('/alertmanager', webhook(alert({ status: 'resolved' })))).status).toBe(200);
    expect(await get('/api/pages')).toEqual([]);
  });

  it('with severity=ticket is a ticket on either path and never a page', async () => {
    const { post, get, metrics } = await start();
    const ticket = (fingerprint: string) =>
      alert({ fingerprint, labels: { alertname: 'Backlog', severity: 'ticket' } });
    await post('/alertmanager', webhook(ticket('a')));
    await post('/alertmanager/tickets', webhook(ticket('b')));
    expect(await get('/api/pages')).toEqual([]);
    expect((await get('/api/tickets')).map(({ alertname }) => alertname)).toEqual(['Backlog', 'Backlog']);
    expect((await fetch(`${pager.url}/api/pages/1`)).status).toBe(404);
    expect(await metrics()).toContain('pager_time_to_page_seconds_count 0');
  });

  it('of another severity is counted and logged, not shown', async () => {
    const { post, get, metrics, lines } = await start();
    await post('/alertmanager', webhook(alert({ labels: { severity: 'critical' } })));
    expect([await get('/api/pages'), await get('/api/tickets')]).toEqual([[], []]);
    expect(await metrics()).toContain('pager_notifications_total{outcome="refused"} 1');
    expect(lines).toHaveLength(1);
  });

  it('received before it started took 0 s to arrive', async () => {
    const { post, get, metrics } = await start();
    await post('/alertmanager', webhook(alert({ startsAt: '2026-11-22T03:00:09Z' })));
    expect(await get('/api/pages')).toMatchObject([{ time_to_page_ms: 0 }]);
    expect(await metrics()).toContain('pager_time_to_page_seconds_bucket{le="0.1"} 1');
  });

  it('is counted by outcome, and times the first arrival only', async () => {
    const { post, metrics } = await start();
    for (const status of ['firing', 'firing', 'resolved', 'firing'] as const) {
      await post('/alertmanager', webhook(alert({ startsAt: START, status })));
    }
    const text = await metrics();
    for (const line of [
      'pager_notifications_total{outcome="new"} 2',
      'pager_notifications_total{outcome="repeated"} 1',
      'pager_notifications_total{outcome="resolved"} 1',
      'pager_notifications_total{outcome="refused"} 0',
      'pager_pages_open{state="unacknowledged"} 1',
      'pager_pages_open{state="acknowledged"} 0',
      'pager_time_to_page_seconds_count 1',
    ]) {
      expect(text).toContain(`${line}\n`);
    }
  });

  it('that cannot be stored is answered 503, so that Alertmanager sends it again', async () => {
    const { post, get, folder } = await start();
    const other = new DatabaseSync(join(folder, 'pages.sqlite'));
    other.exec('BEGIN EXCLUSIVE');
    const refused = await post('/alertmanager', webhook(alert()));
    expect([refused.status, refused.headers.get('content-type')]).toEqual([503, 'application/problem+json']);
    expect(refused.headers.get('retry-after')).toBe('5');
    other.exec('ROLLBACK');
    other.close();
    expect((await post('/alertmanager', webhook(alert()))).status).toBe(200);
    expect(await get('/api/pages')).toMatchObject([{ notifications: 1 }]);
  });

  it('makes room: what ended 90 days ago is removed, what fires is not', async () => {
    let time = Date.parse('2026-11-22T03:00:01Z');
    const { post, get } = await start({ now: () => time });
    await post('/alertmanager', webhook(alert({ fingerprint: 'a' }), alert({ fingerprint: 'b' })));
    await post('/alertmanager', webhook(alert({ fingerprint: 'a', status: 'resolved' })));
    time = Date.parse('2026-11-22T03:12:00Z') + 90 * 24 * 3_600_000;
    await post('/alertmanager', webhook(alert({ fingerprint: 'b' })));
    expect(await get('/api/pages')).toHaveLength(2);
    time += 1;
    await post('/alertmanager', webhook(alert({ fingerprint: 'b' })));
    expect(await get('/api/pages')).toMatchObject([{ status: 'firing' }]);
  });
});

describe('bad input', () => {
  const CANARY = 'canary-1f2e';
  const wrong: Record<string, unknown> = {
    'no object': [CANARY],
    'no alerts': { version: '4', status: CANARY },
    'another version': { ...webhook(alert()), version: CANARY },
    'a label that is no string': webhook(alert({ labels: { [CANARY]: 7 as never } })),
    'a status out of the air': webhook(alert({ status: CANARY as never })),
    'a time that is none': webhook(alert({ startsAt: CANARY })),
    'a fingerprint that is a number': webhook({ ...alert(), fingerprint: 12 }),
  };
  for (const [what, body] of Object.entries(wrong)) {
    it(`${what}: 400 without an echo`, async () => {
      const { post, get, metrics, lines } = await start();
      const response = await post('/alertmanager', body);
      const text = await response.text();
      expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/problem+json']);
      expect(text + lines.join()).not.toContain(CANARY);
      expect(await get('/api/pages')).toEqual([]);
      expect(await metrics()).toContain('pager_notifications_total{outcome="refused"} 1');
    });
  }

  it('among good alerts does not take them with it', async () => {
    const { post, get, metrics } = await start();
    const response = await post('/alertmanager', webhook({ ...alert(), labels: 7 }, alert()));
    expect([response.status, await response.json()]).toEqual([200, { stored: 1, refused: 1 }]);
    expect(await get('/api/pages')).toHaveLength(1);
    expect(await metrics()).toContain('pager_notifications_total{outcome="refused"} 1');
  });

  it('unknown keys of a newer Alertmanager are no bad input', async () => {
    const { post, get } = await start();
    await post('/alertmanager', { ...webhook({ ...alert(), newKey: {} }), notificationReason: 'first' });
    expect(await get('/api/pages')).toHaveLength(1);
  });

  it('broken JSON and broken UTF-8: 400', async () => {
    const { post, url } = await start();
    expect((await post('/alertmanager', '{"version": "4"')).status).toBe(400);
    const headers = { 'content-type': 'application/json' };
    const text = JSON.stringify(webhook(alert({ annotations: { summary: '~' } })));
    const body = Buffer.from(text).map((byte) => (byte === 0x7e ? 0xff : byte));
    expect((await fetch(`${url}/alertmanager`, { method: 'POST', headers, body })).status).toBe(400);
  });

  it('another content type or encoding: 415', async () => {
    const { post } = await start();
    const body = JSON.stringify(webhook(alert()));
    for (const path of ['/alertmanager', '/watchdog', '/api/pages/1/acknowledge']) {
      expect((await post(path, body, { 'content-type': 'text/plain' })).status).toBe(415);
    }
    expect((await post('/alertmanager', body, { 'content-encoding': 'gzip' })).status).toBe(415);
  });

  it('more than 1 MiB: 413, said or not, and exactly 1 MiB is read', async () => {
    const { post, url } = await start();
    const body = (bytes: number) => {
      const text = JSON.stringify(webhook(alert()));
      return text + ' '.repeat(bytes - text.length);
    };
    expect((await post('/alertmanager', body(1 << 20))).status).toBe(200);
    expect((await post('/alertmanager', body((1 << 20) + 1))).status).toBe(413);
    expect((await post('/alertmanager', body(10 << 20))).status).toBe(413);
    const unsaid = await fetch(`${url}/alertmanager`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: new Blob([body((1 << 20) + 1)]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(unsaid.status).toBe(413);
  });

  it('wrong parameters, paths and methods', async () => {
    const { url, post } = await start();
    const statusOf = async (path: string, init?: RequestInit) => (await fetch(url + path, init)).status;
    expect(await statusOf('/api/pages?status=open')).toBe(400);
    expect(await statusOf('/api/pages?state=firing')).toBe(400);
    expect(await statusOf('/api/pages?status=firing&status=resolved')).toBe(400);
    expect(await statusOf('/api/pages/7')).toBe(404);
    expect(await statusOf('/api/pages/x')).toBe(404);
    expect(await statusOf('/nothing')).toBe(404);
    expect(await statusOf('/alertmanager')).toBe(405);
    expect(await statusOf('/', { method: 'HEAD' })).toBe(200);
    expect((await post('/api/pages', {})).headers.get('allow')).toBe('GET');
  });
});

describe('an acknowledgement', () => {
  it('holds the first name, is idempotent for it, and can be taken over', async () => {
    const { post, get } = await start();
    await post('/alertmanager', webhook(alert()));
    const say = (body: unknown) => post('/api/pages/1/acknowledge', body);
    expect((await say({ name: ' Kim ' })).status).toBe(200);
    expect((await say({ name: 'Kim' })).status).toBe(200);
    const second = await say({ name: 'Robin' });
    expect([second.status, second.headers.get('content-type')]).toEqual([409, 'application/problem+json']);
    expect(await get('/api/pages')).toMatchObject([{ acknowledged_by: 'Kim' }]);
    expect(await (await say({ name: 'Robin', take_over: true })).json()).toMatchObject({ acknowledged_by: 'Robin' });
  });

  it('survives a repeated delivery', async () => {
    const { post, get } = await start();
    await post('/alertmanager', webhook(alert()));
    await post('/api/pages/1/acknowledge', { name: 'Kim' });
    await post('/alertmanager', webhook(alert()));
    expect(await get('/api/pages')).toMatchObject([{ acknowledged_by: 'Kim', notifications: 2 }]);
  });

  it('never shows the name in metrics or logs', async () => {
    const { post, metrics, lines } = await start();
    await post('/alertmanager', webhook(alert()));
    await post('/api/pages/1/acknowledge', { name: 'Kim' });
    await post('/api/pages/1/acknowledge', { name: 'Kim'.repeat(40) });
    const text = await metrics();
    expect(text + lines.join()).not.toContain('Kim');
    expect(text).toContain('pager_pages_open{state="acknowledged"} 1');
  });

  it('with a bad body: 400 without an echo; of an unknown page: 404', async () => {
    const { post } = await start();
    await post('/alertmanager', webhook(alert()));
    const bodies = [{}, { name: '' }, { name: '  ' }, { name: 'x'.repeat(81) }, { name: 'a\nb' }, { name: 7 }];
    for (const body of [...bodies, { name: 'Kim', extra: 'canary' }, { name: 'Kim', take_over: 'yes' }, []]) {
      const response = await post('/api/pages/1/acknowledge', body);
      expect([response.status, await response.text()]).toEqual([400, expect.not.stringContaining('canary')]);
    }
    expect((await post('/api/pages/1/acknowledge', { name: 'x'.repeat(80) })).status).toBe(200);
    expect((await post('/api/pages/2/acknowledge', { name: 'Kim' })).status).toBe(404);
  });

  it('from a page of another origin: 403', async () => {
    const { post, url } = await start();
    await post('/alertmanager', webhook(alert()));
    const from = (origin: string) => post('/api/pages/1/acknowledge', { name: 'Kim' }, { origin });
    expect((await from('https://elsewhere.example')).status).toBe(403);
    expect((await from('null')).status).toBe(403);
    expect((await from(url)).status).toBe(200);
  });
});

describe('the watchdog', () => {
  const sign = (labels = { alertname: 'Watchdog', severity: 'none' }) => webhook(alert({ labels }));

  it('is silent after more than the limit, counted from the start when it was never heard', async () => {
    let time = 1_000_000;
    const { post, get, metrics } = await start({ now: () => time });
    const state = async () => (await get<{ watchdog: unknown }>('/api/status')).watchdog;
    time += 180_000;
    expect(await state()).toMatchObject({ state: 'waiting', last_sign_of_life: null });
    time += 1;
    expect(await state()).toMatchObject({ state: 'silent', since: new Date(1_000_000).toISOString() });
    await post('/watchdog', sign());
    expect(await state()).toMatchObject({ state: 'alive', last_sign_of_life: new Date(time).toISOString() });
    time += 180_000;
    expect(await state()).toMatchObject({ state: 'alive' });
    expect(await metrics()).toContain('pager_watchdog_age_seconds 180\n');
    time += 1;
    expect(await state()).toMatchObject({ state: 'silent', since: new Date(1_180_001).toISOString() });
  });

  it('is not fed by another alert, or by its own end', async () => {
    const { post, get } = await start();
    await post('/watchdog', sign({ alertname: 'SlowEvents', severity: 'page' }));
    await post('/watchdog', webhook(alert({ status: 'resolved', labels: { alertname: 'Watchdog' } })));
    expect(await get('/api/status')).toMatchObject({ watchdog: { state: 'waiting' } });
    expect(await get('/api/pages')).toEqual([]);
  });

  it('stays silent over a restart of the inbox', async () => {
    const first = await testPager({ now: () => 1_000_000 });
    await first.post('/watchdog', sign());
    await first.stop();
    const { get } = await start({ folder: first.folder, now: () => 1_180_001 });
    expect(await get('/api/status')).toMatchObject({
      watchdog: { state: 'silent', since: new Date(1_000_000).toISOString() },
    });
  });
});

/** Reads a stream until something satisfies; rejects after four seconds. */
async function streamed(url: string, enough: (text: string) => boolean, headers: Record<string, string> = {}) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(new Error(`not in the stream: ${text}`)), 4000);
  let text = '';
  const response = await fetch(`${url}/events`, { headers, signal: abort.signal });
  try {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      if (enough(text)) break;
    }
  } finally {
    clearTimeout(timer);
    abort.abort();
  }
  return text;
}

const dataOf = (text: string, event: string) =>
  JSON.parse(new RegExp(`event: ${event}\ndata: (.*)\n`).exec(text)?.[1] ?? 'null');

describe('the live stream', () => {
  it('begins with the state and tells a page at once', async () => {
    const { url, post } = await start();
    await post('/alertmanager', webhook(alert({ fingerprint: 'a' })));
    const text = await streamed(url, (sofar) => {
      if (sofar.includes('event: state') && !sofar.includes('event: page')) {
        void post('/alertmanager', webhook(alert({ fingerprint: 'b' })));
      }
      return sofar.includes('event: page');
    });
    expect(dataOf(text, 'state').pages.map(({ id }: Page) => id)).toEqual(['1']);
    expect(dataOf(text, 'page')).toMatchObject({ id: '2', status: 'firing' });
  });

  it('resumes after Last-Event-ID with exactly what was missed', async () => {
    const { url, post } = await start();
    const before = await streamed(url, (text) => text.includes('event: state'));
    const last = /^id: (.*)$/m.exec(before)?.[1] ?? '';
    await post('/alertmanager', webhook(alert({ fingerprint: 'a' }), alert({ fingerprint: 'b' })));
    const missed = await streamed(url, (text) => text.split('event: page').length === 3, { 'last-event-id': last });
    expect(missed).not.toContain('event: state');
    const again = /^id: (.*)$/m.exec(missed)?.[1] ?? '';
    const one = await streamed(url, (text) => text.includes('event: page'), { 'last-event-id': again });
    expect(dataOf(one, 'page')).toMatchObject({ id: '2' });
  });

  it('sends everything to one that resumes from an earlier run or from nonsense', async () => {
    const { url, post } = await start();
    await post('/alertmanager', webhook(alert()));
    for (const id of ['another-run.0', 'x', '']) {
      const text = await streamed(url, (sofar) => sofar.includes('event: state'), { 'last-event-id': id });
      expect(dataOf(text, 'state').pages).toHaveLength(1);
    }
  });

  it('tells the silence of the watchdog without being asked', async () => {
    let time = 0;
    const { url } = await start({ now: () => time });
    const text = await streamed(url, (sofar) => {
      time = 180_001;
      return sofar.includes('event: status');
    });
    expect(dataOf(text, 'status')).toMatchObject({ watchdog: { state: 'silent' } });
  });

  it('sends heartbeats, forgets who left, and is bounded', async () => {
    const { url } = await start({ heartbeatMs: 20, maxStreams: 2 });
    const text = await streamed(url, (sofar) => sofar.includes(': heartbeat'));
    expect(text).toContain('retry: 2000');
    await expect.poll(() => pager.pager.live.streams, { timeout: 4000 }).toBe(0);
    const abort = new AbortController();
    for (let open = 0; open < 2; open++) await fetch(`${url}/events`, { signal: abort.signal });
    const third = await fetch(`${url}/events`);
    expect([third.status, third.headers.get('retry-after')]).toEqual([503, '30']);
    abort.abort();
    await expect.poll(() => pager.pager.live.streams, { timeout: 4000 }).toBe(0);
    expect((await fetch(`${url}/events`, { method: 'HEAD' })).status).toBe(405);
  });

  it('cuts off one that does not read, instead of keeping what it misses in memory', async () => {
    const { url, post } = await start();
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.pause();
    await expect.poll(() => pager.pager.live.streams, { timeout: 4000 }).toBe(1);
    const large = alert({ annotations: { description: 'x'.repeat(900_000) } });
    await expect
      .poll(
        async () => {
          await post('/alertmanager', webhook(large));
          return pager.pager.live.streams;
        },
        { timeout: 8000, interval: 1 },
      )
      .toBe(0);
    socket.destroy();
  }, 10_000);
});

describe('what a browser is given', () => {
  it('is revalidated by content and may run only its own scripts', async () => {
    const { url } = await start();
    for (const path of ['/', '/inbox.css', '/inbox.js', '/words.js', '/icon.svg']) {
      const first = await fetch(url + path);
      expect([first.status, first.headers.get('cache-control')]).toEqual([200, 'no-cache']);
      expect(first.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(first.headers.get('x-content-type-options')).toBe('nosniff');
      const etag = first.headers.get('etag') ?? '';
      expect((await fetch(url + path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    }
    expect(await (await fetch(url)).text()).not.toMatch(/ on[a-z]+=|<script>|<style|style=/);
  });
});
