import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder } from './engine-place.mjs';
import { engineOrigins, RECIPES } from './engines.mjs';
import { findChromium, HOW_TO_INSTALL as INSTALL_CHROMIUM } from './find-chromium.mjs';
import { findPostgres, HOW_TO_INSTALL as INSTALL_POSTGRES, OLDEST_MAJOR } from './find-postgres.mjs';
import { OLDEST_GO } from './go-build.mjs';
import { atLeast, OLDEST_NODE } from './packages.mjs';
import { takenPorts, takenPortWords } from './port-check.mjs';
import { findProgram, searchPath } from './program.mjs';
import { address, reasonOf, releases, useProxy } from './release.mjs';

/**
 * @typedef {'ok' | 'warn' | 'fails'} State `warn`: something works less well, or only after what the line says; `fails`: `npm start`
 *   cannot work like this
 * @typedef {{ state: State, what: string, found: string, todo?: string }} Finding
 * @typedef {{ env: NodeJS.ProcessEnv, root: string, recipes?: string, usualGoFolders: string[] }} Machine
 */

const USAGE = `usage: npm run doctor
Looks whether this machine has what the stack needs, and says what to do where it has not. It changes nothing.`;

const ANSWER_WITHIN_MS = 3_000;
/** A program on PATH that hangs must not hang this. */
const PROGRAM_WITHIN_MS = 10_000;

/** From this version on Go fetches the tool chain that a go.mod asks for. */
const FETCHES_NEWER = '1.21';

/** What is written, in bytes, by where: the build as engines/README.md says, the others estimated. */
const NEEDED = {
  packages: 1.3e9,
  servers: 0.5e9,
  /** Go's caches and temporary files, until the build is over. */
  build: 8e9,
  /** A run's temporary files. */
  temporary: 0.5e9,
};

/**
 * `npm run doctor`: one line for each thing that the stack needs: whether it is there, what was found, and what to do.
 * @param {string[]} args
 * @param {string} root of the checkout
 * @param {{ env?: NodeJS.ProcessEnv, log?: (line: string) => void, recipes?: string, usualGoFolders?: string[] }} [options]
 *   `recipes`: the folder engines/ of the checkout
 * @returns {Promise<number>} the exit code: 0 nothing fails, 1 something does, 2 wrong arguments
 */
export async function doctor(
  args,
  root,
  { env = process.env, log = console.log, usualGoFolders = ['/usr/local/go/bin', '/opt/homebrew/bin'], ...place } = {},
) {
  try {
    const { values } = parseArgs({ args, options: { help: { type: 'boolean' } } });
    if (values.help) {
      log(USAGE);
      return 0;
    }
  } catch (error) {
    console.error(`${/** @type {Error} */ (error).message}\n${USAGE}`);
    return 2;
  }
  /** @type {Machine} */
  const machine = { env, root, usualGoFolders, ...place };
  const undo = useProxy(env, () => {});
  /** @type {Finding[]} */
  let findings;
  try {
    const go = goOf(machine);
    const registry = npmRegistry(machine);
    const goProxies = goProxy(machine);
    const hosts = releaseHosts(machine);
    findings = (
      await Promise.all([
        node(machine),
        npm(machine),
        go,
        postgres(machine),
        chromium(machine),
        docker(machine),
        ports(machine),
        disk(machine),
        memory(machine),
        registry,
        goProxies,
        hosts,
        Promise.all([go, goProxies, hosts]).then((sources) => servers(machine, sources.flat())),
      ])
    ).flat();
  } finally {
    undo();
  }
  const width = Math.max(...findings.map(({ what }) => what.length));
  for (const { state, what, found, todo } of findings) {
    log(`${state.padEnd(5)}  ${what.padEnd(width)}  ${found}`);
    if (todo && state !== 'ok') log(`${' '.repeat(width + 9)}${todo}`);
  }
  const failing = findings.filter(({ state }) => state === 'fails').length;
  log(failing === 0 ? 'npm start can work here.' : `${failing} of ${findings.length} keep npm start from working.`);
  return failing === 0 ? 0 : 1;
}

/**
 * What a program prints.
 * @param {string} command
 * @param {string[]} arguments_
 * @param {Machine} machine
 * @returns {Promise<string | undefined>} undefined when it is not there, fails or hangs
 */
function printed(command, arguments_, { env, root }) {
  return new Promise((resolve) => {
    const child = spawn(command, arguments_, {
      env,
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: PROGRAM_WITHIN_MS,
      killSignal: 'SIGKILL',
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    child.on('error', () => resolve(undefined));
    // What it may have started could hold the pipe open.
    child.on('exit', () => setTimeout(() => child.stdout.destroy(), 1_000).unref());
    child.on('close', (status) => resolve(status === 0 ? text.trim() : undefined));
  });
}

/** @param {string} path */
const text = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '');

/**
 * @param {Machine} machine
 * @returns {Finding}
 */
function node({ root }) {
  const oldest = String(JSON.parse(text(join(root, 'package.json')) || '{}').engines?.node ?? '').replace(/^\D*/, '');
  const found = `${process.version}, the oldest to begin with is ${oldest}; the packages bring ${OLDEST_NODE} or newer`;
  return {
    state: atLeast(process.version, oldest) ? 'ok' : 'fails',
    what: 'node',
    found,
    todo: 'Install a newer one: https://nodejs.org',
  };
}

/**
 * @param {Machine} machine
 * @returns {Promise<Finding>}
 */
async function npm(machine) {
  const version = await printed('npm', ['--version'], machine);
  return version
    ? { state: 'ok', what: 'npm', found: version }
    : {
        state: 'fails',
        what: 'npm',
        found: 'not found on PATH',
        todo: 'It comes with Node: https://nodejs.org (Debian: apt-get install npm)',
      };
}

/**
 * @param {Machine} machine
 * @returns {Promise<Finding>}
 */
async function goOf(machine) {
  const { env, usualGoFolders } = machine;
  const oldest = `${OLDEST_GO.major}.${OLDEST_GO.minor}`;
  const todo = `Only needed to build servers from source. Install Go ${oldest} or newer so that it is on PATH: https://go.dev/doc/install`;
  const program = findProgram(['go'], [...searchPath(env), ...usualGoFolders]);
  if (!program) return { state: 'warn', what: 'go', found: 'not found', todo };
  // Not a newer one that it might fetch now: this changes nothing.
  const said = await printed(program, ['version'], { ...machine, env: { ...env, GOTOOLCHAIN: 'local' } });
  const [, version] = /\bgo(\d+\.\d+(?:\.\d+)?)/.exec(said ?? '') ?? [];
  if (!version) return { state: 'warn', what: 'go', found: `${program} does not tell its version`, todo };
  if (!atLeast(version, oldest) && atLeast(version, FETCHES_NEWER) && env.GOTOOLCHAIN !== 'local')
    return { state: 'ok', what: 'go', found: `${version} (${program}), which fetches ${oldest} itself when it builds` };
  const found = `${version} (${program}), the oldest that will do is ${oldest}`;
  return { state: atLeast(version, oldest) ? 'ok' : 'warn', what: 'go', found, todo };
}

/**
 * @param {Machine} machine
 * @returns {Finding}
 */
function postgres({ env }) {
  const found = findPostgres({ env });
  const what = 'postgres';
  if (!found)
    return {
      state: 'warn',
      what,
      found: `none of version ${OLDEST_MAJOR} or newer`,
      todo: `The first start installs one. ${INSTALL_POSTGRES}`,
    };
  const { major, bin, missing } = found;
  return {
    state: missing.length === 0 ? 'ok' : 'warn',
    what,
    found: `${major} (${bin})${missing.length > 0 ? `, without ${missing.join(', ')}` : ''}, the oldest that will do is ${OLDEST_MAJOR}`,
    todo: `Backups need all of its programs. ${INSTALL_POSTGRES}`,
  };
}

/**
 * @param {Machine} machine
 * @returns {Promise<Finding>}
 */
async function chromium(machine) {
  const todo = `Only needed for drills and tests in a browser. ${INSTALL_CHROMIUM}`;
  try {
    const program = findChromium({ env: machine.env });
    if (!program) return { state: 'warn', what: 'chromium', found: 'not found', todo };
    const version = await printed(program, ['--version'], machine);
    return version
      ? { state: 'ok', what: 'chromium', found: `${version} (${program})` }
      : { state: 'warn', what: 'chromium', found: `${program} does not tell its version`, todo };
  } catch (error) {
    return { state: 'fails', what: 'chromium', found: /** @type {Error} */ (error).message };
  }
}

/**
 * @param {Machine} machine
 * @returns {Promise<Finding>}
 */
async function docker(machine) {
  const what = 'docker';
  if (!findProgram(['docker'], searchPath(machine.env)))
    return { state: 'ok', what, found: 'not there; npm start does not need it' };
  const version = await printed('docker', ['version', '--format', '{{.Server.Version}}'], machine);
  return {
    state: 'ok',
    what,
    found: version ? `${version} answers` : 'there, but no daemon answers; npm start needs none',
  };
}

/**
 * @param {Machine} machine
 * @returns {Promise<Finding>}
 */
async function ports({ root }) {
  const wanted = [...composeServices(root)].flatMap(({ name, lines }) =>
    [...lines.matchAll(/"127\.0\.0\.1:(\d+):\d+"/g)].map(([, port]) => ({ port: Number(port), service: name })),
  );
  const mine = runningPorts(root);
  const taken = (await takenPorts(wanted)).filter(({ port }) => !mine.has(port));
  if (taken.length > 0)
    return {
      state: 'fails',
      what: 'ports',
      found: taken.map(takenPortWords).join('; '),
      todo: 'Stop what takes them, or move all ports: npm start -- --port-offset 10000',
    };
  const found = mine.size > 0 ? 'the stack of this clone has them' : `all ${wanted.length} are free`;
  return { state: 'ok', what: 'ports', found };
}

/**
 * The services of docker-compose.yml with their text.
 * @param {string} root
 */
const composeServices = (root) =>
  [...text(join(root, 'docker-compose.yml')).matchAll(/^ {2}([a-z][a-z-]*):\n((?: {4}.*\n|\s*\n| {2,}#.*\n)*)/gm)].map(
    ([, name = '', lines = '']) => ({ name, lines }),
  );

/**
 * The ports of the stack that runs from this clone.
 * @param {string} root
 * @returns {Set<number>}
 */
function runningPorts(root) {
  try {
    /** @type {{ supervisor: { pid: number }, services: { ports: number[] }[] }} */
    const { supervisor, services } = JSON.parse(readFileSync(join(root, '.state/run.json'), 'utf8'));
    process.kill(supervisor.pid, 0);
    return new Set(services.flatMap((service) => service.ports));
  } catch {
    return new Set();
  }
}

/**
 * @param {string} path
 * @returns {string} it, or the folder that it would be made in
 */
const existing = (path) => (existsSync(path) ? path : existing(dirname(path)));

/** @param {number} bytes */
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;

/**
 * @param {Machine} machine
 * @returns {Finding[]}
 */
function disk(machine) {
  const { env, root } = machine;
  const building = missingServers(machine).length > 0 ? NEEDED.servers + NEEDED.build : 0;
  const wanted = [
    { title: 'clone', folder: root, bytes: existsSync(join(root, 'node_modules/.clinic-lock')) ? 0 : NEEDED.packages },
    { title: 'cache', folder: cacheFolder(env), bytes: building },
    { title: 'temporary files', folder: env.TMPDIR || tmpdir(), bytes: NEEDED.temporary },
  ].map((one) => ({ ...one, folder: existing(one.folder) }));
  return [...grouped(wanted, ({ folder }) => statSync(folder).dev).values()].map((together) => {
    const bytes = together.reduce((sum, one) => sum + one.bytes, 0);
    const folder = together[0]?.folder ?? root;
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    // From source is the worst case: a release takes little more than the server itself.
    const least = bytes - (building > 0 && together.some(({ title }) => title === 'cache') ? NEEDED.build : 0);
    const shortage = free < least ? 'fails' : 'warn';
    return {
      state: free < bytes ? shortage : 'ok',
      what: 'disk',
      found: `${gigabytes(free)} free for ${together.map(({ title }) => title).join(', ')} (${folder}); up to ${gigabytes(bytes)} needed`,
      todo: 'Free some space (npm run clean removes what older versions left), or put XDG_CACHE_HOME and TMPDIR on another disk.',
    };
  });
}

/**
 * @param {Machine} machine
 * @returns {Finding}
 */
function memory({ root }) {
  const limits = [...text(join(root, 'docker-compose.yml')).matchAll(/^ {4}mem_limit: (\d+)m/gm)];
  const needed = limits.reduce((sum, [, mebibytes]) => sum + Number(mebibytes) * 2 ** 20, 0);
  const available = /** @type {{ availableMemory?: () => number }} */ (process).availableMemory?.() ?? freemem();
  return {
    state: available < needed ? 'warn' : 'ok',
    what: 'memory',
    found: `${gigabytes(available)} available, the services may take ${gigabytes(needed)} together`,
    todo: 'Close other programs, or services will be slow or end for want of memory.',
  };
}

/**
 * Whether a server answers at all, whatever it says.
 * @param {string} url
 * @returns {Promise<string | undefined>} undefined when it does, else why not
 */
async function unreachable(url) {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
  try {
    // Not its path: what it says there does not matter.
    const response = await fetch(new URL(url).origin, { method: 'HEAD', redirect: 'manual', signal });
    await response.body?.cancel();
    return undefined;
  } catch (error) {
    return signal.aborted ? `no answer within ${ANSWER_WITHIN_MS / 1000} s` : reasonOf(error);
  }
}

/**
 * @param {string} what
 * @param {string[]} urls
 * @param {{ todo: string, state: State }} otherwise when one does not answer
 * @returns {Promise<Finding[]>} named by their origin alone: the rest of an address may hold credentials
 */
const reach = (what, urls, { todo, state }) =>
  Promise.all(
    [...new Set(urls)].map(async (url) => {
      if (!/^https?:/.test(url) || !URL.canParse(url))
        return { state, what, found: 'its address is not one of http or https', todo };
      const { origin } = new URL(url);
      const reason = await unreachable(url);
      return { state: reason ? state : 'ok', what, found: reason ? `${origin}: ${reason}` : `${origin} answers`, todo };
    }),
  );

/**
 * @param {Machine} machine
 * @returns {Promise<Finding[]>}
 */
async function npmRegistry(machine) {
  // npm does not tell an address with credentials, but lists it without them.
  const url =
    (await printed('npm', ['config', 'get', 'registry'], machine)) ??
    /^registry = "(.*)"/m.exec((await printed('npm', ['config', 'ls'], machine)) ?? '')?.[1];
  if (!url) return [{ state: 'warn', what: 'npm registry', found: 'npm does not tell its address' }];
  const installed = existsSync(join(machine.root, 'node_modules/.clinic-lock'));
  return reach('npm registry', [url], {
    state: installed ? 'warn' : 'fails',
    todo: `${installed ? 'The packages are installed, so it is not needed now. Else check' : 'Check'} the network, HTTPS_PROXY and \`npm config get registry\`.`,
  });
}

/**
 * @param {Machine} machine
 * @returns {Promise<Finding[]>}
 */
async function goProxy(machine) {
  const { env, usualGoFolders } = machine;
  const program = findProgram(['go'], [...searchPath(env), ...usualGoFolders]);
  const list =
    program && (await printed(program, ['env', 'GOPROXY'], { ...machine, env: { ...env, GOTOOLCHAIN: 'local' } }));
  const urls = (list ?? '').split(/[,|]/).filter((one) => /^https?:/.test(one));
  return reach('go proxy', urls, {
    state: 'warn',
    todo: 'Only needed to build servers from source. Check the network, HTTPS_PROXY and `go env GOPROXY`.',
  });
}

/**
 * @param {Machine} machine
 * @returns {Promise<Finding[]>}
 */
function releaseHosts(machine) {
  const urls = Object.values(releases(machine)).map(({ from }) => new URL(address(from, machine.env)).href);
  const byHost = new Map(urls.map((url) => [new URL(url).origin, url]));
  return reach('releases', [...byHost.values()], {
    state: 'warn',
    todo: 'Servers that are not there yet are built from source instead, which takes minutes. Check the network and HTTPS_PROXY.',
  });
}

/**
 * The programs that `npm start` runs and that are not on this machine yet.
 * @param {Machine} machine
 */
function missingServers(machine) {
  const known = new Set(Object.values(RECIPES).flatMap(({ programs }) => Object.keys(programs)));
  const there = new Set(engineOrigins(machine).map(({ program }) => String(program)));
  return composeServices(machine.root)
    .flatMap(({ lines }) => /program: ([a-z-]+)/.exec(lines)?.[1] ?? [])
    .filter((program) => known.has(program) && !there.has(program));
}

/**
 * @param {Machine} machine
 * @param {Finding[]} sources that of Go, of its proxies, and of the releases
 * @returns {Finding}
 */
function servers(machine, sources) {
  const there = engineOrigins(machine).map(({ program, origin }) => `${program} (${origin})`);
  const missing = missingServers(machine);
  const works = (/** @type {string} */ kind) => sources.some(({ what, state }) => what === kind && state === 'ok');
  const obtainable = works('releases') || (works('go') && works('go proxy'));
  const words = [there.join(', '), missing.length > 0 ? `not there yet: ${missing.join(', ')}` : ''];
  const lacking = obtainable ? 'warn' : 'fails';
  return {
    state: missing.length > 0 ? lacking : 'ok',
    what: 'servers',
    found: words.filter((part) => part !== '').join('; '),
    todo: obtainable
      ? 'The next start gets them.'
      : 'Neither their releases nor Go with its proxy can be had: repair one of them, or use Docker: docker compose up',
  };
}

/**
 * As `Map.groupBy`, which Node 20 has not.
 * @template T, K
 * @param {T[]} list
 * @param {(one: T) => K} key
 */
function grouped(list, key) {
  /** @type {Map<K, T[]>} */
  const groups = new Map();
  for (const one of list) groups.set(key(one), [...(groups.get(key(one)) ?? []), one]);
  return groups;
}
