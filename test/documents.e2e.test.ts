/** The commands that README and the runbooks name, run as their readers would. */
// @needs stack chromium
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePortOffset } from '../stack/port-offset.ts';
import { eventually } from './eventually.ts';
import { ROOT } from './stack-under-test.ts';

/** Not run here, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'npm test': 'it runs this test',
  'npm start -- --fresh': 'stack/up.integration.test.ts runs it; here the state is empty anyway',
  'npm run check': 'npm test does what it does',
  'npm run doctor': 'stack/doctor.integration.test.ts runs it',
  'npm run clean': 'stack/clean.integration.test.ts runs it, in a home of its own',
  'npm run supply:audit': 'test/audit.proof.test.ts asks the registry the same, where it answers',
  'npm run docs:pictures': 'it changes the pictures of the repository',
  'npm run perf:load -- --help': 'stack/commands.integration.test.ts asks every command',
  'npm run perf:load': 'test/load.proof.test.ts runs it, shortened',
  'npm run perf:load -- critical-paths --time-scale 0.02': 'test/load.proof.test.ts runs it on a stack of its own',
  'npm run perf:load -- critical-paths --own-stack --out docs/load-example':
    'it writes the example of the repository anew',
  'npm run perf:load -- arrival-rate': 'seven minutes',
  'npm run perf:load -- spike': 'five minutes',
  'npm run perf:load -- browser-journey': 'three minutes; its parts run in test/load.proof.test.ts',
  'npm run perf:load -- endpoints --own-stack': 'npm run perf:baselines does the same',
  'npm run perf:load -- --target https://staging.clinic.example --password-file FILE --prometheus URL --tempo URL --i-own-this-target':
    'it needs another machine',
  'npm run perf:bench': 'test/bench.proof.test.ts runs a short one',
  'npm run package': 'test/adoption packs the library and installs it',
  'npm run perf:load -- critical-paths': 'test/load.proof.test.ts runs it at another time scale',
  'npm run perf:baselines': 'it measures for many minutes',
  'npm run perf:gate -- --base HEAD~1': 'test/gate.proof.test.ts runs it',
  'npm run perf:capacity': 'it measures for many minutes',
};

const run = new Set<string>();
let state: string;
let portOffset: number;
let beside: string[];
let output = '';
let ended: Promise<number | null>;

/** Runs a command of README, with arguments that keep it away from other stacks; resolves with what it printed. */
async function npm(command: string, ...more: string[]): Promise<string> {
  run.add(command);
  const words = command.split(' ').slice(1);
  const separator = words.includes('--') || more.length === 0 ? [] : ['--'];
  const { stdout, stderr } = await promisify(execFile)('npm', [...words, ...separator, ...more], { cwd: ROOT });
  return stdout + stderr;
}

beforeAll(async () => {
  state = mkdtempSync(join(tmpdir(), 'clinic-readme-'));
  portOffset = await freePortOffset(ROOT);
  beside = ['--state', state, '--port-offset', String(portOffset)];
  run.add('npm start').add('npm start -- --profile traffic');
  const child = spawn('npm', ['start', '--', '--profile', 'traffic', ...beside], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  ended = new Promise((resolve) => child.once('exit', resolve));
  await Promise.race([
    eventually(() => output.includes('ready in'), { within: 120_000, every: 200, what: 'a ready stack' }),
    ended.then(() => Promise.reject(new Error(output))),
  ]);
});
afterAll(() => rmSync(state, { recursive: true, force: true }));

test('npm start tells what to open and how to sign in', () => {
  for (const place of ['Clinic', 'On-call inbox', 'sign in as clinician@clinic.example'])
    expect(output).toContain(place);
});

test('every address that npm start and README name opens in a browser', async () => {
  const printed = [...output.matchAll(/^ {2}\S.*? (http:\/\/localhost:\S+)/gm)].map(([, address]) => address!);
  expect(printed.length).toBeGreaterThan(7);
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8').split('## What you see')[1]!.split('\n\n')[1]!;
  const named = [...readme.matchAll(/http:\/\/localhost:(\d+)([^\s)>]*)/g)].map(
    ([, port, path]) => `http://localhost:${Number(port) + portOffset}${path}`,
  );
  expect(named.toSorted()).toEqual([...new Set(printed)].toSorted());
  const answers = await Promise.all(
    named.map(async (address) => {
      const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
      const { status, headers } = await fetch(address, { headers: { accept } });
      return [address, status, headers.get('content-type')?.split(';')[0]];
    }),
  );
  expect(answers).toEqual(named.map((address) => [address, 200, 'text/html']));
});

test('npm run status tells that all is well', async () => {
  const printed = await npm('npm run status', '--state', state);
  expect(printed).toMatch(/clinic-api +healthy/);
  expect(printed).toMatch(/traffic +healthy/);
});

test('npm run ops:page-drill ends with a page', async () => {
  expect(await npm('npm run ops:page-drill', ...beside)).toMatch(/PAGE after \d+\.\d\d s/);
});

test('npm run ops:restore-drill proves the newest backup', async () => {
  const offset = ['--port-offset', String(portOffset)];
  await eventually(
    async () => (await npm('npm run ops:restore-drill', ...offset).catch(() => '')).includes('Recovery time'),
    {
      within: 90_000,
      every: 2_000,
      what: 'a restore drill that succeeds, after the first backup',
    },
  );
});

test('npm run ops:restore-finish records a restore and leaves the audit log in order', async () => {
  expect(await npm('npm run ops:restore-finish', '--port-offset', String(portOffset))).toContain('is in order');
});

test('npm run ops:security-audit lists its findings', async () => {
  // The account of the demonstration has no second factor, which is a finding.
  const { stdout } = await npm('npm run ops:security-audit', ...beside).then(
    (text) => ({ stdout: text }),
    (error: { stdout: string }) => error,
  );
  expect(stdout).toMatch(/second factor/i);
});

test('npm run check:dashboards finds nothing wrong', async () => {
  const at = (port: number) => `http://127.0.0.1:${port + portOffset}`;
  // A rate needs two scrapes, of which a stack as young as this may have one.
  await eventually(
    async () => {
      await npm('npm run check:dashboards', '--prometheus', at(9090), '--tempo', at(3200));
      return true;
    },
    { within: 90_000, every: 5_000, what: 'dashboards without a finding' },
  );
});

/** What runbooks tell to type, in blocks or in a line of text. */
const inRunbooks = readdirSync(join(ROOT, 'runbooks'))
  .filter((file) => file.endsWith('.md'))
  .flatMap((file) => {
    const text = readFileSync(join(ROOT, 'runbooks', file), 'utf8');
    return [...text.matchAll(/(?:^ *|`)(curl [^`\n]+)/gm)].map(([, command]) => command!.trim());
  });

test.each([...new Set(inRunbooks)])('%s', async (command) => {
  const slow = `http://127.0.0.1:${8085 + portOffset}/api/slow-events?metric=page_load&limit=1`;
  const [event] = (await (await fetch(slow)).json()) as [{ trace_id: string }];
  // What a grep behind it picks out is empty when all is well.
  const here = command
    .replace(/ \| grep .*/, '')
    .replace(/localhost:(\d+)/g, (_, port: string) => `localhost:${Number(port) + portOffset}`)
    .replace('TRACE_ID', event.trace_id);
  const { stdout } = await promisify(execFile)('bash', ['-c', here]);
  expect(stdout).not.toBe('');
  expect(stdout).not.toMatch(/^HTTP\/1\.1 (404|5\d\d)|"status": ?"error"|"code": ?4\d\d/);
});

test('npm run build leaves nothing to write', async () => {
  expect(await npm('npm run build')).not.toContain('wrote');
});

test('npm run supply:sbom tells where the documents are', async () => {
  expect(await npm('npm run supply:sbom')).toContain('sbom/');
});

test('npm stop ends the run of the other terminal', async () => {
  expect(await npm('npm stop', '--state', state)).toContain('Stopped.');
  expect(await ended).toBe(0);
});

test('npm run perf:time-to-page drills a stack of its own', async () => {
  const printed = await npm('npm run perf:time-to-page -- --runs 1');
  expect(printed).toMatch(/over 1 runs: median \d/);
  run.add('npm run perf:time-to-page -- --runs 20');
});

test('every command of README and of the page about load tests is run here or elsewhere', () => {
  const text = ['README.md', 'docs/load-testing.md'].map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
  // Its table is made from what stack/commands.integration.test.ts runs.
  const prose = text.replace(/<!-- commands -->[\s\S]*<!-- \/commands -->/, '');
  const named = [...prose.matchAll(/(?:^|`)(npm (?:start|stop|test|run [a-z:-]+)(?: -- [^`#\n]*)?)/gm)].map(
    ([, name]) => name!.trim(),
  );
  expect(named.length).toBeGreaterThan(8);
  expect([...new Set(named)].filter((name) => !run.has(name) && !(name in ELSEWHERE))).toEqual([]);
});
