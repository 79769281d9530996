/** Whether the audit log is what it was: every few minutes what is new, every night all of it. */
import { CHAIN_BREAKS } from '@clinic/catalogue/vocabulary';
import { type Anchor, anchorAt, auditRows, type ChainBreak, GENESIS, lastAnchor, walk } from './chain.ts';
import type { Heads, HeadsFile } from './heads.ts';
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

  const walkFrom = async (from: Anchor, { known, breaks }: Heads) => {
    const result = await walk({
      rows: auditRows(query, from.seq),
      from,
      known: known.filter(({ seq }) => seq > from.seq),
    });
    return { breaks: [...breaks, ...result.breaks], end: result.end };
  };
  const sign = (end: Anchor, { last }: Heads) => {
    if (last?.seq !== end.seq || last.hash !== end.hash) heads.append('head', end, new Date(now()));
  };
  const verify = async (signed: Heads) => {
    const { breaks, end } = await walkFrom(GENESIS, signed);
    const at = now();
    state = { breaks: unique(breaks), length: end.seq, verifiedAt: breaks.length === 0 ? at : state.verifiedAt };
    if (breaks.length === 0) {
      verified(at);
      sign(end, signed);
    }
    return state;
  };

  return {
    get state() {
      return state;
    },
    async follow() {
      const signed = heads.read();
      const last = signed.known.at(-1) ?? GENESIS;
      const there = await anchorAt(query, last.seq);
      // What was signed is gone or is another row: only a walk over everything says which.
      if (there?.hash !== last.hash) return void (await verify(signed));
      const { breaks, end } = await walkFrom(last, signed);
      const found = unique([...state.breaks, ...breaks]);
      state = { ...state, breaks: found, length: end.seq };
      if (found.length === 0) sign(end, signed);
    },
    verify: () => verify(heads.read()),
  };
}

const unique = (breaks: readonly ChainBreak[]) => [
  ...new Map(breaks.map((each) => [`${each.kind} ${each.seq}`, each])).values(),
];

/** How many breaks there are of each kind. */
export const breaksByKind = (breaks: readonly ChainBreak[]) =>
  CHAIN_BREAKS.map((kind) => [kind, breaks.filter((each) => each.kind === kind).length] as const);

export interface Restored {
  readonly query: Query;
  readonly heads: HeadsFile;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** The last row that was brought back. Default: the last one there is, which holds for as long as nobody has written since. */
  readonly back?: Anchor;
}

/**
 * Records in the audit log that the database was restored to an earlier time, and signs that rows of later times, which were signed, are
 * gone for this reason. Only who holds the key of the heads can do so.
 */
export async function recordRestore({ query, heads, now, back }: Restored): Promise<void> {
  const { seq } = back ?? (await lastAnchor(query));
  await query(`INSERT INTO audit_log (action, outcome) VALUES ('database_restored', 'allowed')`);
  heads.append('restored', (await anchorAt(query, seq + 1)) ?? (await lastAnchor(query)), new Date(now()));
}
