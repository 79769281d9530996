// What `npm start`, `npm test` and the others run first: any Node from 20 on, no packages. It installs and builds what the
// command needs and then hands over to the program itself, on the Node that the packages bring.
const [major = 0] = process.versions.node.split('.').map(Number);
if (major < 20) {
  console.error(
    `This needs Node 20 or newer to begin with, and ${process.execPath} is ${process.version}. Install a newer one (https://nodejs.org) and try again.`,
  );
  process.exit(1);
}

// Wrong arguments and a wish for help are answered before anything is looked for, installed or built.
const { asksForHelp, COMMANDS, isName, meant, originOf, overview, read, SERVERS, UP_FLAGS, usage, UsageError } =
  await import('./commands.mjs');
const [name = '', ...rest] = process.argv.slice(2);
if (!isName(name)) {
  const near = meant(name, Object.keys(COMMANDS));
  console.error(`There is no command ${name}${near ? `: did you mean ${near}?` : '.'}\n\n${overview()}`);
  process.exit(2);
}
if (asksForHelp(name, rest)) {
  console.log(usage(name));
  process.exit(0);
}
try {
  read(name, rest);
} catch (error) {
  console.error(/** @type {Error} */ (error).message);
  process.exit(2);
}
if (name === 'help') {
  console.log(overview());
  process.exit(0);
}
/** @type {import('./commands.mjs').Command} */
const command = COMMANDS[name];

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
const { ensurePreview, ensurePreviewPackages } = await import('./preview-build.mjs');
const { runQuietly } = await import('./program.mjs');
const { statusLine } = await import('./status-line.mjs');
const { ensureWeb } = await import('./web-build.mjs');

/** @typedef {import('./engines.mjs').Program} Program */

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
  if (command.module) {
    /** @type {Record<string, (args: string[], root: string) => Promise<number>>} */
    const module = await import(command.module);
    process.exitCode = await module[name]?.(rest, root);
  } else if (command.program) await program(command.program, command.needs ?? {}, tools);
  else if (name === 'engines') await engines(tools);
  else if (name === 'docker') await docker(tools);
  else if (name === 'check') await check(tools);
  else await test(tools);
}

/** @typedef {{ log: (line: string) => void, status: (line: string) => void, signal: AbortSignal }} Tools */

/**
 * Gets what a program needs, and hands over to it.
 * @param {readonly string[]} words
 * @param {import('./commands.mjs').Needs} needs
 * @param {Tools} tools
 */
async function program(words, needs, tools) {
  await ensurePackages(root, tools);
  const node = nodeProgram(root);
  if (needs.engines) await ensureEngines([...needs.engines], tools);
  if (needs.postgres) await ensurePostgres(tools);
  if (needs.web) await ensureWeb(root, { node, ...tools });
  if (needs.web) await ensurePreview(root, { node, ...tools });
  if (needs.compile) await ensureCompileCache(root, { node, flags: UP_FLAGS, ...tools });
  if (needs.chromium) process.env.CHROMIUM = await ensureChromium(tools);
  process.env.PATH = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);

  const arguments_ = [...words, ...rest];
  const release = needs.docker ? await forDocker(needs.docker, tools) : undefined;
  line.clear();
  try {
    interrupted.signal.throwIfAborted();
    if (release) await waitFor(node, arguments_);
    else await become(node, arguments_);
  } finally {
    await release?.();
  }
}

/** @param {Tools} tools */
async function engines(tools) {
  const { values, positionals } = read('engines', rest);
  const programs = positionals.length > 0 ? /** @type {Program[]} */ (positionals) : SERVERS;
  await ensureEngines([...programs], { ...tools, source: originOf(values) });
}

/** @param {Tools} tools */
async function check(tools) {
  await ensurePackages(root, tools);
  await runChecks(nodeProgram(root), tools);
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
 * @param {Tools} tools
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

/** @param {Tools} tools */
async function test(tools) {
  const { choiceOf, failed, recordRun, runTests, summary, totals } = await import('../test/run.mjs');
  const { prove, proofChoiceOf } = await import('../test/prove.mjs');
  /** @type {(() => Promise<void>) | undefined} */
  let release;
  try {
    const proving = name === 'test:proof' ? proofChoiceOf(rest) : undefined;
    const choice = choiceOf(proving ? [] : [...(command.before ?? []), ...rest]);
    const { source } = proving ?? choice;
    await ensurePackages(root, tools);
    const node = nodeProgram(root);
    process.env.PATH = [join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
    const options = {
      root,
      node,
      log: line.log,
      check: () => runChecks(node, tools),
      /** @param {import('../test/needs.mjs').Need[]} needs */
      obtain: async (needs) => {
        await obtain(needs, { ...tools, node, source });
        if (needs.includes('docker') && !release) release = await forDocker('wanted', tools);
        line.clear();
      },
    };
    const results = proving ? await prove(proving, options) : await runTests(choice, options);
    if (results.length > 0) console.log(summary(results));
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
 * @param {Tools & { node: string, source: import('./engines.mjs').Source }} tools
 */
async function obtain(needs, { node, source, ...tools }) {
  const wanted = new Set(needs);
  const programs = Object.values(RECIPES).flatMap((recipe) => /** @type {Program[]} */ (Object.keys(recipe.programs)));
  const engines = programs.filter((program) => wanted.has(program));
  if (engines.length > 0) await ensureEngines(engines, { ...tools, source });
  if (wanted.has('postgres')) await ensurePostgres(tools);
  if (wanted.has('pages')) {
    await ensureWeb(root, { node, ...tools });
    await ensureCompileCache(root, { node, flags: UP_FLAGS, ...tools });
  }
  if (wanted.has('dashboards')) await ensurePreview(root, { node, ...tools });
  if (wanted.has('chromium')) process.env.CHROMIUM = await ensureChromium(tools);
}

/**
 * @param {string} node
 * @param {Tools} tools
 */
async function runChecks(node, tools) {
  // Its types are in packages of its own.
  await ensurePreviewPackages(root, tools);
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
