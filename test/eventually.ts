import { setTimeout as sleep } from 'node:timers/promises';

export interface EventuallyOptions {
  /** Milliseconds until it gives up. */
  readonly within: number;
  /** Milliseconds between two looks. */
  readonly every?: number;
  /** What is waited for, for the message of the failure. */
  readonly what: string;
}

/** Looks again until `look` answers something truthy; a look that throws counts as "not yet". Rejects with the last thing seen. */
export async function eventually<Result>(
  look: () => Promise<Result> | Result,
  { within, every = 50, what }: EventuallyOptions,
): Promise<NonNullable<Result>> {
  const end = Date.now() + within;
  let last: unknown;
  while (Date.now() < end) {
    try {
      const result = await look();
      if (result) return result;
      last = result;
    } catch (error) {
      last = error;
    }
    await sleep(every);
  }
  throw new Error(
    `Not within ${within} ms: ${what}. Last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}
