/** One stack as `npm start` runs it, one real browser: from a slow page load to the page on-call, and back to its cause. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openDashboard } from '../preview/src/check/open-dashboard.ts';
import { openBrowser } from '../stack/browser.ts';
import { openChart, pageDrill, runningStack } from '../stack/page-drill.ts';
import { processStart } from '../stack/process-table.ts';
import { type CommandLineStack, commandLineStack } from './command-line-stack.ts';
import { eventually } from './eventually.ts';
import { promql } from './prometheus.ts';
import { pageLoadChain, traceIdIn } from './trace.ts';

let under: CommandLineStack;
let browser: Browser;

beforeAll(async () => {
  under = await commandLineStack();
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await under?.remove();
});

const target = () => runningStack(under.state, under.portOffset);

describe('a practice at work', () => {
  test('the chart page works in a browser', async () => {
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    await openChart(page, target());
    expect(await page.getByRole('heading', { level: 1 }).textContent()).not.toBe('');
    await page.reload();
    await page
      .getByRole('heading', { name: /appointments/i })
      .first()
      .waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  test('each service is scraped and each engine is up', async () => {
    const up = async () =>
      (await promql(under.url(9090), 'up')).map(({ metric, value }) => `${metric.job}=${value[1]}`).sort();
    const expected = [
      'alertmanager',
      'clinic-api',
      'collector',
      'pager',
      'prometheus',
      'sentinel',
      'slow-event-recorder',
      'tempo',
    ].map((job) => `${job}=1`);
    await eventually(async () => JSON.stringify(await up()) === JSON.stringify(expected), {
      within: 40_000,
      what: `up for ${expected}`,
    });
  });

  test('five slow page loads do not page, the sixth does, once; its page leads to a trace from browser to SQL', async () => {
    const lines: string[] = [];
    const { timeToPageMs, pageId } = await pageDrill(target(), (line) => lines.push(line));
    expect(lines.filter((line) => /page load:/.test(line))).toHaveLength(6);
    expect(timeToPageMs).toBeGreaterThanOrEqual(0);

    const pages = (await (await fetch(`${under.url(8087)}/api/pages`)).json()) as {
      alertname: string;
      labels: Record<string, string>;
    }[];
    expect(pages.map(({ alertname, labels }) => [alertname, labels.metric])).toEqual([['SlowEvents', 'page_load']]);

    const page = (await (await fetch(`${under.url(8087)}/api/pages/${pageId}`)).json()) as {
      slow_events: { route: string; trace_url: string; duration_ms: number }[];
    };
    expect(page.slow_events).toHaveLength(6);
    for (const { duration_ms, route } of page.slow_events) {
      expect(duration_ms).toBeGreaterThan(3000);
      expect(route).toBe('/clients/:id');
    }

    const trace_url = page.slow_events[0]?.trace_url ?? '';
    const trace_id = traceIdIn(trace_url);
    expect(trace_url).toMatch(new RegExp(`^http://localhost:${3000 + under.portOffset}/explore\\?`));
    expect(await pageLoadChain(under.url(3200), trace_id)).toEqual({
      load: expect.anything(),
      call: expect.anything(),
      served: expect.anything(),
      sql: expect.anything(),
    });

    // The latency histogram carries an exemplar of that very trace.
    const from = Date.now() / 1000 - 600;
    await eventually(
      async () => {
        const url = `${under.url(9090)}/api/v1/query_exemplars?query=http_server_request_duration_seconds_bucket&start=${from}&end=${Date.now() / 1000}`;
        const text = await (await fetch(url)).text();
        return text.includes(trace_id);
      },
      { within: 30_000, what: `an exemplar of trace ${trace_id}` },
    );
  });

  test('a point of Page loads on Performance leads to its trace in one click', async () => {
    const page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
    const points = page
      .locator('[data-viz-panel-key]', { has: page.getByRole('heading', { name: 'Page loads', exact: true }) })
      .locator('[data-exemplar]');
    await eventually(
      async () => {
        await openDashboard(page, { baseUrl: under.url(3000), uid: 'performance', from: 'now-15m', to: 'now' });
        return (await points.count()) > 0;
      },
      { within: 60_000, every: 3_000, what: 'an exemplar on Page loads' },
    );
    // The last one lies above others of the same moment.
    await points.last().click();
    await page.waitForURL('**/trace/*');
    await page.locator('.waterfall').waitFor();
    expect(await page.locator('.waterfall').innerText()).toContain('page_load');
    await page.close();
  });
});

describe('six browsers', () => {
  const batch = (id: string, duration: number) =>
    JSON.stringify({
      v: 2,
      id: id.replaceAll('-', ''),
      at: Date.now(),
      drop: 0,
      p: '/clients',
      // A metric that the browsers of the other tests do not cause.
      m: [['write_note', duration, 0]],
    });
  const post = async (body: string) => {
    const response = await fetch(`${under.url(8080)}/telemetry`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(204);
  };
  const notePages = async () => {
    const pages = (await (await fetch(`${under.url(8087)}/api/pages`)).json()) as { labels: Record<string, string> }[];
    return pages.filter(({ labels }) => labels.metric === 'write_note').length;
  };

  test('with one slow event each page once; a repeated batch and a duration at the limit do not count', async () => {
    const bodies = Array.from({ length: 5 }, () => batch(randomUUID(), 1000.1));
    for (const body of [...bodies, ...bodies]) await post(body);
    for (let count = 0; count < 6; count++) await post(batch(randomUUID(), 1000));
    await sleep(4_000);
    expect(await notePages()).toBe(0);
    await post(batch(randomUUID(), 1000.1));
    await eventually(async () => (await notePages()) > 0, { within: 10_000, what: 'a page' });
    await sleep(2_000);
    expect(await notePages()).toBe(1);
  });
});

test('idle, all processes together hold less than 700 MB', async () => {
  // Until connections that nobody uses any more are closed.
  await sleep(15_000);
  const megabytes = under.heldBytes() / 1e6;
  console.log(`memory of the whole idle stack: ${megabytes.toFixed(0)} MB`);
  expect(megabytes).toBeLessThan(700);
});

describe('a process that dies', () => {
  const services = [
    'collector',
    'tempo',
    'alertmanager',
    'prometheus',
    'slow-event-recorder',
    'pager',
    'sentinel',
    'mailbox',
    'grafana',
    'clinic-api',
    'postgres',
  ];
  test.each(services)('%s is killed: it is named, restarted, and the stack is whole again', async (name) => {
    const pid = under.service(name)?.process?.pid ?? 0;
    const said = under.output().length;
    process.kill(pid, 'SIGKILL');
    await eventually(
      () => {
        const service = under.service(name);
        const now = service?.process?.pid;
        return now !== undefined && now !== pid && (service?.state === 'healthy' || service?.state === 'running');
      },
      { within: 40_000, what: `${name} up again` },
    );
    const title = name === 'grafana' ? 'dashboards' : name;
    expect(under.output().slice(said)).toMatch(new RegExp(`${title} +was killed by SIGKILL`));
    await eventually(async () => (await fetch(`${under.url(8080)}/api/health/database`)).ok, {
      within: 20_000,
      what: 'a clinic that answers',
    });
  });
});

test('SIGKILL of the run itself leaves no process and no open port', async () => {
  const pids = under.pids();
  await under.end('SIGKILL');
  await eventually(() => pids.every((pid) => processStart(pid) === undefined), {
    within: 20_000,
    what: 'the end of all processes',
  });
  // A killed process is shown as over when its first thread is; its sockets close with its last one.
  await eventually(async () => (await under.openPorts()).length === 0, { within: 5_000, what: 'the last port closed' });
});

test('Ctrl-C stops everything, with exit code 0, and leaves no process and no open port', async () => {
  await under.remove();
  under = await commandLineStack();
  const pids = under.pids();
  expect(await under.end('SIGINT')).toBe(0);
  expect(pids.filter((pid) => processStart(pid) !== undefined)).toEqual([]);
  expect(await under.openPorts()).toEqual([]);
});
