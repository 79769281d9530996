import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type K6Scenario, SCENARIOS } from './load.ts';
import { stackTarget, type Target } from './target.ts';

export type Scenario = K6Scenario | 'browser-journey';
const BROWSER = { 'browser-journey': 'each page in a real browser, against its budget' } as const;
const ALL: Readonly<Record<string, string>> = { ...SCENARIOS, ...BROWSER };

export interface LoadArguments {
  readonly scenario: Scenario;
  readonly timeScale: number;
  /** Undefined for a stack of its own. */
  readonly target: Target | undefined;
  readonly owned: boolean;
  /** Absolute; undefined for one by scenario and time. */
  readonly folder: string | undefined;
}

export const USAGE = `usage: npm run load [-- SCENARIO] [OPTIONS]
${Object.entries(ALL)
  .map(([name, what]) => `  ${name.padEnd(16)} ${what}`)
  .join('\n')}
The first is the default. Of the stack that npm start runs:
  --state DIR --port-offset N   those that it was started with
Of another one:
  --target URL --password-file FILE [--prometheus URL] [--tempo URL]
  --i-own-this-target           it is on another machine, it is mine, and whoever is on call knows
Or:
  --own-stack                   starts a fresh stack for the test alone, and stops it afterwards
  --time-scale N                multiplies all durations of the scenario, 0.005 to 2; the users and their pauses stay
  --out DIR                     where report.html and result.json go (default .load/SCENARIO-TIME)`;

/** Similar enough to be what was meant. */
function meant(word: string, words: readonly string[]): string | undefined {
  const pairs = (text: string) => new Set(Array.from({ length: text.length - 1 }, (_, i) => text.slice(i, i + 2)));
  const own = pairs(word);
  const scored = words.map((other) => {
    const theirs = pairs(other);
    return [other, (2 * [...own].filter((pair) => theirs.has(pair)).length) / (own.size + theirs.size)] as const;
  });
  const [best] = scored.toSorted(([, a], [, b]) => b - a);
  return best && best[1] >= 0.4 ? best[0] : undefined;
}

const OPTIONS = {
  'time-scale': { type: 'string' },
  state: { type: 'string' },
  'port-offset': { type: 'string' },
  target: { type: 'string' },
  prometheus: { type: 'string' },
  tempo: { type: 'string' },
  'password-file': { type: 'string' },
  'i-own-this-target': { type: 'boolean' },
  'own-stack': { type: 'boolean' },
  out: { type: 'string' },
} as const;

/**
 * Reads the arguments of `npm run load`.
 * @returns the arguments, or what is wrong with them and what there is
 */
export function parseArguments(args: readonly string[], root: string): LoadArguments | string {
  const wrong = (what: string) => `${what}\n${USAGE}`;
  const unknown = args.find((word) => /^--[a-z-]+/.test(word) && !(word.slice(2).split('=')[0]! in OPTIONS));
  if (unknown) {
    const near = meant(unknown.slice(2), Object.keys(OPTIONS));
    return wrong(`There is no option ${unknown.split('=')[0]}${near ? `: did you mean --${near}?` : '.'}`);
  }
  let parsed: ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true; args: string[] }>>;
  try {
    parsed = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    return wrong((error as Error).message);
  }
  const { values, positionals } = parsed;
  const [scenario = 'critical-paths', ...more] = positionals;
  if (!Object.hasOwn(ALL, scenario)) {
    const near = meant(scenario, Object.keys(ALL));
    return wrong(`There is no scenario ${scenario}${near ? `: did you mean ${near}?` : '.'}`);
  }
  if (more.length > 0) return wrong(`One scenario at a time, not also ${more.join(' ')}.`);
  const timeScale = Number(values['time-scale'] ?? 1);
  if (!(timeScale >= 0.005 && timeScale <= 2)) return wrong('--time-scale must be a number from 0.005 to 2.');
  const offset = values['port-offset'] ?? '0';
  if (!/^\d{1,5}$/.test(offset)) return wrong('--port-offset must be a whole number, such as 10000.');
  const own = values['own-stack'] ?? false;
  const { target, prometheus, tempo, 'password-file': passwordFile } = values;
  if (own && (target || values.state || values['port-offset'])) {
    return wrong('--own-stack starts a stack of its own: it goes with no other target.');
  }
  if (target && !passwordFile) return wrong('--target needs --password-file, the password of its demo accounts.');
  if (!target && (prometheus || tempo || passwordFile)) {
    return wrong('--prometheus, --tempo and --password-file belong to --target.');
  }
  if (scenario === 'endpoints' && !own) {
    return wrong('endpoints writes notes, which nobody can take back: it runs with --own-stack only.');
  }
  const base = (url: string) => url.replace(/\/+$/, '');
  return {
    scenario: scenario as Scenario,
    timeScale,
    owned: values['i-own-this-target'] ?? false,
    target: own
      ? undefined
      : target
        ? {
            clinic: base(target),
            passwordFile: resolve(passwordFile!),
            ...(prometheus && { prometheus: base(prometheus) }),
            ...(tempo && { tempo: base(tempo) }),
          }
        : stackTarget(resolve(values.state ?? `${root}/.state`), Number(offset)),
    folder: values.out === undefined ? undefined : resolve(values.out),
  };
}
