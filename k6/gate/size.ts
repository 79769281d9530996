import type { CompareOptions } from './compare.ts';

type Size = Pick<CompareOptions, 'clients' | 'mostPairs' | 'restarts' | 'timeScale' | 'walkBase'>;

/** Before a release, or when somebody asks. */
export const LONG: Size = { clients: 2000, mostPairs: 800, restarts: 6, timeScale: 0.06, walkBase: true };

/** In CI. A hundred users sign in within seconds, each of which costs 40 ms of a core: quicker would test that alone. */
export const QUICK: Size = { clients: 300, mostPairs: 60, restarts: 2, timeScale: 0.04, walkBase: false };
