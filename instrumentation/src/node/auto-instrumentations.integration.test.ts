import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type OtlpSink, otlpSink } from './testing/otlp-sink.ts';

const TESTING = join(import.meta.dirname, 'testing');

/** Runs profiled-app.ts in a process of its own, because the loader's hooks stay for as long as that lives. */
async function run(profile: string, sink: OtlpSink, folder = TESTING) {
  const child = spawn(
    process.execPath,
    ['--import', join(folder, 'profiled-telemetry.ts'), join(folder, 'profiled-app.ts')],
    { env: { PATH: process.env.PATH, COLLECTOR: sink.url, PROFILE: profile }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let [output, errors] = ['', ''];
  child.stdout.on('data', (text) => {
    output += text;
  });
  child.stderr.on('data', (text) => {
    errors += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output, errors };
}

test('full sees each outgoing request once, however http was imported, and tells nothing that lean would not', async () => {
  const sink = await otlpSink();
  const { code, output, errors } = await run('full', sink);
  expect([code, errors.includes('ConfigurationError')], errors).toEqual([0, false]);
  const told = JSON.parse(output) as Record<string, string | undefined>;
  const spans = sink.spans();
  const outgoing = spans.filter(({ kind }) => kind === 3);
  expect(outgoing).toHaveLength(4);
  for (const path of ['/named', '/all', '/standard', '/fetch']) {
    expect(outgoing.filter(({ traceId, spanId }) => told[path] === `00-${traceId}-${spanId}-01`)).toHaveLength(1);
  }
  expect(told['/unlisted']).toBeUndefined();
  for (const { name, attributes } of outgoing) {
    expect([name, attributes['server.address'], attributes['http.response.status_code']]).toEqual([
      'GET',
      '127.0.0.1',
      503,
    ]);
  }
  const [served] = spans.filter(({ kind }) => kind === 2);
  expect(served).toMatchObject({ name: 'POST /api/clients/:id', attributes: { slow: true } });
  expect(spans.filter(({ kind }) => kind === 2)).toHaveLength(2);
  const names = spans.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['middleware', 'request_handler']));
  expect(sink.slowEvents().map(({ attributes }) => attributes.metric)).toEqual(['api_call']);
  expect(sink.bodies.join()).not.toMatch(/canary|localhost/);
}, 60_000);

test('lean loads none of it', async () => {
  const sink = await otlpSink();
  const { code, output, errors } = await run('lean', sink);
  expect(code, errors).toBe(0);
  expect(Object.keys(JSON.parse(output))).toEqual(['/fetch']); // node:http carries no traceparent
  expect(sink.spans().map(({ name, kind }) => [name, kind])).toEqual(
    expect.arrayContaining([
      ['GET', 3],
      ['POST /api/clients/:id', 2],
    ]),
  );
  expect(sink.spans()).toHaveLength(3);
}, 60_000);

test('full without the package says what to install', async () => {
  // A copy of the library whose folder of packages lacks it.
  const copy = mkdtempSync(join(tmpdir(), 'clinic-full-'));
  try {
    const root = join(import.meta.dirname, '../../..');
    cpSync(join(root, 'instrumentation/src'), join(copy, 'src'), { recursive: true });
    cpSync(join(root, 'instrumentation/package.json'), join(copy, 'package.json'));
    for (const name of ['api', 'core', 'sdk-trace', 'context-async-hooks', 'resources', 'semantic-conventions']) {
      const path = join('node_modules/@opentelemetry', name);
      cpSync(join(root, path), join(copy, path), { recursive: true });
    }
    for (const name of ['@clinic', 'prom-client', 'express', 'tdigest', 'bintrees', 'web-vitals']) {
      symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name));
    }
    const sink = await otlpSink();
    const { code, errors } = await run('full', sink, join(copy, 'src/node/testing'));
    expect(code).toBe(1);
    expect(errors).toContain('Run npm install @opentelemetry/auto-instrumentations-node, or use profile lean.');
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}, 60_000);
