/** Comparisons of invented pairs, whose truth is known. The same number of runs gives the same counts. */
import { seededRandom } from '../../services/traffic/src/random.ts';
import { compareLatencies, type Pairs, pairsOf, SOUGHT, tailCheck } from './latency.ts';
import { normal } from './random.ts';

/** Milliseconds as on a machine that others use: log-normal, one in twenty several times as long. */
export const noisy = (random: () => number, level: number): number =>
  level * Math.exp(0.25 * normal(random)) * (random() < 0.05 ? 1 + 4 * random() : 1);

const ENDPOINTS = ['GET /a', 'GET /b', 'POST /c', 'GET /d', 'POST /e'];
/** Between two processes of one build the medians differ by 2.5 % (standard deviation, seen on real clinics). */
const BETWEEN = 0.025;

function run(seed: number, slower: Readonly<Record<string, number>> = {}, most = 400) {
  const random = seededRandom(seed);
  return new Map(
    ENDPOINTS.map((endpoint): [string, Pairs] => {
      const pilot = Array.from({ length: 30 }, () => noisy(random, 5));
      const pairs = pairsOf(pilot, { endpoints: ENDPOINTS.length, most });
      const head = 5 * Math.exp((BETWEEN / 2) * normal(random)) * (slower[endpoint] ?? 1);
      return [
        endpoint,
        {
          base: Array.from({ length: pairs }, () => noisy(random, 5)),
          head: Array.from({ length: pairs }, () => noisy(random, head)),
        },
      ];
    }),
  );
}

const seeds = (runs: number) => Array.from({ length: runs }, (_, seed) => seed);
const slower = ({ verdict }: { readonly verdict: string }) => verdict === 'fail' || verdict === 'warn';

/** Of so many runs of the same code: in how many an endpoint was called slower. */
export const calledSlower = (runs: number): number =>
  seeds(runs).filter((seed) => compareLatencies(run(seed, {}, 80)).some(slower)).length;

/** Of so many runs with an endpoint that is slower by what is sought: in how many it was called slower. */
export const foundSlower = (runs: number): number =>
  seeds(runs).filter((seed) => slower(compareLatencies(run(seed, { 'GET /a': SOUGHT }))[0]!)).length;

/** Of so many runs with an endpoint that is half as slow again: in how many it failed. */
export const failedSlower = (runs: number): number =>
  seeds(runs).filter((seed) => compareLatencies(run(seed, { 'GET /b': 1.5 }))[1]!.verdict === 'fail').length;

/** Of so many comparisons of the p95 of the same code: how many failed, and how many the bare rule would have failed. */
export function failedTails(runs: number): { readonly failed: number; readonly bare: number } {
  const random = seededRandom(19);
  const sample = () => Array.from({ length: 60 }, () => noisy(random, 5));
  const checks = seeds(runs).map(() => tailCheck('GET /a', { base: sample(), head: sample() }, random, 10));
  return {
    failed: checks.filter(({ verdict }) => verdict === 'fail').length,
    bare: checks.filter(({ verdict, why }) => verdict === 'fail' || why.includes('bare rule')).length,
  };
}
