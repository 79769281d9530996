/** Whether the audit log is what it was: every few minutes what is new, every night all of it. */
import { CHAIN_BREAKS } from '@clinic/catalogue/vocabulary';
import { type Anchor, anchorAt, auditRows, type ChainBreak, GENESIS, lastAnchor, walk } from './chain.ts';
import type { HeadsFile } from './heads.ts';
import type { Query } from './query.ts';

export interface ChainState {
  readonly breaks: readonly ChainBreak[];
  /** Rows. */
  readonly length: number;
  /** Epoch milliseconds of the last walk over all of it that found nothing; undefined before the first. */
  readonly verifiedAt: number | undefined;
}

export interface ChainWatch {
  readonly state: ChainState;
  /** Walks what is new since the last signed head, and signs the new end when all is in order. */
  follow(): Promise<void>;
  /** Walks from the first row. */
  verify(): Promise<ChainState>;
}

export interface ChainWatchOptions {
  readonly query: Query;
  readonly heads: HeadsFile;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** When all of it was last found in order, in epoch milliseconds; kept over restarts. */
  readonly verifiedAt?: number | undefined;
  /** Called with the time of a walk that found nothing. */
  readonly verified?: (at: number) => void;
}

export function createChainWatch({
  query,
  heads,
  now,
  verifiedAt,
  verified = () => {},
}: ChainWatchOptions): ChainWatch {
  let state: ChainState = { breaks: [], length: 0, verifiedAt };

  const walkFrom = async (from: Anchor) => {
    const { known, breaks } = heads.read();
    const result = await walk({
      rows: auditRows(query, from.seq),
      from,
      known: known.filter(({ seq }) => seq > from.seq),
    });
    return { breaks: [...breaks, ...result.breaks], end: result.end };
  };
  const sign = ({ seq, hash }: Anchor) => {
    const { last } = heads.read();
    if (last?.seq !== seq || last.hash !== hash) heads.append('head', { seq, hash }, new Date(now()));
  };

  return {
    get state() {
      return state;
    },
    async follow() {
      const last = heads.read().known.at(-1) ?? GENESIS;
      const there = await anchorAt(query, last.seq);
      // What was signed is gone or is another row: only a walk over everything says which.
      if (there?.hash !== last.hash) return void (await this.verify());
      const { breaks, end } = await walkFrom(last);
      const found = unique([...state.breaks, ...breaks]);
      state = { ...state, breaks: found, length: end.seq };
      if (found.length === 0) sign(end);
    },
    async verify() {
      const { breaks, end } = await walkFrom(GENESIS);
      const at = now();
      state = { breaks: unique(breaks), length: end.seq, verifiedAt: breaks.length === 0 ? at : state.verifiedAt };
      if (breaks.length === 0) {
        verified(at);
        sign(end);
      }
      return state;
    },
  };
}

const unique = (breaks: readonly ChainBreak[]) => [
  ...new Map(breaks.map((each) => [`${each.kind} ${each.seq}`, each])).values(),
];

/** How many breaks there are of each kind. */
export const breaksByKind = (breaks: readonly ChainBreak[]) =>
  CHAIN_BREAKS.map((kind) => [kind, breaks.filter((each) => each.kind === kind).length] as const);

/**
 * To be called once after the database was restored to an earlier time, before the clinic writes again: records that in the audit log,
 * and signs that rows of later times, which were signed, are gone for this reason. Only who holds the key of the heads can do so.
 */
export async function recordRestore({ query, heads, now }: Omit<ChainWatchOptions, 'verified'>): Promise<Anchor> {
  await query(`INSERT INTO audit_log (action, outcome) VALUES ('database_restored', 'allowed')`);
  const anchor = await lastAnchor(query);
  heads.append('restored', anchor, new Date(now()));
  return anchor;
}
