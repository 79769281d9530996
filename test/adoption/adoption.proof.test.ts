// @needs stack
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../bench/process-under-test.ts';
import { openBrowser } from '../../stack/browser.ts';
import { freePortOffset } from '../../stack/port-offset.ts';
import { type Stack, startStack } from '../../stack/run.ts';
import { eventually } from '../eventually.ts';
import { promql } from '../prometheus.ts';
import { ROOT } from '../stack-under-test.ts';
import { type Step, stepsOf } from './readme-steps.ts';

const PAGE = readFileSync(join(ROOT, 'instrumentation/README.md'), 'utf8');
const NOT_COPIED = new Set(['node_modules', '.git', '.state', 'dist', 'sbom', '.env']);

/** How this machine gets to the registry, where its user's own settings do not say. */
const REGISTRY = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'npm_config_cafile'];

const world = mkdtempSync(join(tmpdir(), 'clinic-adoption-'));
const repository = join(world, 'clinic-observability');
const running: ChildProcess[] = [];
let ports: ReadonlyMap<string, string>;
let app: string;
let stack: Stack;

/** The page's ports, moved to free ones: it is the only thing that is not done as it says. */
const moved = (text: string) => text.replace(/3080|9470/g, (port) => ports.get(port)!);

/** A copy as somebody who adopts it has one, whose packages are this one's. */
function copyRepository(): void {
  cpSync(ROOT, repository, { recursive: true, filter: (path) => !NOT_COPIED.has(basename(path)) });
  const packages = join(repository, 'node_modules');
  mkdirSync(join(packages, '@clinic'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules'))) {
    if (name !== '@clinic') symlinkSync(join(ROOT, 'node_modules', name), join(packages, name));
  }
  for (const name of ['catalogue', 'instrumentation']) {
    symlinkSync(join(repository, name), join(packages, '@clinic', name));
  }
}

function start(folder: string, command: string): ChildProcess & { output(): string } {
  const child = spawn('sh', ['-ec', `exec ${command}`], {
    cwd: join(world, folder),
    env: {
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
      HOME: process.env.HOME,
      ...Object.fromEntries(REGISTRY.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []))),
      npm_config_prefer_offline: 'true',
      npm_config_audit: 'false',
      npm_config_fund: 'false',
      npm_config_update_notifier: 'false',
      ...(stack ? { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${stack.port(4318)}` } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return Object.assign(child, { output: () => output });
}

async function follow(step: Step): Promise<void> {
  if (step.kind === 'file') {
    writeFileSync(join(world, step.path), moved(step.text));
    return;
  }
  const { folder, background } = step;
  const command = moved(step.command).trim();
  if (background) {
    const child = start(folder, command);
    running.push(child);
    await eventually(
      async () => {
        if (child.exitCode !== null) return `it ended with ${child.exitCode}`;
        return (await fetch(`${app}/api/orders/1`)).ok;
      },
      { within: 30_000, what: `an answer of ${command}` },
    ).catch((error: Error) => {
      throw new Error(`${error.message}\n${child.output()}`);
    });
    return;
  }
  for (const line of command.split('\n')) {
    const child = start(folder, line);
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`${line} (in ${folder}) ended with ${code}\n${child.output()}`);
  }
}

async function endApps(): Promise<void> {
  for (const child of running.splice(0)) {
    const ended = new Promise((resolve) => child.once('close', resolve));
    if (child.exitCode === null) child.kill('SIGTERM');
    else continue;
    await ended;
  }
}

/** Type checks an app as an editor would, the library's declarations included. */
async function typeCheck(folder: string, files: string): Promise<void> {
  const child = start(
    folder,
    `tsc --noEmit --strict --target es2024 --module preserve --jsx react-jsx --allowImportingTsExtensions --skipLibCheck false --types ${folder === 'shop' ? 'node' : 'react'} ${files}`,
  );
  const code = await new Promise((resolve) => child.once('close', resolve));
  expect(code, child.output()).toBe(0);
}

interface Found {
  readonly traces?: readonly {
    readonly traceID: string;
    readonly rootServiceName: string;
    readonly rootTraceName: string;
  }[];
}
const search = async (query: string) => {
  const answer = await fetch(`${stack.url('tempo')}/api/search?q=${encodeURIComponent(query)}`);
  return ((await answer.json()) as Found).traces ?? [];
};
const count = async (query: string) =>
  Number((await promql(stack.url('prometheus'), `sum(${query})`))[0]?.value[1] ?? 0);

beforeAll(async () => {
  ports = new Map([
    ['3080', String(await freePort())],
    ['9470', String(await freePort())],
  ]);
  app = `http://127.0.0.1:${ports.get('3080')}`;
  copyRepository();
  for (const name of ['shop', 'shop-web']) {
    cpSync(join(import.meta.dirname, name === 'shop' ? 'empty-express-app' : 'empty-vite-app'), join(world, name), {
      recursive: true,
    });
  }
}, 120_000);

afterAll(async () => {
  await endApps();
  await stack?.stop();
  rmSync(world, { recursive: true, force: true });
}, 60_000);

test('an Express app, as the page says: its trace is in Tempo, its histograms are in Prometheus', async () => {
  for (const step of stepsOf(PAGE, 'An Express app in five minutes')) {
    if (step.kind === 'run' && step.background) {
      await typeCheck('shop', 'telemetry.ts server.ts');
      stack = await startStack({
        root: repository,
        state: join(world, 'state'),
        portOffset: await freePortOffset(ROOT),
        services: ['collector', 'prometheus', 'tempo'],
      });
    }
    await follow(step);
  }
  const route = 'http_route="/api/orders/:id",job="shop-api"';
  await eventually(
    () => count(`http_server_request_duration_seconds_count{${route},http_response_status_code="200"}`),
    {
      within: 60_000,
      every: 500,
      what: 'the histogram of the request in Prometheus',
    },
  );
  await eventually(() => count('operation_duration_seconds_count{metric="price_order",job="shop-api"}'), {
    within: 60_000,
    every: 500,
    what: 'the timed operation in Prometheus',
  });
  const [trace] = await eventually(
    async () => {
      const found = await search('{resource.service.name="shop-api" && name="GET /api/orders/:id"}');
      return found.length > 0 ? found : undefined;
    },
    { within: 60_000, every: 500, what: 'the trace of the request in Tempo' },
  );
  expect(trace).toMatchObject({ rootServiceName: 'shop-api', rootTraceName: 'GET /api/orders/:id' });
}, 400_000);

test('a React app, as the page says: one trace from the page load to the API, page loads and web vitals by page', async () => {
  await endApps();
  for (const step of stepsOf(PAGE, 'A React app in five minutes')) {
    if (step.kind === 'run' && step.background) {
      await typeCheck('shop', 'telemetry.ts server.ts');
      await typeCheck('shop-web', 'src/main.tsx');
    }
    await follow(step);
  }
  const browser = await openBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`${app}/orders/42`);
    await page.getByText('Order 42: 42').waitFor();
    const parts = await eventually(
      async () => {
        const [trace] = await search('{resource.service.name="shop-web" && name="page_load"}');
        const told = await (await fetch(`${stack.url('tempo')}/api/traces/${trace!.traceID}`)).text();
        return ['shop-web', 'shop-api', 'page_load', 'GET /orders/:id', 'GET /api/orders/:id'].every((part) =>
          told.includes(`"${part}"`),
        );
      },
      { within: 60_000, every: 500, what: 'one trace of the page load, its document and its call in Tempo' },
    );
    expect(parts).toBe(true);
    await page.goto('about:blank'); // the last web vitals leave with the page
  } finally {
    await browser.close();
  }
  for (const query of [
    'operation_duration_seconds_count{metric="page_load",source="browser"}',
    'operation_duration_seconds_count{metric="render",source="browser"}',
    'operation_duration_seconds_count{metric="price_order",source="browser"}',
    'web_vital_seconds_count{name="LCP",page="/orders/:id"}',
  ]) {
    await eventually(() => count(query), { within: 60_000, every: 500, what: `${query} in Prometheus` });
  }
}, 400_000);
