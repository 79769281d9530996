/**
 * Five weeks of an invented practice and what may happen in the sixth, told to a real database through the audit log's own trigger. Nobody in
 * here exists. The same seed gives the same events.
 */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ACCESS_PATTERNS, SIGN_IN_ATTACKS } from '@clinic/catalogue/vocabulary';
import { seededRandom } from '../../../../traffic/src/random.ts';
import { patternsAt, volumes } from '../access-watch.ts';
import { followLog, placesOf } from '../audit.ts';
import { DAY_MS, type Explanation, openNotebook } from '../notebook.ts';
import { attacksAt } from '../sign-in-watch.ts';
import { AUDIT_KEY, type Practice, type Told } from './practice.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A Monday. */
const BEGIN = Date.UTC(2026, 0, 5);
const BASE_DAYS = 35;
const WEEK = BEGIN + BASE_DAYS * DAY_MS;
const CLIENTS = 400;

export type Alarm = (typeof ACCESS_PATTERNS)[number] | (typeof SIGN_IN_ATTACKS)[number];

function generator(seed: number) {
  const next = seededRandom(seed);
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1));
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(next() * items.length)]!;
  return { next, between, pick };
}
type Random = ReturnType<typeof generator>;

interface Member {
  readonly id: number;
  readonly role: 'clinician' | 'frontdesk' | 'admin';
  readonly email: string;
  readonly home: string;
  /** Whom a clinician looks after. */
  readonly clients: readonly string[];
}

interface Booking {
  readonly client: string;
  readonly clinician: number;
  readonly at: number;
}

interface World {
  readonly members: readonly Member[];
  /** In the order of the list. */
  readonly clients: readonly string[];
}

const CLINIC = '198.51.100.7';

const signIn = (at: number, { email }: Pick<Member, 'email'>, source: string, reason?: string): Told => ({
  at,
  action: 'sign_in',
  account: email,
  source,
  ...(reason ? { outcome: 'refused', reason } : {}),
});
const read = (at: number, { id, role }: Member, client: string, action = 'chart_read'): Told => ({
  at,
  action,
  actor: id,
  role,
  client,
});

/** An ordinary day: appointments, the charts that go with them, and now and then one that nothing explains. */
function ordinaryDay(world: World, day: number, random: Random): { told: Told[]; bookings: Booking[] } {
  const told: Told[] = [];
  const bookings: Booking[] = [];
  if ([0, 6].includes(new Date(day).getUTCDay())) return { told, bookings };
  for (const member of world.members.filter(({ role }) => role === 'clinician')) {
    const slots = random.between(6, 12);
    for (let slot = 0; slot < slots; slot++) {
      const at = day + 8 * HOUR_MS + slot * 45 * MINUTE_MS;
      const client = random.pick(member.clients);
      bookings.push({ client, clinician: member.id, at });
      told.push(read(at - random.between(1, 9) * MINUTE_MS, member, client));
      if (random.next() < 0.3) told.push(read(at + 2 * MINUTE_MS, member, client, 'note_read'));
    }
  }
  const due = bookings.map(({ client }) => client);
  for (const member of world.members.filter(({ role }) => role === 'frontdesk')) {
    const opened = random.between(20, 35);
    for (let each = 0; each < opened; each++)
      told.push(read(day + 8 * HOUR_MS + random.between(0, 540) * MINUTE_MS, member, random.pick(due)));
  }
  for (const member of world.members) {
    const source = random.next() < 0.1 ? member.home : CLINIC;
    const at = day + 7 * HOUR_MS + random.between(20, 110) * MINUTE_MS;
    if (random.next() < 0.08) told.push(signIn(at - 20_000, member, source, 'credentials_wrong'));
    told.push(signIn(at, member, source));
    if (member.role !== 'admin' && random.next() < 0.03)
      told.push(read(at + HOUR_MS, member, random.pick(world.clients)));
  }
  return { told: told.sort((a, b) => a.at - b.at), bookings };
}

export interface Happening {
  readonly told: readonly Told[];
  readonly bookings?: readonly Booking[];
  readonly glass?: readonly { readonly client: string; readonly actor: number; readonly at: number }[];
  /** Who is behind it, where it is about somebody's accesses: more than one pattern may show on them. */
  readonly actor?: number;
  /** So many days in which the practice goes on as always. */
  readonly days: number;
}

export interface Scenario {
  readonly name: string;
  readonly what: string;
  /** What has to be raised; undefined when it has to be left alone. */
  readonly alarm?: Alarm;
  /** What has to be found among the accesses. */
  readonly explanations?: Partial<Record<Explanation, true>>;
  happen(world: World, random: Random, newcomer: Member): Happening;
}

const address = (random: Random) => `203.0.113.${random.between(1, 254)}-${random.between(1, 1e6)}`;
const stranger = (random: Random) => ({ email: `listed-${random.between(1, 1e9)}@elsewhere.example` });
const clinicianOf = ({ members }: World, random: Random) =>
  random.pick(members.filter(({ role }) => role === 'clinician'));
const frontdeskOf = ({ members }: World, random: Random) =>
  random.pick(members.filter(({ role }) => role === 'frontdesk'));
/** Clients whom a member has nothing to do with, none twice. */
const strangersOf = ({ clients }: World, { clients: own }: Member, count: number, random: Random) => {
  const others = clients.filter((client) => !own.includes(client));
  const from = random.between(0, others.length - 1);
  return Array.from({ length: count }, (_, index) => others[(from + index * 37) % others.length]!);
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'credential stuffing',
    what: '25 to 300 names from a list, seven in eight unknown here, once each within half an hour, from 1 to 40 addresses',
    alarm: 'credential_stuffing',
    happen({ members }, random) {
      const sources = Array.from({ length: random.pick([1, 3, 40]) }, () => address(random));
      const count = random.between(25, 300);
      const begin = WEEK + random.between(0, 23) * HOUR_MS;
      return {
        days: 2,
        told: Array.from({ length: count }, (_, index) =>
          signIn(
            begin + (index * 30 * MINUTE_MS) / count,
            random.next() < 0.125 ? random.pick(members) : stranger(random),
            random.pick(sources),
            'credentials_wrong',
          ),
        ),
      };
    },
  },
  {
    name: 'password spraying',
    what: 'one to three passwords on 5 to 16 accounts of the practice within an hour, from 1 to 16 addresses, while people work',
    alarm: 'password_spraying',
    happen({ members }, random) {
      const sources = Array.from({ length: random.pick([1, 4, 16]) }, () => address(random));
      const chosen = members.slice(0, random.between(5, members.length));
      const begin = WEEK + random.between(6, 20) * HOUR_MS;
      const passwords = random.between(1, 3);
      return {
        days: 1,
        told: Array.from({ length: passwords }, (_, round) =>
          chosen.map((member, index) =>
            signIn(begin + (round * 18 + index) * MINUTE_MS, member, random.pick(sources), 'credentials_wrong'),
          ),
        ).flat(),
      };
    },
  },
  {
    name: 'slow attack',
    what: '3 to 25 attempts a day for five days, each from an address of its own, two in three on accounts of the practice',
    alarm: 'slow_attack',
    happen({ members }, random) {
      const perDay = random.between(3, 25);
      return {
        days: 5,
        told: Array.from({ length: perDay * 5 }, (_, index) =>
          signIn(
            WEEK + (index * DAY_MS) / perDay + random.between(0, 20) * MINUTE_MS,
            random.next() < 0.67 ? random.pick(members) : stranger(random),
            address(random),
            'credentials_wrong',
          ),
        ),
      };
    },
  },
  {
    name: 'stolen passwords without the second factor',
    what: 'three to six right passwords from an address that is not theirs, and no code',
    alarm: 'second_factor_missing',
    happen({ members }, random) {
      const source = address(random);
      return {
        days: 1,
        told: members
          .slice(2, 2 + random.between(3, 6))
          .map((member, index) =>
            signIn(WEEK + 13 * HOUR_MS + index * 4 * MINUTE_MS, member, source, 'second_factor_needed'),
          ),
      };
    },
  },
  {
    name: 'a snooping colleague',
    what: 'a clinician opens 1 to 4 charts of others’ clients on each of four evenings',
    alarm: 'snooping',
    explanations: { unexplained: true },
    happen(world, random) {
      const member = clinicianOf(world, random);
      const perDay = random.between(1, 4);
      const charts = strangersOf(world, member, perDay * 4, random);
      return {
        days: 5,
        actor: member.id,
        told: charts.map((client, index) =>
          read(
            WEEK + Math.floor(index / perDay) * DAY_MS + 18 * HOUR_MS + (index % perDay) * 7 * MINUTE_MS,
            member,
            client,
          ),
        ),
      };
    },
  },
  {
    name: 'a neighbour’s chart, again and again',
    what: 'one chart of somebody else’s client, once a day on four days',
    alarm: 'snooping',
    explanations: { unexplained: true },
    happen(world, random) {
      const member = clinicianOf(world, random);
      const [client] = strangersOf(world, member, 1, random);
      return {
        days: 4,
        actor: member.id,
        told: [0, 1, 2, 3].map((day) => read(WEEK + day * DAY_MS + 12 * HOUR_MS, member, client!)),
      };
    },
  },
  {
    name: 'a bulk export',
    what: '40 to 200 charts, one every 3 to 12 seconds, in any order',
    alarm: 'bulk_reading',
    happen(world, random) {
      const member = frontdeskOf(world, random);
      const pause = random.between(3, 12) * 1000;
      return {
        days: 1,
        actor: member.id,
        told: strangersOf(world, member, random.between(40, 200), random).map((client, index) =>
          read(WEEK + 16 * HOUR_MS + index * pause, member, client),
        ),
      };
    },
  },
  {
    name: 'down the list, chart by chart',
    what: '25 to 60 charts in the order of the list, one every 20 to 70 seconds',
    alarm: 'sequential_reading',
    happen(world, random) {
      const member = clinicianOf(world, random);
      const pause = random.between(20, 70) * 1000;
      const from = random.between(0, CLIENTS - 61);
      return {
        days: 1,
        actor: member.id,
        told: world.clients
          .slice(from, from + random.between(25, 60))
          .map((client, index) => read(WEEK + 17 * HOUR_MS + index * pause, member, client)),
      };
    },
  },
  {
    name: 'far too many charts, slowly',
    what: 'a clinician opens 50 to 120 charts over the day',
    alarm: 'volume',
    happen(world, random) {
      const member = clinicianOf(world, random);
      const count = random.between(50, 120);
      return {
        days: 1,
        actor: member.id,
        told: strangersOf(world, member, count, random).map((client, index) =>
          read(WEEK + 8 * HOUR_MS + (index * 9 * HOUR_MS) / count, member, client),
        ),
      };
    },
  },
  {
    name: 'a broken deployment of the sign-in page',
    what: 'from half past seven to nine everybody fails, three to six times, from where they always sign in',
    happen({ members }, random) {
      return {
        days: 1,
        told: members.flatMap((member) =>
          Array.from({ length: random.between(3, 6) }, () =>
            signIn(WEEK + 7.5 * HOUR_MS + random.between(0, 89) * MINUTE_MS, member, CLINIC, 'credentials_wrong'),
          ),
        ),
      };
    },
  },
  {
    name: 'the Monday after the holidays',
    what: 'half of the staff mistype their password once to four times, three of them at a new address',
    happen({ members }, random) {
      return {
        days: 1,
        told: members
          .filter((_, index) => index % 2 === 0)
          .flatMap((member, index) => {
            const source = index < 3 ? address(random) : CLINIC;
            const at = WEEK + 7 * HOUR_MS + random.between(0, 60) * MINUTE_MS;
            return [
              ...Array.from({ length: random.between(1, 4) }, (_, attempt) =>
                signIn(at + attempt * 15_000, member, source, 'credentials_wrong'),
              ),
              signIn(at + 2 * MINUTE_MS, member, source),
            ];
          }),
      };
    },
  },
  {
    name: 'a locum’s first day',
    what: 'an account without a past: two mistyped passwords, 8 to 14 appointments of its own, two charts of a colleague behind broken glass',
    explanations: { appointment: true, break_glass: true },
    happen(world, random, locum) {
      const seen = Array.from({ length: random.between(8, 14) }, (_, slot) => ({
        client: random.pick(world.clients),
        clinician: locum.id,
        at: WEEK + 8 * HOUR_MS + slot * 40 * MINUTE_MS,
      }));
      const covered = [0, 1].map((index) => ({
        client: random.pick(world.clients),
        actor: locum.id,
        at: WEEK + 12 * HOUR_MS + index * 20 * MINUTE_MS,
      }));
      return {
        days: 1,
        bookings: seen,
        glass: covered,
        told: [
          signIn(WEEK + 7 * HOUR_MS, locum, CLINIC, 'credentials_wrong'),
          signIn(WEEK + 7 * HOUR_MS + 30_000, locum, CLINIC, 'credentials_wrong'),
          signIn(WEEK + 7 * HOUR_MS + 60_000, locum, CLINIC),
          ...seen.map(({ client, at }) => read(at - 5 * MINUTE_MS, locum, client)),
          ...covered.map(({ client, at }) => read(at + MINUTE_MS, locum, client)),
        ],
      };
    },
  },
  {
    name: 'a recall by the whole front desk',
    what: 'on two days each of four opens 55 to 85 charts in the order of the list, one every 4 to 6 minutes',
    explanations: { unexplained: true },
    happen({ members, clients }, random) {
      return {
        days: 2,
        told: members
          .filter(({ role }) => role === 'frontdesk')
          .flatMap((member, quarter) =>
            [0, 1].flatMap((day) =>
              clients
                .slice(quarter * 100 + day * 10, quarter * 100 + day * 10 + random.between(55, 85))
                .map((client, index) =>
                  read(WEEK + day * DAY_MS + 8 * HOUR_MS + index * random.between(380, 400) * 1000, member, client),
                ),
            ),
          ),
      };
    },
  },
  {
    name: 'broken glass in an emergency',
    what: 'a clinician opens one to three charts at night, each behind broken glass with a reason',
    explanations: { break_glass: true },
    happen(world, random) {
      const member = clinicianOf(world, random);
      const glass = strangersOf(world, member, random.between(1, 3), random).map((client, index) => ({
        client,
        actor: member.id,
        at: WEEK + 22 * HOUR_MS + index * 5 * MINUTE_MS,
      }));
      return { days: 1, glass, told: glass.map(({ client, at }) => read(at + 20_000, member, client)) };
    },
  },
  { name: 'an ordinary week', what: 'five days as they always are', happen: () => ({ days: 5, told: [] }) },
];

export interface Outcome {
  readonly scenario: Scenario;
  /** Whether the alarm that is expected was raised. */
  readonly detected: boolean;
  /** The other alarms, save those on whoever is behind it. */
  readonly falseAlarms: readonly Alarm[];
  readonly explanations: ReadonlySet<Explanation>;
}

export interface Replay {
  run(scenario: Scenario, seed: number): Promise<Outcome>;
  close(): void;
}

const STEP_MS = HOUR_MS;

/** Tells the five weeks and keeps what was learnt from them. */
export async function prepareReplay(practice: Practice): Promise<Replay> {
  const random = generator(1);
  const clients: string[] = [];
  for (let index = 0; index < CLIENTS; index++)
    clients.push(await practice.client({ familyName: `Testcase-${String(index).padStart(5, '0')}` }));
  const member = async (role: Member['role'], index: number, own: readonly string[]): Promise<Member> => {
    const email = `${role}-${index}@clinic.example`;
    return { id: await practice.user(role, { email }), role, email, home: `192.0.2.${index + 1}`, clients: own };
  };
  const members: Member[] = [];
  for (let index = 0; index < 10; index++)
    members.push(
      await member(
        'clinician',
        index,
        clients.filter((_, place) => place % 10 === index),
      ),
    );
  for (let index = 10; index < 14; index++) members.push(await member('frontdesk', index, []));
  for (let index = 14; index < 16; index++) members.push(await member('admin', index, []));
  const locum = await member('clinician', 16, []);
  const world: World = { members, clients };

  const days = Array.from({ length: BASE_DAYS + 7 }, (_, day) => ordinaryDay(world, BEGIN + day * DAY_MS, random));
  const book = (bookings: readonly Booking[]) =>
    practice.owner(
      `INSERT INTO appointments (client_id, clinician_id, starts_at, ends_at, created_at)
       SELECT client, clinician, at, at + interval '30 minutes', at - interval '2 days'
       FROM json_to_recordset($1) AS visit (client uuid, clinician integer, at timestamptz)`,
      [JSON.stringify(bookings.map((each) => ({ ...each, at: new Date(each.at).toISOString() })))],
    );
  await book(days.flatMap(({ bookings }) => bookings));
  await practice.tell(days.slice(0, BASE_DAYS).flatMap(({ told }) => told));

  const folder = mkdtempSync(join(tmpdir(), 'clinic-replay-'));
  const base = join(folder, 'base.sqlite');
  const follow = (notebook: ReturnType<typeof openNotebook>) =>
    followLog({ query: practice.sentinel, notebook, now: () => WEEK + 8 * DAY_MS, auditKey: AUDIT_KEY });
  const learnt = openNotebook(base);
  await follow(learnt);
  const { seq } = learnt.position('events');
  learnt.close();

  return {
    async run(scenario, seed) {
      const happening = scenario.happen(world, generator(seed), locum);
      const { told, bookings = [], glass = [], actor, days: length } = happening;
      const during = days.slice(BASE_DAYS, BASE_DAYS + length).flatMap((day) => day.told);
      await book(bookings);
      for (const { client, actor: who, at } of glass)
        await practice.owner(
          `INSERT INTO break_glass (user_id, client_id, reason, begun_at, ends_at)
           VALUES ($1, $2, 'emergency', $3::timestamptz, $3::timestamptz + interval '1 hour')`,
          [who, client, new Date(at).toISOString()],
        );
      await practice.tell([...during, ...told].sort((a, b) => a.at - b.at));

      const file = join(folder, `run-${seed}.sqlite`);
      copyFileSync(base, file);
      const notebook = openNotebook(file);
      await follow(notebook);
      let detected = false;
      const wrong = new Set<Alarm>();
      const raise = (alarm: Alarm, by?: number) => {
        if (alarm === scenario.alarm && by === actor) detected = true;
        // What one person does may well show more than one pattern.
        else if (by === undefined || by !== actor) wrong.add(alarm);
      };
      for (let now = WEEK; now <= WEEK + length * DAY_MS; now += STEP_MS) {
        for (const pattern of attacksAt(notebook, now)) raise(pattern);
        if (now % (3 * HOUR_MS) === 0)
          for (const found of await patternsAt({
            notebook,
            now,
            volumes: volumes(notebook, now),
            placesOf: placesOf(practice.sentinel),
          }))
            raise(found.pattern, found.actor);
      }
      const concerned = told.map(({ actor: who }) => who);
      const explanations = new Set(
        notebook
          .all<{ explanation: Explanation; actor: number }>(
            'SELECT DISTINCT explanation, actor FROM accesses WHERE at >= ?',
            WEEK,
          )
          .filter(({ actor: who }) => concerned.includes(who))
          .map(({ explanation }) => explanation),
      );
      notebook.close();
      rmSync(file);
      await practice.owner(
        'BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM break_glass;' +
          `DELETE FROM audit_log WHERE seq > ${seq}; DELETE FROM appointments WHERE clinician_id = ${locum.id}; COMMIT`,
      );
      return {
        scenario,
        detected,
        falseAlarms: [...wrong],
        explanations,
      };
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export const ALARMS: readonly Alarm[] = [...SIGN_IN_ATTACKS, ...ACCESS_PATTERNS];
