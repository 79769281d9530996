// What `npm start`, `npm test` and the others run first: any Node from 20 on, no packages. It installs and builds what the
// command needs and then hands over to the program itself, on the Node that the packages bring.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(
    `This needs Node 20 or newer to begin with, and ${process.execPath} is ${process.version}. Install a newer one (https://nodejs.org) and try again.`,
  );
  process.exit(1);
}

const { spawn } = await import('node:child_process');
const { writeFileSync } = await import('node:fs');
const { constants, homedir } = await import('node:os');
const { delimiter, join } = await import('node:path');
const { isatty } = await import('node:tty');
const { fileURLToPath } = await import('node:url');
const { ensureCompileCache } = await import('./compile-cache.mjs');
const { prepareDocker } = await import('./docker.mjs');
const { NoDocker, stopDockerEngine } = await import('./docker-engine.mjs');
const { ensureEngines, RECIPES } = await import('./engines.mjs');
const { ensureChromium } = await import('./find-chromium.mjs');
const { ensurePostgres } = await import('./find-postgres.mjs');
const { ensurePackages, nodeProgram } = await import('./packages.mjs');
const { ensurePreview } = await import('./preview-build.mjs');
const { runQuietly } = await import('./program.mjs');
const { statusLine } = await import('./status-line.mjs');
const { ensureWeb } = await import('./web-build.mjs');

/**
 * @typedef {import('./engines.mjs').Program} Program
 * @typedef {{ engines?: Program[], postgres?: true, web?: true, compile?: true, chromium?: true, docker?: 'wanted' | 'needed',
 *   program: string[] }} Command `program`: what Node 24 runs then; `docker`: for as long as it runs, and without it if only wanted
 */

/** @type {Program[]} */
const SERVERS = ['prometheus', 'alertmanager', 'collector', 'tempo'];

/** The run lives as long as the stack does, so it must be small. */
const UP_FLAGS = ['--max-semi-space-size=1', '--v8-pool-size=1'];

/** @type {Record<string, Command>} */
const COMMANDS = {
  // What the services need besides is obtained while those run that can.
  start: { compile: true, program: [...UP_FLAGS, 'stack/up.ts'] },
  stop: { program: ['stack/stop.ts'] },
  status: { program: ['stack/status.ts'] },
  restart: { program: ['stack/restart.ts'] },
  logs: { program: ['stack/logs.ts'] },
  'restore-drill': { program: ['services/sentinel/src/backup/drill-command.ts'] },
  restore: { postgres: true, program: ['services/sentinel/src/backup/restore-command.ts'] },
  'page-drill': { chromium: true, program: ['stack/page-drill.ts'] },
  'time-to-page': {
    engines: SERVERS,
    postgres: true,
    web: true,
    compile: true,
    chromium: true,
    program: ['stack/time-to-page.ts'],
  },
  pictures: { engines: ['prometheus', 'promtool', 'tempo'], web: true, chromium: true, program: ['stack/pictures.ts'] },
  load: {
    engines: [...SERVERS, 'k6'],
    postgres: true,
    web: true,
    compile: true,
    program: ['k6/command.ts'],
  },
  baselines: {
    engines: [...SERVERS, 'k6'],
    postgres: true,
    web: true,
    compile: true,
    chromium: true,
    program: ['k6/baselines/command.ts'],
  },
  gate: { engines: ['collector', 'k6'], postgres: true, chromium: true, program: ['k6/gate/command.ts'] },
  capacity: { engines: ['collector'], postgres: true, program: ['k6/capacity/command.ts'] },
  'check:dashboards': { program: ['grafana/check/check-dashboards.ts'] },
  'fixture-week': { engines: ['promtool'], program: ['prometheus/fixtures/fixture-week.ts'] },
  'restore-finish': { program: ['services/sentinel/src/backup/finish-command.ts'] },
  'docker-figures': {
    engines: [...SERVERS, 'docker-compose'],
    docker: 'needed',
    program: ['stack/docker-figures.ts'],
  },
};

/** What `npm test` looks at before it runs the tests. */
const CHECKS = [
  {
    title: 'format and lint',
    program: ['node_modules/@biomejs/biome/bin/biome', 'check', '.'],
    repair: 'npm run format',
  },
  { title: 'types', program: ['node_modules/typescript/bin/tsc', '-p', '.'] },
  { title: 'types of the preview', program: ['node_modules/typescript/bin/tsc', '-p', 'preview'] },
  { title: 'generated files', program: ['build.ts', '--check'], repair: 'npm run build' },
];

const root = fileURLToPath(new URL('..', import.meta.url));
const [name = '', ...rest] = process.argv.slice(2);
const line = statusLine();
const interrupted = new AbortController();

/** @param {NodeJS.Signals} signal */
const interrupt = (signal) => {
  process.exitCode = 128 + constants.signals[signal];
  interrupted.abort(new Error(`stopped by ${signal}`));
};
process.on('SIGINT', interrupt).on('SIGTERM', interrupt).on('SIGHUP', interrupt);

try {
  await main();
} catch (error) {
  line.clear();
  console.error(/** @type {Error} */ (error).message);
  process.exitCode = process.exitCode || 1;
}

async function main() {
  // Go, npm and others look for their caches there; it is not set in every container.
  process.env.HOME = process.env.HOME || homedir();
  process.chdir(root);
  // "ready in … s" counts from here, also in the program that this process turns into.
  if (name === 'start') process.env.STARTED_AT_MS = String(Math.round(performance.timeOrigin));
  const tools = { log: line.log, status: line.status, signal: interrupted.signal };
  if (name === 'build') {
    await ensureEngines(rest.length > 0 ? /** @type {Program[]} */ (rest) : SERVERS, tools);
    return;
  }
  if (name === 'docker') {
    await docker(tools);
    return;
  }
  if (name === 'test' || name === 'test:proof') {
    await test(tools);
    return;
  }
  const command = COMMANDS[name];
  if (!command) {
    const names = [...Object.keys(COMMANDS), 'build', 'docker', 'test', 'test:proof'].join(' | ');
    const programs = Object.values(RECIPES).flatMap((recipe) => Object.keys(recipe.programs));
    process.exitCode = 2;
    throw new Error(`Usage: node stack/bootstrap.mjs ${names} [arguments]\nbuild: ${programs.join(' ')}`);
  }

  await ensurePackages(root, tools);
  const node = nodeProgram(root);
  if (command.engines) await ensureEngines(command.engines, tools);
  if (command.postgres) await ensurePostgres(tools);
  if (command.web) await ensureWeb(root, { node, ...tools });
  if (command.web) await ensurePreview(root, { node, ...tools });
  if (command.compile) await ensureCompileCache(root, { node, flags: UP_FLAGS, ...tools });
  if (command.chromium) process.env.CHROMIUM = await ensureChromium(tools);
  process.env.PATH = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);

  const arguments_ = [...command.program, ...rest];
  const release = command.docker ? await forDocker(command.docker, tools) : undefined;
  line.clear();
  try {
    interrupted.signal.throwIfAborted();
    if (release) await waitFor(node, arguments_);
    else await become(node, arguments_);
  } finally {
    await release?.();
  }
}

/**
 * @param {'wanted' | 'needed'} how
 * @param {import('./docker-engine.mjs').Tools} tools
 * @returns {Promise<(() => Promise<void>) | undefined>} what to do when Docker is no longer used
 */
async function forDocker(how, tools) {
  try {
    const { env, release } = await prepareDocker(root, tools);
    Object.assign(process.env, env, { DOCKER_TESTS: 'ready' });
    return release;
  } catch (error) {
    if (how === 'needed' || !(error instanceof NoDocker)) throw error;
    process.env.DOCKER_TESTS = error.message;
    line.log(`docker: the tests in containers are SKIPPED: ${error.message}`);
    return undefined;
  }
}

/**
 * `docker compose` with everything that it needs, or, without arguments, the settings that a shell needs for it. The daemon stays
 * until `docker stop-engine`.
 * @param {{ log: (line: string) => void, status: (line: string) => void, signal: AbortSignal }} tools
 */
async function docker(tools) {
  if (rest[0] === 'stop-engine') {
    await stopDockerEngine(tools);
    return;
  }
  await ensurePackages(root, tools);
  await ensureEngines([...SERVERS, 'promtool', 'amtool', 'docker-compose'], tools);
  const { env } = await prepareDocker(root, { ...tools, keep: true });
  line.clear();
  Object.assign(process.env, env);
  if (rest.length > 0) await waitFor('docker', ['compose', ...rest]);
  else for (const [key, value] of Object.entries(env)) console.log(`export ${key}='${value}'`);
}

/** @param {{ log: (line: string) => void, status: (line: string) => void, signal: AbortSignal }} tools */
async function test(tools) {
  const { choiceOf, failed, recordRun, runTests, summary, totals, UsageError } = await import('../test/run.mjs');
  const { prove, proofChoiceOf } = await import('../test/prove.mjs');
  /** @type {(() => Promise<void>) | undefined} */
  let release;
  try {
    const proving = name === 'test:proof' ? proofChoiceOf(rest) : undefined;
    const choice = choiceOf(proving ? [] : rest);
    await ensurePackages(root, tools);
    const node = nodeProgram(root);
    process.env.PATH = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
    const options = {
      root,
      node,
      log: line.log,
      check: () => runChecks(node),
      /** @param {import('../test/needs.mjs').Need[]} needs */
      obtain: async (needs) => {
        await obtain(needs, { ...tools, node });
        if (needs.includes('docker') && !release) release = await forDocker('wanted', tools);
        line.clear();
      },
    };
    const results = proving ? await prove(proving, options) : await runTests(choice, options);
    console.log(summary(results));
    if (choice.record) recordRun(results, { root, date: new Date().toISOString().slice(0, 10) });
    const report = process.env.TEST_REPORT;
    if (report) writeFileSync(report, JSON.stringify(totals(results.flatMap(({ files }) => files))));
    if (results.some(failed)) process.exitCode = 1;
  } catch (error) {
    if (error instanceof UsageError) process.exitCode = 2;
    throw error;
  } finally {
    await release?.();
  }
}

/**
 * @param {import('../test/needs.mjs').Need[]} needs
 * @param {{ node: string, log: (line: string) => void, status: (line: string) => void, signal: AbortSignal }} tools
 */
async function obtain(needs, { node, ...tools }) {
  const wanted = new Set(needs);
  const programs = Object.values(RECIPES).flatMap((recipe) => /** @type {Program[]} */ (Object.keys(recipe.programs)));
  const engines = programs.filter((program) => wanted.has(program));
  if (engines.length > 0) await ensureEngines(engines, tools);
  if (wanted.has('postgres')) await ensurePostgres(tools);
  if (wanted.has('pages')) {
    await ensureWeb(root, { node, ...tools });
    await ensureCompileCache(root, { node, flags: UP_FLAGS, ...tools });
  }
  if (wanted.has('dashboards')) await ensurePreview(root, { node, ...tools });
  if (wanted.has('chromium')) process.env.CHROMIUM = await ensureChromium(tools);
}

/** @param {string} node */
async function runChecks(node) {
  for (const { title, program, repair } of CHECKS) {
    line.status(`checking ${title}`);
    try {
      await runQuietly(node, program, { signal: interrupted.signal });
    } catch (error) {
      interrupted.signal.throwIfAborted();
      const hint = repair ? `\n${repair} may repair it.` : '';
      throw new Error(`The check of ${title} failed: ${/** @type {Error} */ (error).message}${hint}`);
    }
  }
  line.log(`checked ${CHECKS.map((check) => check.title).join(', ')}`);
}

/**
 * Hands over to a program. Where Node can, this process turns into it; else this one waits with what little memory it has.
 * @param {string} program
 * @param {string[]} arguments_
 */
async function become(program, arguments_) {
  if (process.execve) {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt);
    process.removeAllListeners('warning');
    process.execve(program, [program, ...arguments_], process.env);
  }
  await waitFor(program, arguments_);
}

/**
 * Resolves when the program has ended, with its exit code as this process's.
 * @param {string} program
 * @param {string[]} arguments_
 */
async function waitFor(program, arguments_) {
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt).off('SIGHUP', interrupt);
  const child = spawn(program, arguments_, { stdio: 'inherit' });
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to the child as well; passed on it would come twice.
  process.on('SIGINT', () => {
    if (!isatty(0)) child.kill('SIGINT');
  });
  await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (status, signal) => {
      process.exitCode = signal ? 128 + constants.signals[signal] : (status ?? 1);
      resolve(undefined);
    });
  });
}
