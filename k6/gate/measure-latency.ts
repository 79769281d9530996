import type { Clinic } from './clinic.ts';
import { type Pairs, pairsOf, turns } from './latency.ts';
import { shuffled } from './random.ts';
import type { Endpoint, Visitor } from './workload.ts';

export interface Side {
  readonly clinic: Clinic;
  readonly visitor: Visitor;
}

export interface MeasureOptions {
  readonly base: Side;
  readonly head: Side;
  readonly endpoints: readonly Endpoint[];
  readonly random: () => number;
  /** Pairs of an endpoint at most. */
  readonly most: number;
  /** How often both processes are started anew. */
  readonly restarts: number;
  readonly log: (line: string) => void;
}

export interface Measured {
  readonly pairs: ReadonlyMap<string, Pairs>;
  /** The part of a request that grew most, for each endpoint. */
  readonly looks: ReadonlyMap<string, string>;
}

const PILOT_ROUNDS = 30;
/** Of every restart. */
const WARM_UP_ROUNDS = 12;
/** Traces of an endpoint that are compared part by part. */
const TRACES = 60;

/**
 * Asks both clinics one request at a time, in pairs: the same request of each within some milliseconds, so that what disturbs the
 * machine disturbs both. k6 is not the tool for that: it keeps users busy, not pairs together, and its results name no pair.
 * Both processes are started anew several times, because two processes of one build differ for as long as they live.
 */
export async function measureLatencies(options: MeasureOptions): Promise<Measured> {
  const { base, head, endpoints, random, most, restarts, log } = options;
  const byName = new Map(endpoints.map((endpoint) => [endpoint.name, endpoint]));
  const pairs = new Map(endpoints.map(({ name }) => [name, { base: [] as number[], head: [] as number[] }]));
  const traces = new Map(endpoints.map(({ name }) => [name, { base: [] as string[], head: [] as string[] }]));
  let index = 0;
  const plan = { endpoints: endpoints.length, most };
  let pilot: ReadonlyMap<string, number[]> = new Map();
  let chosen = new Map<string, number>();
  /** Both sides in random order, as often; resolves with the base's latencies. */
  const rounds = async (count: number) => {
    const seen = new Map<string, number[]>(endpoints.map(({ name }) => [name, []]));
    for (let round = 0; round < count; round++, index++) {
      for (const endpoint of shuffled(endpoints, random)) {
        for (const side of shuffled([base, head], random)) {
          const { ms } = await side.visitor.visit(endpoint, index);
          if (side === base) seen.get(endpoint.name)!.push(ms);
        }
      }
    }
    return seen;
  };
  for (let block = 0; block < restarts; block++) {
    for (const side of shuffled([base, head], random)) await side.clinic.restart();
    await rounds(WARM_UP_ROUNDS);
    if (block === 0) pilot = await rounds(PILOT_ROUNDS);
    // A/A: the base's latencies alone say how noisy this machine is. Asked anew each time: the pilot may have been a quiet one.
    chosen = new Map(
      endpoints.map(({ name }) => {
        const measured = pairs.get(name)!.base;
        const left = pairsOf([...pilot.get(name)!, ...measured], plan) - measured.length;
        return [name, Math.max(chosen.get(name) ?? 0, Math.ceil(left / (restarts - block)))];
      }),
    );
    log(
      `pairs, part ${block + 1} of ${restarts}: ${[...chosen].map(([name, count]) => `${name} ${count}`).join(', ')}`,
    );
    for (const { endpoint, first } of turns(chosen, random)) {
      const order = first === 'base' ? (['base', 'head'] as const) : (['head', 'base'] as const);
      for (const name of order) {
        const side = name === 'base' ? base : head;
        const { ms, traceId } = await side.visitor.visit(byName.get(endpoint)!, index);
        pairs.get(endpoint)![name].push(ms);
        if (block === restarts - 1) traces.get(endpoint)![name].push(traceId);
      }
      index++;
    }
  }
  const looks = new Map<string, string>();
  for (const [name, ids] of traces) {
    const parts = async (side: Side, all: readonly string[]) => {
      const sums = new Map<string, number>();
      const last = all.slice(-TRACES);
      for (const id of last) {
        for (const span of await side.clinic.traces.complete(id)) {
          if (span.database) sums.set(span.name, (sums.get(span.name) ?? 0) + span.ms / last.length);
        }
      }
      return sums;
    };
    const [before, after] = [await parts(base, ids.base), await parts(head, ids.head)];
    const [most] = [...after]
      .map(([span, ms]) => ({ span, ms, more: ms - (before.get(span) ?? 0) }))
      .sort((a, b) => b.more - a.more);
    looks.set(
      name,
      most && most.more > 0.05
        ? `${most.span}: ${(most.ms - most.more).toFixed(2)} → ${most.ms.toFixed(2)} ms a request`
        : "no statement is slower: look at the handler's own code",
    );
  }
  return { pairs, looks };
}
