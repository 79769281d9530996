/** `docker compose up`, proven: the shipped file in real containers, from six slow pages to what `down -v` leaves. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StartedDockerComposeEnvironment } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_PROJECT } from '../../stack/docker.mjs';
import { containerFigures, figuresTable } from '../../stack/docker-figures.ts';
import { type DrillTarget, pageDrill, runningStack } from '../../stack/page-drill.ts';
import { commandLineStack } from '../command-line-stack.ts';
import { eventually } from '../eventually.ts';
import { countSlowEvents, promql, seriesOf } from '../prometheus.ts';
import { newUid, sendSlowEvents } from '../slow-events.ts';
import { ROOT } from '../stack-under-test.ts';
import { pageLoadChain, traceIdIn } from '../trace.ts';
import {
  type ComposeService,
  containers,
  killProcess,
  leftovers,
  longRunning,
  processUsers,
  readFileOf,
  servicesHere,
  sweep,
  up,
} from './compose-stack.ts';

const reason = process.env.DOCKER_TESTS ?? 'nobody prepared Docker; npm test does';
const ready = reason === 'ready';
if (!ready) console.log(`The tests in containers are SKIPPED: ${reason}`);

const services: Readonly<Record<string, ComposeService>> = ready ? servicesHere() : {};
const PROMETHEUS = 'http://127.0.0.1:9090';
const RECORDER = 'http://127.0.0.1:8085';
const PAGER = 'http://127.0.0.1:8087';
const TEMPO = 'http://127.0.0.1:3200';
const COLLECTOR = 'http://127.0.0.1:4318';
const CLINIC = 'http://localhost:8080';
/** The metric of the load: nobody uploads a document here. */
const LOAD = 'upload_document';

describe.skipIf(!ready)('docker compose up', { timeout: 180_000 }, () => {
  let environment: StartedDockerComposeEnvironment;
  let traceId = '';
  let healthyAfterMs = 0;

  beforeAll(async () => {
    sweep();
    const started = performance.now();
    environment = await up();
    healthyAfterMs = performance.now() - started;
  }, 180_000);
  afterAll(() => sweep(), 60_000);

  test('all containers run, and none that ended did so with an error', () => {
    const states = [...containers()].map(([name, { State }]) => [name, State.Status, State.Health?.Status]);
    const expected = Object.entries(services).map(([name, { restart, healthcheck }]) =>
      restart === 'no' ? [name, 'exited', undefined] : [name, 'running', healthcheck ? 'healthy' : undefined],
    );
    expect(states.sort()).toEqual(expected.sort());
    expect(healthyAfterMs).toBeLessThan(60_000);
  });

  test('every target that is scraped is up', async () => {
    const jobs = ['prometheus/prometheus.yml', 'collector/config.yaml'].flatMap((path) =>
      [...readFileSync(join(ROOT, path), 'utf8').matchAll(/job_name: (\S+)/g)].map(([, job = '']) => job),
    );
    const expected = jobs.map((job) => `${job}=1`).sort();
    expect(expected.length).toBeGreaterThan(6);
    await eventually(
      async () => {
        const up = (await promql(PROMETHEUS, 'up')).map(({ metric, value }) => `${metric.job}=${value[1]}`);
        return up.sort().join() === expected.join();
      },
      { within: 60_000, every: 500, what: `up for ${expected}` },
    );
  });

  test('five slow page loads do not page, the sixth does; its trace leads from the browser to the SQL', async () => {
    const target: DrillTarget = {
      clinic: CLINIC,
      clinicManagement: 'http://localhost:9464',
      recorder: RECORDER,
      pager: PAGER,
      password: readFileOf('clinic-api', '/run/secrets/demo_password'),
    };
    const { pageId, timeToPageMs } = await pageDrill(target, () => {});
    console.log(`time to page in containers: ${timeToPageMs} ms`);
    const page = (await (await fetch(`${PAGER}/api/pages/${pageId}`)).json()) as {
      slow_events: { trace_url: string }[];
    };
    expect(page.slow_events).toHaveLength(6);
    traceId = traceIdIn(page.slow_events[0]?.trace_url ?? '');
    expect(await pageLoadChain(TEMPO, traceId)).toEqual({
      load: expect.anything(),
      call: expect.anything(),
      served: expect.anything(),
      sql: expect.anything(),
    });
  });

  test('the same drill without Docker gives the same series with the same labels', async () => {
    const native = await commandLineStack();
    try {
      await pageDrill(runningStack(native.state, native.portOffset), () => {});
      await eventually(
        async () => {
          const [here, there] = await Promise.all([seriesOf(PROMETHEUS), seriesOf(native.url(9090))]);
          const differing = [...here, ...there].filter((series) => !(here.has(series) && there.has(series)));
          if (differing.length > 0) throw new Error(`only on one side: ${differing.slice(0, 10).join(', ')}`);
          return here.size > 50;
        },
        { within: 60_000, every: 1_000, what: 'the same series on both sides' },
      );
    } finally {
      await native.remove();
    }
  });

  describe('isolation, as docker inspect tells it', () => {
    test('no container is privileged, has capabilities or can write its root file system; each has limits', () => {
      const soft = [...containers()].flatMap(([name, { HostConfig: host }]) => {
        const wrong = {
          privileged: host.Privileged,
          'writable root': !host.ReadonlyRootfs,
          'capabilities kept': !host.CapDrop?.includes('ALL'),
          'capabilities added': (host.CapAdd ?? []).join() !== (services[name]?.cap_add ?? []).join(),
          'new privileges': !host.SecurityOpt?.includes('no-new-privileges:true'),
          'no memory limit': host.Memory === 0,
          'no limit of processes': !(Number(host.PidsLimit) > 0),
          "the host's processes or network":
            host.PidMode === 'host' || host.NetworkMode === 'host' || host.IpcMode === 'host',
        };
        return Object.entries(wrong).flatMap(([what, holds]) => (holds ? [`${name}: ${what}`] : []));
      });
      expect(soft).toEqual([]);
      expect(Object.values(services).flatMap(({ cap_add }) => cap_add ?? [])).toEqual([]);
    });

    test('no process of a container runs as root', () => {
      const users = longRunning(services).map((name) => ({ name, users: processUsers(name) }));
      expect(users.filter(({ users }) => users.length === 0 || users.includes('0'))).toEqual([]);
    });

    test('only 127.0.0.1 is published', () => {
      const published = [...containers().values()].flatMap(({ HostConfig }) =>
        Object.values(HostConfig.PortBindings).flat(),
      );
      expect(published.length).toBeGreaterThan(7);
      expect(published.filter(({ HostIp }) => HostIp !== '127.0.0.1')).toEqual([]);
    });

    test("of the host's files only the configuration is mounted, read-only; the daemon's socket never", () => {
      const binds = [...containers()].flatMap(([name, { Mounts }]) =>
        Mounts.filter(({ Type }) => Type === 'bind').map(({ Source, RW }) => ({ name, Source, RW })),
      );
      expect(binds.length).toBeGreaterThan(3);
      expect(binds.filter(({ RW, Source }) => RW || Source.endsWith('.sock'))).toEqual([]);
    });

    test('memory stays below the limits, whose sum is 2 GiB or less', () => {
      const figures = containerFigures(TEST_PROJECT);
      console.log(figuresTable(figures, healthyAfterMs));
      expect(figures.map(({ service }) => service).sort()).toEqual(longRunning(services).sort());
      expect(figures.filter(({ memory, limit }) => memory > 0.9 * limit)).toEqual([]);
      expect(figures.reduce((sum, { limit }) => sum + limit, 0)).toBeLessThanOrEqual(2 * 2 ** 30);
    });
  });

  describe('each container killed once under load', () => {
    const load = startLoad();
    beforeAll(() => load.begin());
    afterAll(() => load.end());

    test.each(longRunning(services))('%s comes back', async (name) => {
      const before = containers().get(name)?.State.StartedAt;
      const image = Object.values(services).find(({ restart }) => restart === 'no')?.image ?? '';
      killProcess(name, image);
      await eventually(
        () => {
          const state = containers().get(name)?.State;
          return (
            state?.Status === 'running' &&
            state.StartedAt !== before &&
            (state.Health?.Status ?? 'healthy') === 'healthy'
          );
        },
        { within: 60_000, every: 200, what: `${name} running and healthy again` },
      );
      await eventually(async () => (await fetch(`${CLINIC}/api/health/database`)).ok, {
        within: 20_000,
        what: 'a clinic that answers',
      });
    });

    test('nothing that was acknowledged is lost, nothing counts twice: six stays six', async () => {
      await load.end();
      expect(load.acknowledged()).toBeGreaterThan(20);
      await eventually(async () => (await stored(LOAD)) === load.acknowledged(), {
        within: 30_000,
        what: `${load.acknowledged()} stored events of the load`,
      });
      await expectSix();
    });
  });

  test('down and up keeps the data', async () => {
    const sent = await stored(LOAD);
    const password = readFileOf('clinic-api', '/run/secrets/demo_password');
    await environment.down({ removeVolumes: false, timeout: 10_000 });
    expect(leftovers().filter((what) => !what.startsWith('volume'))).toEqual([]);
    environment = await up();
    expect(readFileOf('clinic-api', '/run/secrets/demo_password')).toBe(password);
    expect(await stored(LOAD)).toBe(sent);
    await expectSix();
    expect((await pageLoadChain(TEMPO, traceId)).sql).toBeDefined();
  });

  test('down -v leaves no container, no volume and no network', async () => {
    expect(leftovers()).not.toEqual([]);
    await environment.down({ removeVolumes: true, timeout: 10_000 });
    expect(leftovers()).toEqual([]);
  });
});

/** Events of a metric that the recorder has. */
async function stored(metric: string): Promise<number> {
  const response = await fetch(`${RECORDER}/api/slow-events?metric=${metric}&since=1h&limit=1000`);
  if (!response.ok) throw new Error(`The recorder answered ${response.status}`);
  return ((await response.json()) as unknown[]).length;
}

async function expectSix(): Promise<void> {
  expect(await stored('page_load')).toBe(6);
  await eventually(async () => (await countSlowEvents(PROMETHEUS, 'page_load')) === 6, {
    within: 30_000,
    what: 'six page loads in Prometheus',
  });
  // Longer than the rule and the delivery take: what has not paged again by then does not.
  await sleep(5_000);
  const pages = (await (await fetch(`${PAGER}/api/pages`)).json()) as {
    alertname: string;
    labels: Record<string, string>;
  }[];
  expect(
    pages.filter(({ alertname, labels }) => alertname === 'SlowEvents' && labels.metric === 'page_load'),
  ).toHaveLength(1);
}

/** Sends slow events one after the other, each until it is taken, as the library does. */
function startLoad() {
  let acknowledged = 0;
  let ended = false;
  let running: Promise<void> | undefined;
  const run = async () => {
    while (!ended) {
      const uid = newUid();
      const event = { metric: LOAD, durationMs: 3200, at: Date.now(), uid };
      for (let taken = false; !taken; ) {
        taken = await sendSlowEvents(COLLECTOR, [event]).then(
          () => true,
          () => false,
        );
        await sleep(taken ? 250 : 100);
      }
      acknowledged++;
    }
  };
  return {
    begin: () => {
      running = run();
    },
    acknowledged: () => acknowledged,
    end: async () => {
      ended = true;
      await running;
    },
  };
}
