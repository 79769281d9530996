import { type Account, type Clinic, Refused } from './clinic.ts';
import type { Random } from './random.ts';
import { backoff, nextGap, nextVisit } from './visit.ts';

/** What a line may hold: words that are listed here and statuses; nothing of an answer. */
export type Log = (event: 'signed_in' | 'sign_in_refused' | 'request_failed' | 'recovered', status?: number) => void;

export interface VisitorOptions {
  readonly clinic: Clinic;
  readonly account: Account;
  /** Whether the account may read notes. */
  readonly clinician: boolean;
  readonly requestsPerMinute: number;
  readonly random: Random;
  /** Resolves after so many milliseconds; rejects when the visitor is to leave. */
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly log: Log;
}

/** The clinic locks an account, for whoever comes from here, after five wrong passwords, and longer with each further one. */
const AFTER_WRONG_PASSWORD_MS = 120_000;

/** One request after the other until `sleep` rejects, so that the clinic never has two of one visitor at once. */
export async function visit({
  clinic,
  account,
  clinician: isClinician,
  requestsPerMinute,
  random,
  sleep,
  log,
}: VisitorOptions): Promise<never> {
  let token: string | undefined;
  let clients: string[] = [];
  let clinicians: number[] = [];
  let notes: string[] = [];
  let failures = 0;
  const oneOf = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)];

  async function request(): Promise<void> {
    if (token === undefined) {
      token = await clinic.signIn(account);
      log('signed_in');
      return;
    }
    const next = nextVisit(random, { clinician: isClinician });
    const client = oneOf(clients);
    const clinician = oneOf(clinicians);
    if (next.kind === 'schedule') {
      await clinic.schedule(token, new Date());
    } else if (next.kind === 'note') {
      const note = oneOf(notes);
      if (note === undefined) notes = await clinic.notes(token);
      else await clinic.note(token, note);
    } else if (next.kind === 'list' || client === undefined) {
      const { search, page } = next.kind === 'list' ? next : { search: '', page: 1 };
      clients = await clinic.clients(token, search, page);
    } else if (next.kind === 'chart' || clinician === undefined) {
      clinicians = await clinic.chart(token, client);
    } else await clinic.book(token, client, clinician, next.slot);
  }

  for (;;) {
    const signingIn = token === undefined;
    try {
      await request();
      if (failures > 0) log('recovered');
      failures = 0;
      await sleep(nextGap(random, requestsPerMinute));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      failures++;
      if (signingIn && (error.status === 401 || error.status === 429)) {
        log('sign_in_refused', error.status);
        await sleep(AFTER_WRONG_PASSWORD_MS);
        continue;
      }
      if (failures === 1) log('request_failed', error.status);
      if (error.status === 401) token = undefined;
      // Of another database, perhaps.
      if (error.status === 404 || error.status === 422) clients = clinicians = notes = [];
      await sleep(backoff(random, failures));
    }
  }
}
