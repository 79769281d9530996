import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { seededRandom } from '../../services/traffic/src/random.ts';
import { changePoints } from './change-points.ts';
import type { Check } from './check.ts';

const entry = z.object({
  /** ISO 8601. */
  at: z.string(),
  commit: z.string(),
  machine: z.string(),
  /** Synthetic clients of the clinic that was measured. */
  clients: z.number(),
  /** `<endpoint> <what>`: medians in milliseconds, counters, bytes. */
  values: z.record(z.string(), z.number()),
});

/** One run of the gate on a commit. */
export type Entry = z.output<typeof entry>;

const FILE = 'history.jsonl';
/** Of a series, what is looked at. */
const LAST = 100;
/** Below that nobody has to look. */
const WORTH = 0.1;

/** What earlier runs wrote into a folder, oldest first. Rejects a file that is not one of ours, naming the line. */
export function readHistory(folder: string): Entry[] {
  const path = join(folder, FILE);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      try {
        return entry.parse(JSON.parse(line));
      } catch {
        throw new Error(
          `Line ${index + 1} of ${path} is not an entry of the gate's history. Remove it, or name another --history.`,
        );
      }
    });
}

export function addToHistory(folder: string, added: Entry): void {
  mkdirSync(folder, { recursive: true });
  appendFileSync(join(folder, FILE), `${JSON.stringify(added)}\n`);
}

/**
 * T4: series of one machine and size of clinic whose level changed for the worse, and the first commit after it. Never a
 * failure: what is in the history is merged already. At most one line each, for the last change.
 */
export function checkHistory(
  history: readonly Entry[],
  { machine, clients }: Pick<Entry, 'machine' | 'clients'>,
): Check[] {
  const own = history.filter((one) => one.machine === machine && one.clients === clients).slice(-LAST);
  const names = [...new Set(own.flatMap(({ values }) => Object.keys(values)))];
  const checks = names.flatMap((name): Check[] => {
    const series = own.flatMap(({ commit, values }) => (name in values ? [{ commit, value: values[name]! }] : []));
    // Each series its own alpha: of a hundred series none should warn by chance.
    const points = changePoints(
      series.map(({ value }) => value),
      { random: seededRandom(series.length), alpha: 0.002 },
    );
    const last = points.findLast(({ ratio }) => ratio >= 1 + WORTH);
    if (!last) return [];
    const { commit } = series[last.index]!;
    const why = `higher by ${((last.ratio - 1) * 100).toFixed(0)} % since ${commit.slice(0, 12)}, ${series.length - last.index} of ${series.length} runs ago, p ${last.p.toFixed(3)}`;
    return [{ tier: 'T4', subject: name, verdict: 'warn', why, look: `git show ${commit.slice(0, 12)}` }];
  });
  if (checks.length > 0) return checks;
  const why =
    own.length === 0
      ? 'nothing yet: name a folder with --history that stays'
      : `${own.length} runs on this machine with ${clients} clients, ${names.length} series, no level rose by ${WORTH * 100} %`;
  return [{ tier: 'T4', subject: 'history', verdict: 'pass', why }];
}
