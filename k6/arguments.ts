import { resolve } from 'node:path';
import { type COMMANDS, read, UsageError } from '../stack/commands.mjs';
import { stackTarget, type Target } from './target.ts';

export type Scenario = keyof (typeof COMMANDS)['perf:load']['operands']['among'];

export interface LoadArguments {
  readonly scenario: Scenario;
  readonly timeScale: number;
  /** Undefined for a stack of its own. */
  readonly target: Target | undefined;
  readonly owned: boolean;
  /** Absolute; undefined for one by scenario and time. */
  readonly folder: string | undefined;
}

/**
 * Reads the arguments of `npm run perf:load`.
 * @throws {UsageError}
 */
export function parseArguments(args: readonly string[], root: string): LoadArguments {
  const wrong = (what: string) => new UsageError('perf:load', what);
  const { values, positionals } = read('perf:load', args);
  const scenario = (positionals[0] ?? 'critical-paths') as Scenario;
  const own = values['own-stack'] ?? false;
  const { target, prometheus, tempo, 'password-file': passwordFile } = values;
  if (own && (target || values.state || values['port-offset'])) {
    throw wrong('--own-stack starts a stack of its own: it goes with no other target.');
  }
  if (target && !passwordFile) throw wrong('--target needs --password-file, the password of its demo accounts.');
  if (!target && (prometheus || tempo || passwordFile)) {
    throw wrong('--prometheus, --tempo and --password-file belong to --target.');
  }
  if (scenario === 'endpoints' && !own) {
    throw wrong('endpoints writes notes, which nobody can take back: it runs with --own-stack only.');
  }
  const base = (url: string) => url.replace(/\/+$/, '');
  return {
    scenario,
    timeScale: Number(values['time-scale'] ?? 1),
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
        : stackTarget(resolve(values.state ?? `${root}/.state`), Number(values['port-offset'] ?? 0)),
    folder: values.out === undefined ? undefined : resolve(values.out),
  };
}
