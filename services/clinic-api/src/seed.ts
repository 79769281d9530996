import { createHash } from 'node:crypto';
import type { Database } from './database.ts';
import { SCHEMA_LOCK } from './migrations.ts';
import { hashPassword } from './passwords.ts';

export interface SeedOptions {
  /** Password of the three accounts. */
  readonly password: string;
  readonly clients: number;
}

const USERS = [
  ['clinician@clinic.example', 'Synthetic Clinician', 'clinician'],
  ['frontdesk@clinic.example', 'Synthetic Front Desk', 'frontdesk'],
  ['admin@clinic.example', 'Synthetic Administrator', 'admin'],
] as const;

// No real person is called like this.
const GIVEN = ['Acacia', 'Birch', 'Cedar', 'Dahlia', 'Elder', 'Fern', 'Ginkgo', 'Hazel', 'Ivy', 'Juniper'];
const FAMILY = ['Testcase', 'Sampleton', 'Mockford', 'Fixture', 'Placeholder', 'Demoville', 'Examplar', 'Syntheson'];

/** Evenly spread numbers that follow from the index alone. */
const spread = (index: number, salt: string) =>
  createHash('sha256').update(`${salt}:${index}`).digest().readUInt32BE() / 2 ** 32;
const pick = <Item>(items: readonly Item[], share: number): Item => items[Math.floor(share * items.length)]!;

export interface SyntheticClient {
  readonly id: string;
  readonly given_name: string;
  readonly family_name: string;
  readonly born_on: string;
  readonly email: string;
  readonly phone: string;
}

/** The same index gives the same client everywhere. */
export function syntheticClient(index: number): SyntheticClient {
  const hex = createHash('sha256').update(`client:${index}`).digest('hex');
  const given = pick(GIVEN, spread(index, 'given'));
  const family = pick(FAMILY, spread(index, 'family'));
  const number = String(index).padStart(5, '0');
  const born = new Date(Date.UTC(1930, 0, 1) + Math.floor(spread(index, 'born') * 32_000) * 86_400_000);
  return {
    // The version digit 8 marks an identifier that is made by hand.
    id: `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`,
    given_name: given,
    family_name: `${family}-${number}`,
    born_on: born.toISOString().slice(0, 10),
    email: `client-${number}@clinic.example`,
    // 555-01xx is reserved for fiction.
    phone: `+1-202-555-01${String(index % 100).padStart(2, '0')}`,
  };
}

const SLOT_MS = 1_800_000;
const SLOTS_PER_DAY = 16;
const FIRST_DAY = Date.UTC(2026, 0, 5, 8);

/** Half an hour each, one after the other, sixteen a day from 8:00 UTC, weekends too. */
export const slotStart = (slot: number): string =>
  new Date(FIRST_DAY + Math.floor(slot / SLOTS_PER_DAY) * 86_400_000 + (slot % SLOTS_PER_DAY) * SLOT_MS).toISOString();

/** Fills an empty database with synthetic people; one that holds any user or client is left alone. Returns whether it did. */
export async function seed({ transaction }: Database, { password, clients }: SeedOptions): Promise<boolean> {
  return transaction(async (query) => {
    await query('SELECT pg_advisory_xact_lock($1)', [SCHEMA_LOCK]);
    const [state] = await query<{ used: boolean }>(
      'SELECT EXISTS (SELECT FROM users) OR EXISTS (SELECT FROM clients) AS used',
    );
    if (state?.used) return false;
    const ids: number[] = [];
    for (const [email, name, role] of USERS) {
      const [user] = await query<{ id: number }>(
        'INSERT INTO users (email, name, role, password_hash, synthetic) VALUES ($1, $2, $3, $4, true) RETURNING id',
        [email, name, role, await hashPassword(password)],
      );
      ids.push(user!.id);
    }
    const people = Array.from({ length: clients }, (_, index) => syntheticClient(index));
    await query(
      `INSERT INTO clients (id, given_name, family_name, born_on, email, phone, synthetic)
       SELECT id, given_name, family_name, born_on, email, phone, true
       FROM json_to_recordset($1) AS person
         (id uuid, given_name text, family_name text, born_on date, email text, phone text)`,
      [JSON.stringify(people)],
    );
    let slot = 0;
    const appointments = people.flatMap(({ id }, index) =>
      Array.from({ length: Math.floor(spread(index, 'visits') * 4) }, () => ({ client_id: id, at: slotStart(slot++) })),
    );
    await query(
      `INSERT INTO appointments (client_id, clinician_id, starts_at, ends_at, synthetic)
       SELECT client_id, $2, at, at + interval '30 minutes', true
       FROM json_to_recordset($1) AS visit (client_id uuid, at timestamptz)`,
      [JSON.stringify(appointments), ids[0]],
    );
    return true;
  });
}
