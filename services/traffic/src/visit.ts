import { CANARY } from '@clinic/catalogue/canary';
import type { Random } from './random.ts';

/** What a visitor does next: looks through the list, opens a chart, books, looks at the day, or, as a clinician, reads a note. */
export type Visit =
  | { kind: 'list'; search: string; page: number }
  | { kind: 'chart' }
  | { kind: 'book'; slot: number }
  | { kind: 'schedule' }
  | { kind: 'note' };

// The canary's name too: should it ever get into telemetry, the scan for it finds it.
const SEARCHES = ['', '', '', 'a', 'c', 'e', 'h', 'm', CANARY.family_name];
const LIST_SHARE = 0.4;
const SCHEDULE_SHARE = 0.1;
const NOTE_SHARE = 0.1;
const BOOK_SHARE = 0.01;

/** Appointments that can ever be made: beyond them the clinic answers that the time is taken, and nothing grows. */
const SLOTS = 480;
const SLOTS_PER_DAY = 16;
const SLOT_MS = 1_800_000;
/** So far away that it is in nobody's way. */
const FIRST_DAY = Date.UTC(2090, 0, 2, 8);

export function nextVisit(random: Random, { clinician }: { readonly clinician: boolean }): Visit {
  const share = random();
  if (share < BOOK_SHARE) return { kind: 'book', slot: Math.floor(random() * SLOTS) };
  if (share < BOOK_SHARE + SCHEDULE_SHARE) return { kind: 'schedule' };
  if (clinician && share > 1 - NOTE_SHARE) return { kind: 'note' };
  if (share > BOOK_SHARE + SCHEDULE_SHARE + LIST_SHARE) return { kind: 'chart' };
  const search = SEARCHES[Math.floor(random() * SEARCHES.length)]!;
  return { kind: 'list', search, page: search === CANARY.family_name ? 1 : 1 + Math.floor(random() * 3) };
}

/** Half an hour each, sixteen a day from 8:00 UTC. */
export function slotStart(slot: number): string {
  const day = FIRST_DAY + Math.floor(slot / SLOTS_PER_DAY) * 86_400_000;
  return new Date(day + (slot % SLOTS_PER_DAY) * SLOT_MS).toISOString();
}

/** Milliseconds until the next request: from half to one and a half of the mean. */
export function nextGap(random: Random, requestsPerMinute: number): number {
  return (60_000 / requestsPerMinute) * (0.5 + random());
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** Milliseconds to wait after so many failures in a row, the first being 1: doubles up to a minute, half of it by chance. */
export function backoff(random: Random, failures: number): number {
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (failures - 1)) * (0.5 + random() / 2);
}
