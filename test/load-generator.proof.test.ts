/** Load tests of something that only looks like a clinic: what k6 leaves behind, and what becomes of a result. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { generate, SAMPLES } from '../k6/generator.ts';
import { runLoad } from '../k6/load.ts';
import { readSamples } from '../k6/samples.ts';

let folder: string;
let passwordFile: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'clinic-load-'));
  passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, 'a password');
  return () => rmSync(folder, { recursive: true, force: true });
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function script(text: string): string {
  const path = join(folder, 'script.js');
  writeFileSync(path, text);
  return path;
}
const target = () => ({ clinic: 'http://127.0.0.1:9', passwordFile });
const SAMPLE = { at: 1, step: 'sign_in', ms: 1, status: 200, good: true, bytes: 1, trace: 'a', users: 1 };
const ONE_SAMPLE = `
export default () => console.log('${JSON.stringify(SAMPLE)}');
export const handleSummary = () => ({ [__ENV.SUMMARY]: '{"thresholds":[]}' });`;

test('a folder that is used twice holds the second test alone', async () => {
  for (let run = 0; run < 2; run++) {
    const { exitCode, thresholds } = await generate({
      script: script(ONE_SAMPLE),
      target: target(),
      folder,
      timeScale: 1,
    });
    expect(exitCode).toBe(0);
    expect(thresholds).toEqual([]);
    expect(await readSamples(join(folder, SAMPLES))).toEqual([SAMPLE]);
  }
  // A test that comes to no end is not judged by what the former one left.
  const { thresholds, complaint } = await generate({
    script: script("throw new Error('out of order')"),
    target: target(),
    folder,
    timeScale: 1,
  });
  expect(thresholds).toBeUndefined();
  expect(complaint).toContain('out of order');
  expect(await readSamples(join(folder, SAMPLES))).toEqual([]);
});

test("the caller's settings for k6 do not overrule the script", async () => {
  process.env.K6_ITERATIONS = '3';
  onTestFinished(() => void delete process.env.K6_ITERATIONS);
  await generate({ script: script(ONE_SAMPLE), target: target(), folder, timeScale: 1 });
  expect(await readSamples(join(folder, SAMPLES))).toHaveLength(1);
});

test('Prometheus and Tempo that are away after a test cost what they know, not the result', async () => {
  const session = { access_token: 'a', clients: [], clinicians: [], appointments: [] };
  const clinic = await serve((request, response) => {
    response.writeHead(request.method === 'POST' ? 401 : 200).end(JSON.stringify(session));
  });
  // Ready before the test, gone after it.
  const gone =
    (ready: string): RequestListener =>
    (request, response) =>
      void (request.url === ready ? response.end() : request.socket.destroy());
  const [prometheus, tempo] = await Promise.all([serve(gone('/-/ready')), serve(gone('/ready'))]);
  const result = await runLoad({
    scenario: 'critical-paths',
    target: { clinic, prometheus, tempo, passwordFile },
    timeScale: 0.005,
    folder,
    log() {},
  });
  expect(result.resources.map(({ name }) => name)).not.toContain('cpu');
  expect(result.remarks).toContainEqual(expect.stringMatching(/^Not all is in this report: Prometheus/));
  expect(new Set(result.remarks).size).toBe(result.remarks.length);
  expect(readFileSync(join(folder, 'k6.log'), 'utf8')).not.toBe('');
}, 60_000);
