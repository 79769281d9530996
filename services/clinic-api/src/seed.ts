import { createHash } from 'node:crypto';
import { CANARY, CANARY_CLIENT_ID } from '@clinic/catalogue/canary';
import type { Database, Query } from './database.ts';
import type { DocumentStore } from './document-store.ts';
import { SCHEMA_LOCK } from './migrations.ts';
import { hashPassword } from './passwords.ts';

export interface SeedOptions {
  /** Password of the accounts. */
  readonly password: string;
  readonly clients: number;
  readonly store: Pick<DocumentStore, 'receive'>;
  /** Appointments lie around this day (in UTC); the same day and size give the same clinic. */
  readonly today: Date;
}

/** What was made. */
export type SeedCounts = Readonly<
  Record<
    | 'users'
    | 'clients'
    | 'appointments'
    | 'clinical_notes'
    | 'medications'
    | 'documents'
    | 'emails'
    | 'messages'
    | 'claims',
    number
  >
>;

// No real person is called like this.
const GIVEN = ['Acacia', 'Birch', 'Cedar', 'Dahlia', 'Elder', 'Fern', 'Ginkgo', 'Hazel', 'Ivy', 'Juniper'];
const FAMILY = ['Testcase', 'Sampleton', 'Mockford', 'Fixture', 'Placeholder', 'Demoville', 'Examplar', 'Syntheson'];
const CLINICIANS = ['Alder', 'Beech', 'Cypress', 'Elm', 'Fir', 'Hawthorn', 'Larch', 'Maple', 'Oak', 'Pine', 'Rowan'];

const MIN_CLINICIANS = 12;
const CLIENTS_PER_CLINICIAN = 167;
const APPOINTMENTS_PER_CLIENT = 20;
const MAX_DOCUMENTS = 40;

/** Evenly spread numbers that follow from the index alone. */
const spread = (index: number, salt: string) =>
  createHash('sha256').update(`${salt}:${index}`).digest().readUInt32BE() / 2 ** 32;
const pick = <Item>(items: readonly Item[], share: number): Item => items[Math.floor(share * items.length)]!;

/** The version digit 8 marks an identifier that is made by hand. */
const madeId = (hex: string) =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;

export interface SyntheticClient {
  readonly id: string;
  readonly given_name: string;
  readonly family_name: string;
  readonly born_on: string;
  readonly email: string;
  readonly phone: string;
  readonly address: string;
}

/** The same index gives the same client everywhere. */
export function syntheticClient(index: number): SyntheticClient {
  const hex = createHash('sha256').update(`client:${index}`).digest('hex');
  const given = pick(GIVEN, spread(index, 'given'));
  const family = pick(FAMILY, spread(index, 'family'));
  const number = String(index).padStart(5, '0');
  const born = new Date(Date.UTC(1930, 0, 1) + Math.floor(spread(index, 'born') * 32_000) * 86_400_000);
  return {
    id: madeId(hex),
    given_name: given,
    family_name: `${family}-${number}`,
    born_on: born.toISOString().slice(0, 10),
    email: `client-${number}@clinic.example`,
    // 555-01xx is reserved for fiction.
    phone: `+1-202-555-01${String(index % 100).padStart(2, '0')}`,
    address: `${1 + (index % 200)} Synthetic Street, Exampleton`,
  };
}

const canary: SyntheticClient = {
  id: CANARY_CLIENT_ID,
  given_name: CANARY.given_name,
  family_name: CANARY.family_name,
  born_on: '1977-07-13',
  email: CANARY.email,
  phone: CANARY.phone,
  address: CANARY.address,
};

interface SyntheticUser {
  readonly email: string;
  readonly name: string;
  readonly role: 'clinician' | 'frontdesk' | 'admin';
  /** Position among the users. */
  readonly supervisor?: number;
}

/** The three accounts that the documentation names come first. Two of the clinicians supervise the others. */
function syntheticUsers(clinicians: number): SyntheticUser[] {
  const two = (number: number) => String(number).padStart(2, '0');
  const second = 2 + Math.ceil(clinicians / 2);
  return [
    { email: 'clinician@clinic.example', name: 'Synthetic Clinician', role: 'clinician' },
    { email: 'frontdesk@clinic.example', name: 'Synthetic Front Desk', role: 'frontdesk' },
    { email: 'admin@clinic.example', name: 'Synthetic Administrator', role: 'admin' },
    ...Array.from({ length: clinicians - 1 }, (_, index): SyntheticUser => {
      const position = index + 3;
      return {
        email: `clinician-${two(index + 2)}@clinic.example`,
        name: `Synthetic ${CLINICIANS[index] ?? `Clinician ${two(index + 2)}`}`,
        role: 'clinician',
        ...(position !== second && { supervisor: position < second ? 0 : second }),
      };
    }),
    { email: 'frontdesk-02@clinic.example', name: 'Synthetic Reception', role: 'frontdesk' },
  ];
}

/**
 * Fills an empty database with synthetic people; one that holds any user or client is left alone. Resolves with what was made, or
 * undefined. Sizes follow from the number of clients: 20 appointments and 10 notes each, 12 clinicians or one for 167.
 */
export async function seed(
  { transaction }: Pick<Database, 'transaction'>,
  { password, clients, store, today }: SeedOptions,
): Promise<SeedCounts | undefined> {
  return transaction(async (query) => {
    await query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
    const [state] = await query<{ used: boolean }>(
      'SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM clients) AS used',
    );
    if (state?.used) return undefined;
    // What is made at once is written at once by the checkpoint that follows, so that this may wait for no disk.
    await query('SET LOCAL synchronous_commit = off');
    // Each row is made from the row that it refers to; asking again for each took half of the time.
    await query('SET LOCAL session_replication_role = replica');
    await query("SET LOCAL work_mem = '64MB'");
    await query("SET LOCAL maintenance_work_mem = '64MB'");
    const clinicians = Math.max(MIN_CLINICIANS, Math.ceil(clients / CLIENTS_PER_CLINICIAN));
    await addUsers(query, clinicians, await hashPassword(password));
    await addClients(query, clients);
    await addAppointments(query, { clients, clinicians, today });
    await addRecords(query, today);
    const documents = await addDocuments(query, { clients, store, today });
    await query(
      'ANALYZE users, clients, appointments, clinical_notes, medications, documents, emails, messages, claims',
    );
    const [counts] = await query<Omit<Record<keyof SeedCounts, number>, 'documents'>>(
      ['users', 'clients', 'appointments', 'clinical_notes', 'medications', 'emails', 'messages', 'claims']
        .map((table) => `(SELECT count(*)::int FROM ${table}) AS ${table}`)
        .reduce((sql, count, index) => `${sql}${index === 0 ? ' ' : ', '}${count}`, 'SELECT'),
    );
    return { ...counts!, documents };
  });
}

/** One hash for all: they share one password, and each hash costs 30 ms. */
async function addUsers(query: Query, clinicians: number, hash: string): Promise<void> {
  const users = syntheticUsers(clinicians);
  await query(
    `INSERT INTO users (email, name, role, password_hash, synthetic)
     SELECT email, name, role, $2, true
     FROM json_to_recordset($1) AS account (email text, name text, role text, position int) ORDER BY position`,
    [JSON.stringify(users.map((user, position) => ({ ...user, position }))), hash],
  );
  const supervised = users.flatMap(({ email, supervisor }) =>
    supervisor === undefined ? [] : [{ email, supervisor: users[supervisor]!.email }],
  );
  await query(
    `UPDATE users SET supervisor_id = supervisor.id
     FROM json_to_recordset($1) AS pair (email text, supervisor text) JOIN users AS supervisor ON supervisor.email = pair.supervisor
     WHERE users.email = pair.email`,
    [JSON.stringify(supervised)],
  );
}

const CLIENTS_AT_ONCE = 10_000;

/** Numbered, with the place of their clinician: the other rows are made from these numbers. The last client is the canary. */
async function addClients(query: Query, clients: number): Promise<void> {
  await query('CREATE TEMP TABLE seed_clients (n int PRIMARY KEY, id uuid NOT NULL) ON COMMIT DROP');
  await query(`CREATE TEMP TABLE seed_clinicians ON COMMIT DROP AS
    SELECT (row_number() OVER (ORDER BY id) - 1)::int AS c, id FROM users WHERE role = 'clinician'`);
  for (let from = 0; from < clients; from += CLIENTS_AT_ONCE) {
    const people = Array.from({ length: Math.min(CLIENTS_AT_ONCE, clients - from) }, (_, index) => {
      const n = from + index;
      return { n, ...(n === clients - 1 ? canary : syntheticClient(n)) };
    });
    await query(
      `WITH people AS (
         SELECT * FROM json_to_recordset($1) AS person
           (n int, id uuid, given_name text, family_name text, born_on date, email text, phone text, address text)
       ), numbered AS (INSERT INTO seed_clients SELECT n, id FROM people)
       INSERT INTO clients (id, given_name, family_name, born_on, email, phone, address, primary_clinician_id, synthetic)
       SELECT people.id, given_name, family_name, born_on, email, phone, address, clinician.id, true
       FROM people JOIN seed_clinicians AS clinician ON c = n % (SELECT count(*) FROM seed_clinicians)`,
      [JSON.stringify(people)],
    );
  }
  await query('ANALYZE seed_clients, seed_clinicians');
}

/** A whole number from 0 to 999 that follows from its arguments alone, as SQL. */
const chance = (salt: string, ...of: string[]) =>
  `('x' || substr(md5('${salt}:' || ${of.join(` || ':' || `)}), 1, 8))::bit(32)::bigint % 1000`;

/**
 * Half an hour each, at most ten of a day's sixteen from 8:00 UTC, so that some time is free; weekends too, so that every day has
 * some. They go on for two weeks. A clinician sees the own clients, and sometimes one of a colleague.
 */
async function addAppointments(
  query: Query,
  { clients, clinicians, today }: { clients: number; clinicians: number; today: Date },
): Promise<void> {
  const each = Math.ceil((clients * APPOINTMENTS_PER_CLIENT) / clinicians);
  const perDay = Math.min(10, Math.max(1, Math.ceil(each / 334)));
  const days = Math.ceil(each / perDay);
  const ahead = Math.min(14, Math.ceil(days / 4));
  // The constraint's index is built from all rows at once: five times as fast as row by row.
  const [constraint] = await query<{ definition: string }>(
    "SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conname = 'appointments_overlap'",
  );
  await query('ALTER TABLE appointments DROP CONSTRAINT appointments_overlap');
  await query(
    `INSERT INTO appointments (id, client_id, clinician_id, starts_at, ends_at, state, created_by, created_at, synthetic)
     SELECT md5('appointment:' || c || ':' || k)::uuid, client.id, clinician.id, starts_at, starts_at + interval '30 minutes',
       CASE
         WHEN starts_at < $6 THEN CASE WHEN luck < 880 THEN 'completed' WHEN luck < 930 THEN 'missed' ELSE 'cancelled' END
         WHEN luck < 950 THEN 'booked' ELSE 'cancelled'
       END,
       desk.id, least(starts_at - interval '14 days', $6), true
     FROM seed_clinicians AS clinician
     CROSS JOIN generate_series(0, $2::int - 1) AS k
     CROSS JOIN LATERAL (
       SELECT k / $3::int - ($4::int - $5::int) AS day, ((k % $3::int) * 8 / 5 + c * 3) % 16 AS slot,
         ${chance('state', 'c', 'k')} AS luck, ${chance('own', 'c', 'k')} AS own,
         ('x' || substr(md5('client:' || c || ':' || k), 1, 7))::bit(28)::int AS any_client
     ) AS made
     CROSS JOIN LATERAL (SELECT $6::timestamptz + make_interval(hours => day * 24 + 8, mins => slot * 30) AS starts_at) AS timed
     JOIN seed_clients AS client ON client.n = CASE
       WHEN own < 920 AND c < $1::int THEN c + $7::int * (any_client % (($1::int - c - 1) / $7::int + 1))
       ELSE any_client % $1::int
     END
     CROSS JOIN (SELECT id FROM users WHERE role = 'frontdesk' ORDER BY id LIMIT 1) AS desk
     WHERE k * $7::int + c < $1::int * ${APPOINTMENTS_PER_CLIENT}`,
    [clients, each, perDay, days, ahead, today, clinicians],
  );
  await query(`ALTER TABLE appointments ADD CONSTRAINT appointments_overlap ${constraint!.definition}`);
}

/** Notes, medications, mails, messages and claims, from the appointments. */
async function addRecords(query: Query, today: Date): Promise<void> {
  await query(
    `INSERT INTO clinical_notes (id, client_id, appointment_id, author_id, written_at, signed_at, kind, body, synthetic)
     SELECT md5('note:' || id)::uuid, client_id, id, clinician_id, written_at,
       CASE WHEN written_at < $1::timestamptz - interval '5 days' OR ${chance('signed', 'id')} < 500 THEN written_at + interval '20 minutes' END,
       (ARRAY['progress', 'progress', 'progress', 'progress', 'phone', 'treatment_plan', 'intake'])[1 + ${chance('kind', 'id')} % 7],
       'Synthetic note. Nobody said this and nobody wrote it. Attended on time; goals of the plan were reviewed; sleep and mood were '
         || (ARRAY['better', 'unchanged', 'worse'])[1 + ${chance('mood', 'id')} % 3]
         || ' than at the last visit; the next steps were agreed on. Reference ' || substr(md5('body:' || id), 1, 12) || '.',
       true
     FROM appointments CROSS JOIN LATERAL (SELECT ends_at + interval '5 minutes' AS written_at) AS written
     WHERE state = 'completed' AND ${chance('note', 'id')} < 580`,
    [today],
  );
  await query(
    `INSERT INTO medications (id, client_id, prescribed_by, name, dose, started_on, ended_on, synthetic)
     SELECT md5('medication:' || n || ':' || i)::uuid, client.id, primary_clinician_id,
       (ARRAY['Samplazine', 'Testopram', 'Mockazepam', 'Fixturil', 'Placebone'])[1 + ${chance('medication', 'n', 'i')} % 5],
       (ARRAY['5 mg, once a day', '10 mg, once a day', '25 mg, twice a day'])[1 + ${chance('dose', 'n', 'i')} % 3],
       started_on, CASE WHEN i > 0 THEN started_on + 90 END, true
     FROM seed_clients JOIN clients AS client USING (id)
     CROSS JOIN generate_series(0, 2) AS i
     CROSS JOIN LATERAL (SELECT ($1::timestamptz AT TIME ZONE 'UTC')::date - 30 - (${chance('started', 'n', 'i')})::int AS started_on) AS made
     WHERE ${chance('medicated', 'n', 'i')} < 500`,
    [today],
  );
  // Of the last 30 days, told and done: none waits to be sent, so that what is sent is what somebody did.
  await query(
    `INSERT INTO emails
       (id, client_id, appointment_id, kind, recipient, state, attempts, created_at, next_attempt_at, changed_at, synthetic)
     SELECT md5('email:' || appointments.id)::uuid, client_id, appointments.id, 'appointment_reminder', email,
       CASE WHEN luck < 965 THEN 'delivered' WHEN luck < 985 THEN 'bounced' WHEN luck < 995 THEN 'sent' ELSE 'deferred' END,
       CASE WHEN luck < 950 THEN 1 ELSE 2 END, told_at, 'infinity', told_at + interval '4 seconds', true
     FROM appointments JOIN clients ON clients.id = client_id
     CROSS JOIN LATERAL (SELECT starts_at - interval '24 hours' AS told_at, ${chance('email', 'appointments.id')} AS luck) AS told
     WHERE state <> 'cancelled' AND told_at BETWEEN $1::timestamptz - interval '30 days' AND $1`,
    [today],
  );
  // From the own clinician, and one in ten from a colleague who takes over.
  await query(
    `INSERT INTO messages (id, client_id, user_id, sent_at, body, synthetic)
     SELECT md5('message:' || n || ':' || i)::uuid, seed_clients.id, clinician.id,
       $1::timestamptz - make_interval(hours => ((${chance('sent', 'n', 'i')}) * 2 + 1)::int),
       'Synthetic message. Nobody sent this: please bring the form along to the next visit.', true
     FROM seed_clients CROSS JOIN generate_series(0, 1) AS i
     JOIN seed_clinicians AS clinician
       ON c = (n + CASE WHEN ${chance('colleague', 'n', 'i')} < 100 THEN 1 ELSE 0 END) % (SELECT count(*) FROM seed_clinicians)`,
    [today],
  );
  await query(
    `INSERT INTO claims (id, client_id, prepared_by, prepared_at, amount_cents, synthetic)
     SELECT md5('claim:' || id)::uuid, client_id, desk, ends_at + interval '1 day', (8000 + ${chance('amount', 'id')} * 12)::int, true
     FROM appointments CROSS JOIN (SELECT min(id) AS desk FROM users WHERE role = 'frontdesk') AS office
     WHERE state = 'completed' AND ends_at < $1::timestamptz - interval '1 day' AND ${chance('claim', 'id')} < 250`,
    [today],
  );
  await query(`UPDATE medications SET name = $2 WHERE client_id = $1`, [CANARY_CLIENT_ID, CANARY.medication]);
  await query('UPDATE messages SET body = body || $2 WHERE client_id = $1', [CANARY_CLIENT_ID, ` ${CANARY.message}`]);
  await query(
    `INSERT INTO clinical_notes (id, client_id, author_id, written_at, signed_at, kind, body, synthetic)
     SELECT md5('note:canary')::uuid, id, primary_clinician_id, $2::timestamptz - interval '40 days', $2::timestamptz - interval '40 days',
       'intake', $3, true
     FROM clients WHERE id = $1`,
    [CANARY_CLIENT_ID, today, `Synthetic note about nobody: ${CANARY.note}.`],
  );
}

/** Small files, of the first clients and of the canary. */
async function addDocuments(
  query: Query,
  { clients, store, today }: { clients: number; store: Pick<DocumentStore, 'receive'>; today: Date },
): Promise<number> {
  const count = Math.min(MAX_DOCUMENTS, clients);
  for (let index = 0; index < count; index++) {
    const last = index === count - 1;
    const hex = createHash('sha256').update(`document:${index}`).digest('hex');
    const id = madeId(hex);
    const text = last ? CANARY.document : `Reference ${hex.slice(40, 52)}`;
    const file = await store.receive(id, [Buffer.from(`Synthetic document. Nobody wrote this.\n${text}\n`)]);
    await file.keep();
    await query(
      `INSERT INTO documents (id, client_id, uploaded_by, uploaded_at, name, media_type, size_bytes, sha256, synthetic)
       SELECT $1, clients.id, primary_clinician_id, $3::timestamptz - make_interval(hours => $4), $5, 'text/plain', $6, $7, true
       FROM clients JOIN seed_clients USING (id) WHERE n = $2`,
      [
        id,
        last ? clients - 1 : index,
        today,
        index * 7 + 1,
        last ? CANARY.document_name : `synthetic-${String(index + 1).padStart(3, '0')}.txt`,
        file.size,
        file.sha256,
      ],
    );
  }
  return count;
}
