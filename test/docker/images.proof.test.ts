/** The images that docker-compose.yml runs: ours, and what stands in for those that cannot be pulled. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { ensureImages, imageLabels, STAND_IN_LABEL } from '../../stack/docker-stand-ins.mjs';
import { ROOT } from '../stack-under-test.ts';
import { docker, servicesHere } from './compose-stack.ts';

const ready = process.env.DOCKER_TESTS === 'ready';
const services = Object.values(ready ? servicesHere() : {});
const ours = [...new Set(services.flatMap(({ image, build }) => (build ? [image] : [])))];
const lines = (text: string) => text.split('\n').filter((line) => line !== '');

describe.skipIf(!ready)('our images', { timeout: 60_000 }, () => {
  const run = (image: string, ...words: string[]) =>
    lines(docker('run', '--rm', '--read-only', '--network', 'none', image, ...words));

  test.each(ours)('%s holds no development package and no test', (image) => {
    const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean }>;
    };
    const development = Object.keys(lock.packages).filter((path) => lock.packages[path]?.dev);
    const held = run(image, 'find', '/app/node_modules', '-type', 'd').map((path) => path.slice('/app/'.length));
    expect(development).toContain('node_modules/vitest');
    expect(held).toContain('node_modules/express');
    expect(development.filter((path) => held.includes(path))).toEqual([]);
    expect(run(image, 'find', '/app', '-name', '*.test.ts*', '-not', '-path', '*/node_modules/*')).toEqual([]);
  });

  test.each(ours)('%s runs as a user who can write nothing of the program', (image) => {
    expect(run(image, 'id', '-un')).toEqual(['node']);
    expect(run(image, 'find', '/app', '-user', 'node', '-o', '-perm', '-o=w', '-not', '-type', 'l')).toEqual([]);
  });

  test.each(ours)('%s says its version and revision', (image) => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(imageLabels(image, {})).toMatchObject({
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.revision': expect.stringMatching(/^([0-9a-f]{40}|unknown)$/),
      'org.opencontainers.image.licenses': 'Apache-2.0',
    });
  });

  test.each(ours)('%s brings its services compiled: none loads the type stripper', (image) => {
    const cached = ['--env', 'NODE_COMPILE_CACHE=/app/node_modules/.cache/compile'];
    const command = ['node', '--max-semi-space-size=1', '--v8-pool-size=1', '--max-old-space-size=64'];
    const debug = ['--env', 'NODE_DEBUG_NATIVE=COMPILE_CACHE', '--entrypoint', '/bin/sh'];
    const script = `${command.join(' ')} ./services/pager/src/server.ts 2>&1 || true`;
    const printed = docker('run', '--rm', '--read-only', '--network', 'none', ...cached, ...debug, image, '-c', script);
    const typescript = lines(printed).filter((line) => /reading cache .*\.ts\b/.test(line));
    expect(typescript.length).toBeGreaterThan(5);
    expect(typescript.filter((line) => !line.includes('success'))).toEqual([]);
  });
});

describe.skipIf(!ready)('stand-ins', { timeout: 120_000 }, () => {
  const official = 'prom/alertmanager:v0.0.0-official';
  const unknown = 'clinic-observability/unknown:0.0.0';
  afterAll(() => {
    if (ready) docker('image', 'rm', official);
  });

  test('an image without the label is the official one: it is left alone', async () => {
    execFileSync('docker', ['import', '-', official], { input: Buffer.alloc(1024), stdio: ['pipe', 'ignore', 'pipe'] });
    const id = docker('image', 'inspect', '--format', '{{.Id}}', official);
    expect(await ensureImages([official], { root: ROOT, env: {}, log: () => {} })).toEqual({
      standIns: [],
      missing: [],
    });
    expect(docker('image', 'inspect', '--format', '{{.Id}}', official)).toBe(id);
    expect(imageLabels(official, {})?.[STAND_IN_LABEL]).toBeUndefined();
  });

  test('an image that can neither be pulled nor built is named', async () => {
    expect(await ensureImages([unknown], { root: ROOT, env: {}, log: () => {} })).toEqual({
      standIns: [],
      missing: [unknown],
    });
  });
});
