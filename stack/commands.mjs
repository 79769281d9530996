/**
 * Every script of package.json, as data: what it does, takes and needs. Usage, checks of arguments, `npm run help` and the README's table
 * come from here. It needs nothing but Node 20.
 */
import { parseArgs } from 'node:util';

/**
 * @typedef {'run' | 'test' | 'ops' | 'perf' | 'docs' | 'supply' | 'develop'} Group
 * @typedef {{ says: string, type: 'string' | 'boolean', short?: string, multiple?: true, default?: string, value?: string,
 *   among?: readonly string[], number?: readonly [number, number], whole?: readonly [number, number], required?: true }} Option
 *   `value`: what stands for its value in the usage; `number` and `whole`: from and to
 * @typedef {{ name: string, says: string, required?: true, most?: number, among?: Readonly<Record<string, string>>,
 *   passedOn?: true }} Operands what is no option; `passedOn`: from the first on, all is another program's
 * @typedef {{ engines?: readonly import('./engines.mjs').Program[], postgres?: true, web?: true, compile?: true, chromium?: true,
 *   docker?: 'wanted' | 'needed' }} Needs `docker`: for as long as it runs, and without it if only wanted
 * @typedef {{ group: Group, says: string, options: Readonly<Record<string, Option>>, oneOf?: readonly string[], operands?: Operands, needs?: Needs,
 *   program?: readonly string[], module?: string, before?: readonly string[] }} Command `program`: what Node 24 runs; `module`: what
 *   exports a function of its name, for any Node; without both bootstrap.mjs does it. `before`: arguments that always come first;
 *   `oneOf`: options of which one must be there
 */

/** @type {Readonly<Record<Group, string>>} */
export const GROUPS = {
  run: 'runs the stack without Docker, and tells how it is',
  test: 'tests, from the quickest to the longest',
  ops: 'for whoever runs it: backups, restores, the pager, security',
  perf: 'measures load, limits and cost',
  docs: 'renews what documents show',
  supply: 'what the product is made of, and what is known against it',
  develop: 'checks and builds the source',
};

/** The run lives as long as the stack does, so it must be small. */
export const UP_FLAGS = /** @type {const} */ (['--max-semi-space-size=1', '--v8-pool-size=1']);

const STATE = /** @type {const} */ ({
  type: 'string',
  value: 'DIR',
  says: 'the folder that the stack was started with (default .state)',
});
const PORT_OFFSET = /** @type {const} */ ({
  type: 'string',
  value: 'N',
  whole: [0, 50_000],
  says: 'what the stack was started with',
});
const FREE_PORT_OFFSET = /** @type {const} */ ({ ...PORT_OFFSET, says: 'added to every port (default: free ones)' });
const ORIGIN = /** @type {const} */ ({
  'from-source': { type: 'boolean', says: 'builds servers from their source, also where a release could be had' },
  offline: { type: 'boolean', says: 'takes servers, or what they are built from, only from this machine' },
});
/** The servers of the stack. */
export const SERVERS = /** @type {const} */ (['prometheus', 'alertmanager', 'collector', 'tempo']);
const TESTS = /** @type {const} */ ({
  'test-name-pattern': {
    type: 'string',
    short: 't',
    value: 'PATTERN',
    says: 'only tests whose name matches this regular expression',
  },
  repeat: {
    type: 'string',
    value: 'N',
    whole: [1, 9999],
    says: 'runs them N times, to find one that fails now and then',
  },
  watch: { type: 'boolean', says: 'runs them again at each change' },
  record: { type: 'boolean', says: 'keeps what each tier took; npm run build then writes it into CONTRIBUTING.md' },
  ...ORIGIN,
});
const TEST_FILES = /** @type {const} */ ({
  name: 'FILE',
  says: 'only test files that have this in their path; it builds only what they use',
});

/** @satisfies {Record<string, Command>} */
export const COMMANDS = /** @type {const} */ ({
  start: {
    group: 'run',
    says: 'starts the whole stack, without Docker',
    options: {
      fresh: { type: 'boolean', says: 'deletes what earlier runs stored, then starts' },
      profile: {
        type: 'string',
        multiple: true,
        value: 'NAME',
        says: 'also runs the services of this profile of docker-compose.yml: traffic (synthetic visitors)',
      },
      'port-offset': {
        ...PORT_OFFSET,
        says: 'added to every port, for a second stack beside the first (needs its own --state)',
      },
      state: { ...STATE, says: 'keeps everything that is stored in DIR (default .state)' },
      ...ORIGIN,
    },
    // What the services need besides is obtained while those run that can.
    needs: { compile: true },
    program: [...UP_FLAGS, 'stack/up.ts'],
  },
  stop: {
    group: 'run',
    says: 'stops it from another terminal',
    options: { state: STATE },
    program: ['stack/stop.ts'],
  },
  status: {
    group: 'run',
    says: 'tells what runs, since when, healthy or not, and how much memory it holds',
    options: { state: STATE },
    program: ['stack/status.ts'],
  },
  restart: {
    group: 'run',
    says: 'restarts one service of the running stack',
    options: { state: STATE },
    operands: { name: 'NAME', required: true, most: 1, says: 'the service, as npm run status names it' },
    program: ['stack/restart.ts'],
  },
  logs: {
    group: 'run',
    says: 'prints the end of what a service has written',
    options: {
      follow: { type: 'boolean', short: 'f', says: 'goes on with what is written from now on, until Ctrl-C' },
      state: STATE,
    },
    operands: { name: 'NAME', required: true, most: 1, says: 'the service, as npm run status names it' },
    program: ['stack/logs.ts'],
  },
  docker: {
    group: 'run',
    says: 'runs docker compose with all that it needs, or prints the settings that a shell needs for it',
    options: {
      file: {
        type: 'string',
        short: 'f',
        multiple: true,
        value: 'FILE',
        says: 'a compose file, as docker compose takes it',
      },
      profile: { type: 'string', multiple: true, value: 'NAME', says: 'a profile of the compose file' },
      'project-name': { type: 'string', short: 'p', value: 'NAME', says: 'the name of the compose project' },
    },
    operands: {
      name: 'COMMAND',
      passedOn: true,
      says: 'of docker compose, with its arguments; stop-engine stops the Docker engine that this started',
    },
  },
  doctor: {
    group: 'run',
    says: 'tells what is missing on this machine, and what to do about it',
    options: {},
    module: './doctor.mjs',
  },
  clean: {
    group: 'run',
    says: 'deletes what builds and runs left behind',
    options: {
      'dry-run': { type: 'boolean', says: 'only tells what would be deleted, and how large it is' },
      all: {
        type: 'boolean',
        says: "deletes also what other checkouts share, such as the servers in the user's cache",
      },
    },
    module: './clean.mjs',
  },
  help: { group: 'run', says: 'lists these commands', options: {} },

  test: {
    group: 'test',
    says: 'checks format, types and generated files, then runs the tests of each tier but the proofs',
    options: {
      tier: {
        type: 'string',
        multiple: true,
        value: 'NAME',
        among: ['unit', 'integration', 'e2e', 'proof'],
        says: 'only this tier; may be repeated (default: unit, integration and e2e)',
      },
      ...TESTS,
    },
    operands: TEST_FILES,
  },
  'test:unit': {
    group: 'test',
    says: 'runs the tests that need nothing but the packages',
    options: TESTS,
    operands: TEST_FILES,
    before: ['--tier', 'unit'],
  },
  'test:integration': {
    group: 'test',
    says: 'runs the tests with one program or server beside them',
    options: TESTS,
    operands: TEST_FILES,
    before: ['--tier', 'integration'],
  },
  'test:e2e': {
    group: 'test',
    says: 'runs the tests on the running stack',
    options: TESTS,
    operands: TEST_FILES,
    before: ['--tier', 'e2e'],
  },
  'test:proof': {
    group: 'test',
    says: 'runs the proofs, minutes each, and writes down what came of them',
    options: {
      changed: { type: 'boolean', says: 'only those whose subject has changed since they last held' },
      within: {
        type: 'string',
        value: 'MINUTES',
        whole: [0, 9999],
        says: 'with --changed: leaves out, and names, what does not fit into this time',
      },
      record: { type: 'boolean', says: 'writes the results into docs/evidence/proofs.json' },
      ...ORIGIN,
    },
    operands: {
      name: 'NAME',
      says: 'only this proof',
      among: {
        'privacy-mutants': '',
        adoption: '',
        compose: '',
        bucket: '',
        load: '',
        gate: '',
        benchmark: '',
        advisories: '',
        docker: '',
      },
    },
  },

  'ops:page-drill': {
    group: 'ops',
    says: 'has a real browser load a slow page six times, and waits for the page',
    options: { state: STATE, 'port-offset': PORT_OFFSET },
    needs: { chromium: true },
    program: ['stack/page-drill.ts'],
  },
  'ops:restore-drill': {
    group: 'ops',
    says: 'restores the newest backup in isolation and compares every row: [docs/recovery.md](docs/recovery.md)',
    options: {
      repeat: { type: 'string', value: 'N', whole: [1, 9999], says: 'so many drills, one after the other' },
      backup: { type: 'boolean', says: 'takes a base backup first' },
      document: { type: 'string', value: 'FILE', says: 'a document that the numbers are written into' },
      'port-offset': PORT_OFFSET,
    },
    program: ['services/sentinel/src/backup/drill-command.ts'],
  },
  'ops:restore': {
    group: 'ops',
    says: 'brings database and documents back as they were, into a new folder: [docs/recovery.md](docs/recovery.md)',
    options: {
      into: { type: 'string', value: 'FOLDER', required: true, says: 'where to; it must not exist yet' },
      at: {
        type: 'string',
        value: 'TIME',
        says: 'with its zone, such as 2026-01-31T12:00:00Z (default: all there is)',
      },
      from: {
        type: 'string',
        value: 'PLACE',
        default: '.state/sentinel-data/backup/repository',
        says: 'a folder with base/, wal/ and documents/, or the URL of a bucket',
      },
      key: {
        type: 'string',
        value: 'FILE',
        default: '.state/secrets/backup_key',
        says: 'what the backups are encrypted with',
      },
      credentials: { type: 'string', value: 'FILE', says: 'for a bucket: holds ACCESS_KEY_ID:SECRET_ACCESS_KEY' },
      bin: {
        type: 'string',
        value: 'FOLDER',
        says: 'the programs of PostgreSQL, of the version that the backup is of',
      },
    },
    needs: { postgres: true },
    program: ['services/sentinel/src/backup/restore-command.ts'],
  },
  'ops:restore-finish': {
    group: 'ops',
    says: 'tells sentinel that the database was restored, so that its audit log counts again: [docs/recovery.md](docs/recovery.md)',
    options: {
      at: {
        type: 'string',
        value: 'TIME',
        says: 'to which it was restored, with its zone, such as 2026-01-31T12:00:00Z',
      },
      'port-offset': PORT_OFFSET,
    },
    program: ['services/sentinel/src/backup/finish-command.ts'],
  },
  'ops:security-audit': {
    group: 'ops',
    says: 'holds TLS, headers, database rights, passwords and ports against a written list',
    options: {
      json: { type: 'boolean', says: 'prints JSON' },
      sarif: { type: 'boolean', says: 'prints SARIF' },
      'fail-on': {
        type: 'string',
        value: 'SEVERITY',
        among: ['critical', 'high', 'medium', 'low'],
        default: 'high',
        says: 'ends with 1 from this severity on',
      },
      state: STATE,
      'port-offset': PORT_OFFSET,
      clinic: { type: 'string', value: 'URL', says: 'where people reach the clinic' },
    },
    program: ['services/sentinel/src/audit/security-audit.ts'],
  },

  'perf:load': {
    group: 'perf',
    says: 'makes load and says what broke first: [docs/load-testing.md](docs/load-testing.md)',
    options: {
      state: STATE,
      'port-offset': PORT_OFFSET,
      target: { type: 'string', value: 'URL', says: 'a clinic elsewhere; needs --password-file' },
      'password-file': { type: 'string', value: 'FILE', says: 'of the demo accounts of --target' },
      prometheus: { type: 'string', value: 'URL', says: 'of --target' },
      tempo: { type: 'string', value: 'URL', says: 'of --target' },
      'i-own-this-target': {
        type: 'boolean',
        says: 'it is on another machine, it is mine, and whoever is on call knows',
      },
      'own-stack': { type: 'boolean', says: 'starts a fresh stack for the test alone, and stops it afterwards' },
      'time-scale': {
        type: 'string',
        value: 'N',
        number: [0.005, 2],
        says: 'multiplies all durations of the scenario; the users and their pauses stay',
      },
      out: { type: 'string', value: 'DIR', says: 'where report.html and result.json go (default .load/SCENARIO-TIME)' },
    },
    operands: {
      name: 'SCENARIO',
      most: 1,
      says: 'the first is the default',
      among: {
        'critical-paths': 'sign in, list clients, open a chart, book: 10, 50, 100, 50 users, 16 minutes',
        'arrival-rate':
          'the same as visits that begin whether or not earlier ones are over: up to 12 a second, 7 minutes',
        soak: '30 users for four hours: what leaks or fills up',
        spike: 'from 10 to 150 users within 15 seconds and back, 5 minutes',
        endpoints: 'every endpoint that has a baseline, 20 users, 3 minutes; leaves notes, so only with --own-stack',
        'browser-journey': 'each page in a real browser, against its budget',
      },
    },
    needs: { engines: [...SERVERS, 'k6'], postgres: true, web: true, compile: true },
    program: ['k6/command.ts'],
  },
  'perf:baselines': {
    group: 'perf',
    says: 'measures what was promised: [docs/baselines.md](docs/baselines.md)',
    options: {
      'time-scale': {
        type: 'string',
        value: 'N',
        number: [0.005, 1],
        default: '1',
        says: 'multiplies the durations of its load tests, 25 minutes in all',
      },
    },
    needs: { engines: [...SERVERS, 'k6'], postgres: true, web: true, compile: true, chromium: true },
    program: ['k6/baselines/command.ts'],
  },
  'perf:gate': {
    group: 'perf',
    says: 'tells whether a change made the clinic slower: [docs/gate.md](docs/gate.md)',
    options: {
      base: { type: 'string', value: 'REF', says: 'what to compare with, for example main' },
      head: { type: 'string', value: 'REF', says: 'what is compared (default: the working tree)' },
      quick: { type: 'boolean', says: 'T0 to T2 and a short T3, for CI: about two minutes' },
      tiers: { type: 'string', value: 'LIST', says: 'of T1,T2,T3,pages (default: all)' },
      history: {
        type: 'string',
        value: 'DIR',
        says: 'adds this run to the history there, and looks for changes of level (T4)',
      },
      json: { type: 'string', value: 'FILE', says: 'writes the checks as JSON' },
      seed: { type: 'string', value: 'N', whole: [0, 999_999], default: '1', says: 'of everything random' },
      'port-offset': FREE_PORT_OFFSET,
      prove: {
        type: 'boolean',
        says: 'plants slowness and its absence, and counts what the gate says, instead of --base',
      },
      runs: { type: 'string', value: 'N', whole: [1, 999_999], default: '20', says: 'of --prove' },
    },
    oneOf: ['base', 'prove'],
    needs: { engines: ['collector', 'k6'], postgres: true, chromium: true },
    program: ['k6/gate/command.ts'],
  },
  'perf:capacity': {
    group: 'perf',
    says: 'tells how many users it carries, and what gives out first: [docs/capacity.md](docs/capacity.md)',
    options: {
      seconds: { type: 'string', value: 'N', whole: [1, 99_999], default: '30', says: 'of each step' },
      steps: {
        type: 'string',
        value: 'LIST',
        default: '1,2,4,8,16,32,64,128',
        says: 'requests under way at once; at least four',
      },
      write: {
        type: 'string',
        value: 'yes|no',
        among: ['yes', 'no'],
        default: 'yes',
        says: 'whether docs/capacity.md is written',
      },
      prove: {
        type: 'boolean',
        says: 'plants three bottlenecks in copies of the clinic, and checks that each is named',
      },
      'port-offset': FREE_PORT_OFFSET,
    },
    needs: { engines: ['collector'], postgres: true },
    program: ['k6/capacity/command.ts'],
  },
  'perf:time-to-page': {
    group: 'perf',
    says: 'drills fresh stacks and tells how fast the page came, about 40 s each',
    options: { runs: { type: 'string', value: 'N', whole: [1, 9999], default: '20', says: 'how many stacks' } },
    needs: { engines: SERVERS, postgres: true, web: true, compile: true, chromium: true },
    program: ['stack/time-to-page.ts'],
  },
  'perf:bench': {
    group: 'perf',
    says: 'measures what the library costs, 17 minutes: [docs/performance.md](docs/performance.md)',
    options: { quick: { type: 'boolean', says: 'only proves that it works, and writes no document' } },
    needs: { chromium: true },
    program: ['bench/run.ts'],
  },
  'perf:bench-sentinel': {
    group: 'perf',
    says: 'measures what sentinel costs the running stack, with and without a backup',
    options: {
      rounds: { type: 'string', value: 'N', whole: [1, 9999], default: '12', says: 'pairs of windows' },
      state: STATE,
      'port-offset': PORT_OFFSET,
    },
    program: ['bench/sentinel.ts'],
  },

  'docs:pictures': {
    group: 'docs',
    says: 'takes the pictures of README.md and docs from the running stack',
    options: {
      only: { type: 'string', value: 'stack|dashboards', among: ['stack', 'dashboards'], says: 'not the others' },
      state: STATE,
      'port-offset': PORT_OFFSET,
    },
    needs: { engines: ['prometheus', 'promtool', 'tempo'], web: true, chromium: true },
    program: ['stack/pictures.ts'],
  },
  'docs:fixture-week': {
    group: 'docs',
    says: 'fills the data folder of a Prometheus of its own with an invented week',
    options: {},
    operands: { name: 'FOLDER', most: 1, says: 'empty or new (default .state/fixture-week)' },
    needs: { engines: ['promtool'] },
    program: ['prometheus/fixtures/fixture-week.ts'],
  },
  'docs:docker-figures': {
    group: 'docs',
    says: 'measures the stack in containers, for docs/performance.md',
    options: {},
    needs: { engines: [...SERVERS, 'docker-compose'], docker: 'needed' },
    program: ['stack/docker-figures.ts'],
  },
  'docs:detection-report': {
    group: 'docs',
    says: 'replays attacks and everyday work, and writes docs/security-detection.md',
    options: {},
    needs: { postgres: true },
    program: ['services/sentinel/src/audit/testing/detection-report.ts'],
  },

  'supply:sbom': {
    group: 'supply',
    says: 'writes what is in our image and in each server',
    options: {},
    operands: { name: 'FOLDER', most: 1, says: 'where to (default sbom)' },
    program: ['supply-chain/sbom.ts'],
  },
  'supply:audit': {
    group: 'supply',
    says: 'asks what is known against the packages',
    options: {},
    program: ['supply-chain/audit.ts'],
  },
  'supply:scan': {
    group: 'supply',
    says: 'asks what is known against packages, system and images, and writes reports for sentinel',
    options: {},
    operands: { name: 'DIR', required: true, most: 1, says: 'where the reports go' },
    program: ['supply-chain/scan.ts'],
  },
  'supply:digests': {
    group: 'supply',
    says: 'pins every image of others to its content',
    options: {},
    operands: { name: 'FILE', most: 1, says: 'what to write (default compose.digests.yml)' },
    program: ['supply-chain/digests.ts'],
  },

  engines: {
    group: 'develop',
    says: 'fetches or builds servers and tools alone',
    options: ORIGIN,
    operands: {
      name: 'PROGRAM',
      says: `(default: ${SERVERS.join(', ')})`,
      among: {
        prometheus: '',
        promtool: '',
        alertmanager: '',
        amtool: '',
        collector: '',
        tempo: '',
        'docker-compose': '',
        k6: '',
        versitygw: '',
      },
    },
  },
  build: {
    group: 'develop',
    says: 'writes the generated files anew',
    options: { check: { type: 'boolean', says: 'only names those that are stale' } },
    program: ['build.ts'],
  },
  check: { group: 'develop', says: 'checks format, types and generated files', options: {} },
  'check:dashboards': {
    group: 'develop',
    says: 'runs every query of every panel against the running stack',
    options: {
      prometheus: { type: 'string', value: 'URL', default: 'http://127.0.0.1:9090', says: 'asked in PromQL' },
      tempo: { type: 'string', value: 'URL', default: 'http://127.0.0.1:3200', says: 'asked in TraceQL' },
      dashboards: { type: 'string', value: 'FOLDER', default: 'grafana/dashboards', says: 'whose queries' },
    },
    program: ['grafana/check/check-dashboards.ts'],
  },
  format: {
    group: 'develop',
    says: 'formats the source and repairs what can be repaired',
    options: {},
    program: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write', '.'],
  },
  package: {
    group: 'develop',
    says: 'packs the library for another app',
    options: {},
    program: ['instrumentation/package.ts'],
  },
});

/** @typedef {keyof typeof COMMANDS} Name */
/**
 * @template {Name} N
 * @typedef {ReturnType<typeof parseArgs<{ args: string[], allowPositionals: true, options: (typeof COMMANDS)[N]['options'] }>>} Arguments
 */

/** Wrong arguments of a command; the message says what is wrong, and ends with the usage. */
export class UsageError extends Error {
  /** @override */
  name = 'UsageError';

  /**
   * @param {Name} command
   * @param {string} what is wrong
   */
  constructor(command, what) {
    super(`${what}\n\n${usage(command)}`);
  }
}

/**
 * The exit code of a program; wrong arguments are told, and end with 2.
 * @param {() => Promise<number>} program
 */
export async function exitCodeOf(program) {
  try {
    return await program();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    return 2;
  }
}

/**
 * @param {string} text
 * @returns {text is Name}
 */
export const isName = (text) => Object.hasOwn(COMMANDS, text);

/** @param {Name} name */
const typed = (name) => (['start', 'stop', 'test'].includes(name) ? `npm ${name}` : `npm run ${name}`);

/**
 * What a command does and takes, as `--help` prints it.
 * @param {Name} name
 */
export function usage(name) {
  /** @type {Command} */
  const { says, options, operands } = COMMANDS[name];
  /** @type {[string, string][]} */
  const rows = operands ? [[operands.name, operands.says], ...choices(operands)] : [];
  for (const [long, option] of Object.entries(options)) rows.push([spelled(long, option), explained(option)]);
  rows.push(['-h, --help', 'prints this']);
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  const text = says.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1');
  return [
    `usage: ${typed(name)}${takes(name)}`,
    `It ${text}.`,
    '',
    ...rows.map(([left, right]) => `  ${left.padEnd(width)}${right}`.trimEnd()),
  ].join('\n');
}

/** @param {Name} name */
function takes(name) {
  /** @type {Command} */
  const { options, operands } = COMMANDS[name];
  const required = Object.entries(options).filter(([, option]) => option.required);
  const words = required.map(([long, option]) => `--${long} ${option.value}`);
  const more = operands && operands.most !== 1 ? '...' : '';
  if (operands) words.push(operands.required ? operands.name : `[${operands.name}${more}]`);
  if (Object.keys(options).length > required.length) words.push('[OPTIONS]');
  if (words.length === 0) return '';
  if (words[0] === '[OPTIONS]') return ' [-- OPTIONS]';
  const all = words.join(' ');
  return required.length > 0 || operands?.required ? ` -- ${all}` : ` [-- ${all}]`;
}

/**
 * @param {Operands} operands
 * @returns {[string, string][]}
 */
const choices = ({ among = {} }) => Object.entries(among).map(([name, says]) => [`  ${name}`, says]);

/**
 * @param {string} long
 * @param {Option} option
 */
const spelled = (long, { short, value }) => `${short ? `-${short}, ` : ''}--${long}${value ? ` ${value}` : ''}`;

/** @param {Option} option */
function explained({ says, among, number, value, default: usual }) {
  const notes = [];
  if (among && value !== among.join('|')) notes.push(`one of ${among.join(', ')}`);
  if (number) notes.push(`${number[0]} to ${number[1]}`);
  if (usual !== undefined) notes.push(`default ${usual}`);
  return notes.length > 0 ? `${says} (${notes.join('; ')})` : says;
}

/**
 * Whether the usage is asked for. What is another program's is not looked at.
 * @param {Name} name
 * @param {readonly string[]} args
 */
export const asksForHelp = (name, args) => own(name, args).some((word) => word === '--help' || word === '-h');

/**
 * The arguments that are the command's: to a `--`, or to the first operand where the rest is another program's.
 * @param {Name} name
 * @param {readonly string[]} args
 */
function own(name, args) {
  /** @type {Command} */
  const { options, operands } = COMMANDS[name];
  const { tokens } = parseArgs({ args: [...args], options, allowPositionals: true, strict: false, tokens: true });
  const end = tokens.find(
    ({ kind }) => kind === 'option-terminator' || (operands?.passedOn === true && kind === 'positional'),
  );
  return end ? args.slice(0, end.index) : args;
}

/**
 * Reads the arguments of a command, and refuses what it does not take.
 * @template {Name} N
 * @param {N} name
 * @param {readonly string[]} args without those that always come first
 * @returns {Arguments<N>}
 * @throws {UsageError}
 */
export function read(name, args) {
  /** @type {Command} */
  const { options, oneOf, operands } = COMMANDS[name];
  /** @param {string} what */
  const wrong = (what) => new UsageError(name, what);
  const mine = [...(operands?.passedOn ? own(name, args) : args)];
  const { tokens } = parseArgs({ args: mine, options, allowPositionals: true, strict: false, tokens: true });
  for (const token of tokens) {
    if (token.kind !== 'option' || Object.hasOwn(options, token.name)) continue;
    const near = meant(token.name, Object.keys(options));
    throw wrong(`There is no option ${token.rawName}${near ? `: did you mean --${near}?` : '.'}`);
  }
  let parsed;
  try {
    parsed = parseArgs({ args: mine, options, allowPositionals: true });
  } catch (error) {
    throw wrong(/** @type {Error} */ (error).message);
  }
  for (const [long, option] of Object.entries(options)) {
    const value = /** @type {Record<string, unknown>} */ (parsed.values)[long];
    if (option.required && value === undefined) throw wrong(`--${long} ${option.value} is missing: ${option.says}.`);
    for (const text of [value].flat()) {
      const problem = typeof text === 'string' ? unfit(text, option) : undefined;
      if (problem) throw wrong(`--${long} ${problem}`);
    }
  }
  if (oneOf && !oneOf.some((long) => long in parsed.values))
    throw wrong(`${oneOf.map((long) => `--${long}`).join(' or ')} is missing.`);
  const problem = unfitOperands(parsed.positionals, operands);
  if (problem) throw wrong(problem);
  return /** @type {Arguments<N>} */ (parsed);
}

/**
 * @param {string} text
 * @param {Option} option
 */
function unfit(text, { among, number, whole }) {
  if (among && !among.includes(text)) return `must be one of ${among.join(', ')}, not ${text}.`;
  const [least, most] = number ?? whole ?? [];
  if (least === undefined || most === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && value >= least && value <= most && (number || /^\d+$/.test(text))) return undefined;
  return `must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}, not ${text}.`;
}

/**
 * @param {readonly string[]} words
 * @param {Operands | undefined} operands
 */
function unfitOperands(words, operands) {
  if (!operands) return words.length > 0 ? `It takes no ${words[0]}.` : undefined;
  const { name, says, required, most = Number.POSITIVE_INFINITY, among } = operands;
  if (required && words.length === 0) return `${name} is missing: ${says}.`;
  const unknown = among && words.find((word) => !Object.hasOwn(among, word));
  if (unknown !== undefined) {
    const near = meant(unknown, Object.keys(among ?? {}));
    return `There is no ${name.toLowerCase()} ${unknown}${near ? `: did you mean ${near}?` : '.'}`;
  }
  if (words.length > most) return `One ${name.toLowerCase()} at a time, not also ${words.slice(most).join(' ')}.`;
  return undefined;
}

/**
 * The word that was mistyped, by at most one slip in three letters.
 * @param {string} word
 * @param {readonly string[]} words
 */
export function meant(word, words) {
  const near = words
    .map((other) => ({ other, slips: slips(word, other) }))
    .filter(({ other, slips }) => slips <= Math.max(word.length, other.length) / 3)
    .sort((a, b) => a.slips - b.slips);
  return near[0]?.other;
}

/**
 * Letters left out, added, changed or swapped with their neighbour: the optimal string alignment distance.
 * @param {string} from
 * @param {string} to
 */
function slips(from, to) {
  /** @type {number[][]} */
  const table = [];
  /**
   * @param {number} i
   * @param {number} j
   */
  const at = (i, j) => table[i]?.[j] ?? 0;
  for (let i = 0; i <= from.length; i++) {
    /** @type {number[]} */
    const row = [];
    table.push(row);
    for (let j = 0; j <= to.length; j++) {
      if (i === 0 || j === 0) {
        row.push(i + j);
        continue;
      }
      const changed = from[i - 1] === to[j - 1] ? 0 : 1;
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row.push(
        Math.min(
          at(i - 1, j) + 1,
          at(i, j - 1) + 1,
          at(i - 1, j - 1) + changed,
          swapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      );
    }
  }
  return at(from.length, to.length);
}

/** Every command by group, as `npm run help` prints it. */
export function overview() {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => typed(/** @type {Name} */ (name)).length)) + 2;
  const parts = Object.entries(GROUPS).map(([group, says]) => {
    const lines = commandsOf(/** @type {Group} */ (group)).map(
      ([name, command]) => `  ${typed(name).padEnd(width)}${command.says.replace(/: \[.*$/, '')}`,
    );
    return [`${group}: ${says}`, ...lines].join('\n');
  });
  return [...parts, 'Each tells more: npm run NAME -- --help'].join('\n\n');
}

/** The same in Markdown, for the README. */
export function commandTable() {
  const rows = Object.keys(GROUPS).flatMap((group) =>
    commandsOf(/** @type {Group} */ (group)).map(([name, { says }]) => `| \`${typed(name)}\` | ${says} |`),
  );
  return ['| command | what it does |', '| --- | --- |', ...rows].join('\n');
}

/**
 * @param {Group} group
 * @returns {[Name, Command][]}
 */
const commandsOf = (group) =>
  /** @type {[Name, Command][]} */ (Object.entries(COMMANDS)).filter(([, command]) => command.group === group);

/**
 * Where servers may come from, by the options of a command.
 * @param {{ readonly 'from-source'?: boolean | undefined, readonly offline?: boolean | undefined }} values
 * @returns {import('./engines.mjs').Source}
 */
export function originOf({ 'from-source': fromSource, offline }) {
  if (fromSource) return 'source';
  return offline ? 'cache' : 'auto';
}
