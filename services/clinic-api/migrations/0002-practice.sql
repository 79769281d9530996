-- Roles of the database. Their passwords, and the right to sign in, come from the program that migrates.
DO $$
DECLARE name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['clinic_app', 'clinic_sentinel', 'clinic_backup'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
END $$;
ALTER ROLE clinic_backup REPLICATION;

ALTER TABLE users
  ADD COLUMN active boolean NOT NULL DEFAULT true,
  ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
  -- Encrypted by the application: who reads this table cannot make codes.
  ADD COLUMN totp_secret bytea,
  ADD COLUMN totp_enrolled_at timestamptz,
  -- The time step of the last code that was accepted: none is accepted twice.
  ADD COLUMN totp_last_step bigint NOT NULL DEFAULT 0,
  ADD COLUMN supervisor_id integer REFERENCES users;

-- Failed sign-ins of an account: from one source, and (source of zeros) from all together. Accounts that do not exist have
-- rows as well, so that nobody can tell. Both are keyed hashes, as in audit_log. A source from which the account signed in
-- before is not kept out by what others do.
CREATE TABLE sign_in_attempts (
  account bytea NOT NULL CHECK (length(account) = 32),
  source bytea NOT NULL CHECK (length(source) = 32),
  failures integer NOT NULL DEFAULT 0,
  failed_at timestamptz NOT NULL DEFAULT now(),
  succeeded_at timestamptz,
  PRIMARY KEY (account, source)
);
CREATE INDEX sign_in_attempts_failed_at ON sign_in_attempts (failed_at);

CREATE TABLE recovery_codes (
  user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
  code_hash bytea NOT NULL,
  used_at timestamptz,
  PRIMARY KEY (user_id, code_hash)
);

ALTER TABLE sessions
  ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN last_seen_at timestamptz NOT NULL DEFAULT now(),
  -- An enrolment session may do nothing but enrol a second factor.
  ADD COLUMN scope text NOT NULL DEFAULT 'full' CHECK (scope IN ('full', 'enrolment')),
  ADD COLUMN second_factor boolean NOT NULL DEFAULT false;
CREATE INDEX sessions_user ON sessions (user_id);

ALTER TABLE clients
  ADD COLUMN address text NOT NULL DEFAULT '',
  ADD COLUMN primary_clinician_id integer REFERENCES users,
  ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX clients_primary_clinician ON clients (primary_clinician_id);
-- "begins with", whatever the case, of either name.
CREATE INDEX clients_family_prefix ON clients (lower(family_name) text_pattern_ops);
CREATE INDEX clients_given_prefix ON clients (lower(given_name) text_pattern_ops);

-- Seconds since 1970, of each clinician in a range of its own: as one range, of whole numbers, an SP-GiST index is three times as
-- quick as GiST over two columns, and needs no extension.
CREATE FUNCTION clinician_time(clinician integer, starts timestamptz, ends timestamptz) RETURNS int8range
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN int8range(
    clinician * 1000000000000 + extract(epoch FROM starts AT TIME ZONE 'UTC')::bigint,
    clinician * 1000000000000 + extract(epoch FROM ends AT TIME ZONE 'UTC')::bigint
  );

ALTER TABLE appointments
  ADD COLUMN state text NOT NULL DEFAULT 'booked' CHECK (state IN ('booked', 'completed', 'cancelled', 'missed')),
  ADD COLUMN created_by integer REFERENCES users,
  ADD COLUMN created_at timestamptz NOT NULL DEFAULT now(),
  -- Parts of a second would be lost where overlaps are looked for.
  ADD CONSTRAINT appointments_whole_seconds CHECK (
    extract(microseconds FROM starts_at AT TIME ZONE 'UTC')::bigint % 1000000 = 0
    AND extract(microseconds FROM ends_at AT TIME ZONE 'UTC')::bigint % 1000000 = 0
  ),
  DROP CONSTRAINT appointments_overlap,
  ADD CONSTRAINT appointments_overlap EXCLUDE USING spgist (
    clinician_time(clinician_id, starts_at, ends_at) WITH &&
  ) WHERE (state <> 'cancelled');
CREATE INDEX appointments_starts_at ON appointments (starts_at);
CREATE INDEX appointments_clinician ON appointments (clinician_id, starts_at);

CREATE TABLE clinical_notes (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id uuid NOT NULL REFERENCES clients ON DELETE RESTRICT,
  appointment_id uuid REFERENCES appointments ON DELETE RESTRICT,
  author_id integer NOT NULL REFERENCES users,
  written_at timestamptz NOT NULL DEFAULT now(),
  signed_at timestamptz,
  kind text NOT NULL CHECK (kind IN ('progress', 'intake', 'treatment_plan', 'phone')),
  body text NOT NULL CHECK (length(body) BETWEEN 1 AND 20000),
  synthetic boolean NOT NULL DEFAULT false
);
CREATE INDEX clinical_notes_client ON clinical_notes (client_id, written_at DESC);
CREATE INDEX clinical_notes_author ON clinical_notes (author_id, (signed_at IS NOT NULL), written_at DESC);

-- A signed note is a record: what has to be added is a note of its own. The application may not even try: it may sign, no more.
CREATE FUNCTION refuse_change_of_signed_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a signed note cannot be changed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER clinical_notes_signed BEFORE UPDATE OR DELETE ON clinical_notes
  FOR EACH ROW WHEN (OLD.signed_at IS NOT NULL) EXECUTE FUNCTION refuse_change_of_signed_note();

CREATE TABLE medications (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id uuid NOT NULL REFERENCES clients ON DELETE RESTRICT,
  prescribed_by integer NOT NULL REFERENCES users,
  name text NOT NULL,
  dose text NOT NULL,
  started_on date NOT NULL,
  ended_on date CHECK (ended_on >= started_on),
  synthetic boolean NOT NULL DEFAULT false
);
CREATE INDEX medications_client ON medications (client_id);

-- The bytes are in the file store, under the document's id.
CREATE TABLE documents (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id uuid NOT NULL REFERENCES clients ON DELETE RESTRICT,
  uploaded_by integer NOT NULL REFERENCES users,
  uploaded_at timestamptz NOT NULL DEFAULT now(),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  media_type text NOT NULL,
  size_bytes integer NOT NULL CHECK (size_bytes >= 0),
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  synthetic boolean NOT NULL DEFAULT false
);
CREATE INDEX documents_client ON documents (client_id, uploaded_at DESC);
CREATE INDEX documents_uploaded_at ON documents (uploaded_at DESC, id);

-- The outbox: written in the transaction that gives the reason for the mail.
CREATE TABLE emails (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id uuid REFERENCES clients ON DELETE RESTRICT,
  appointment_id uuid REFERENCES appointments ON DELETE RESTRICT,
  kind text NOT NULL CHECK (kind IN ('appointment_booked', 'appointment_reminder', 'document_ready')),
  recipient text NOT NULL,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'sent', 'delivered', 'bounced', 'deferred')),
  -- Answers of the mail server, not connections that failed.
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- 'infinity' once the mail server has taken it: what it defers then, it tries again itself.
  next_attempt_at timestamptz NOT NULL DEFAULT now(),
  changed_at timestamptz NOT NULL DEFAULT now(),
  synthetic boolean NOT NULL DEFAULT false
);
CREATE INDEX emails_due ON emails (next_attempt_at) WHERE state IN ('queued', 'deferred');
CREATE INDEX emails_changed_at ON emails (changed_at);
CREATE INDEX emails_client ON emails (client_id, created_at);

-- Reasons for a colleague to open a chart, besides appointments, notes and treatment.
CREATE TABLE messages (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id uuid NOT NULL REFERENCES clients ON DELETE RESTRICT,
  user_id integer NOT NULL REFERENCES users,
  sent_at timestamptz NOT NULL DEFAULT now(),
  body text NOT NULL CHECK (length(body) BETWEEN 1 AND 5000),
  synthetic boolean NOT NULL DEFAULT false
);
CREATE INDEX messages_client ON messages (client_id, sent_at);
CREATE TABLE claims (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id uuid NOT NULL REFERENCES clients ON DELETE RESTRICT,
  prepared_by integer NOT NULL REFERENCES users,
  prepared_at timestamptz NOT NULL DEFAULT now(),
  amount_cents integer NOT NULL CHECK (amount_cents >= 0),
  synthetic boolean NOT NULL DEFAULT false
);
CREATE INDEX claims_client ON claims (client_id, prepared_at);
CREATE TABLE break_glass (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id integer NOT NULL REFERENCES users,
  client_id uuid NOT NULL REFERENCES clients ON DELETE RESTRICT,
  reason text NOT NULL CHECK (reason IN ('emergency', 'covering_colleague', 'client_request', 'legal_duty')),
  begun_at timestamptz NOT NULL DEFAULT now(),
  ends_at timestamptz NOT NULL
);
CREATE INDEX break_glass_client ON break_glass (client_id, user_id, begun_at);

-- Who did what, in an order that cannot be changed: each row holds the hash of the one before it. Ids, listed words and keyed
-- hashes only. Every text is bound to a shape without the separator, so that what is hashed can be read in one way only.
CREATE TABLE audit_log (
  seq bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  actor_id integer,
  actor_role text CHECK (actor_role ~ '^[a-z_]{1,40}$'),
  action text NOT NULL CHECK (action ~ '^[a-z_]{1,40}$'),
  outcome text NOT NULL CHECK (outcome IN ('allowed', 'refused')),
  -- A listed word: why it was refused, or the reason given for breaking the glass.
  reason text CHECK (reason ~ '^[a-z_]{1,40}$'),
  client_id uuid,
  -- The note, appointment, document, user or session it was about.
  resource_id text CHECK (resource_id ~ '^[0-9a-f-]{1,64}$'),
  -- HMAC-SHA-256 of the network address, and of the account name that was typed, under a key that the database does not hold.
  source bytea CHECK (length(source) = 32),
  account bytea CHECK (length(account) = 32),
  trace_id text CHECK (trace_id ~ '^[0-9a-f]{32}$'),
  previous_hash bytea NOT NULL CHECK (length(previous_hash) = 32),
  hash bytea NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX audit_log_at ON audit_log (at);
CREATE INDEX audit_log_client ON audit_log (client_id, at);
CREATE INDEX audit_log_actor ON audit_log (actor_id, at);

-- One after the other: the lock is held until the transaction ends, so it is taken by the last statement of a transaction.
CREATE FUNCTION chain_audit_log() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
  -- Without pg_temp at the end, a temporary table of this name would be read in place of the log.
  SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(7313002);
  SELECT seq + 1, hash INTO NEW.seq, NEW.previous_hash FROM public.audit_log ORDER BY seq DESC LIMIT 1;
  IF NOT FOUND THEN
    NEW.seq := 1;
    NEW.previous_hash := sha256('clinic audit log');
  END IF;
  NEW.at := clock_timestamp();
  NEW.hash := sha256(convert_to(concat_ws('|',
    encode(NEW.previous_hash, 'hex'),
    NEW.seq,
    (extract(epoch FROM NEW.at) * 1000000)::bigint,
    coalesce(NEW.actor_id::text, ''),
    coalesce(NEW.actor_role, ''),
    NEW.action,
    NEW.outcome,
    coalesce(NEW.reason, ''),
    coalesce(NEW.client_id::text, ''),
    coalesce(NEW.resource_id, ''),
    coalesce(encode(NEW.source, 'hex'), ''),
    coalesce(encode(NEW.account, 'hex'), ''),
    coalesce(NEW.trace_id, '')), 'UTF8'));
  RETURN NEW;
END $$;
CREATE TRIGGER audit_log_chain BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION chain_audit_log();

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO clinic_app;
REVOKE INSERT, UPDATE, DELETE ON schema_migrations FROM clinic_app;
REVOKE UPDATE, DELETE ON audit_log, break_glass FROM clinic_app;
REVOKE UPDATE ON clinical_notes, documents FROM clinic_app;
GRANT UPDATE (signed_at) ON clinical_notes TO clinic_app;
REVOKE DELETE ON users, clients, appointments, clinical_notes, medications, documents, emails, messages, claims FROM clinic_app;
-- Nothing that signs somebody in, and nothing that somebody wrote: whether it is there can be counted without reading it.
GRANT SELECT ON ALL TABLES IN SCHEMA public TO clinic_sentinel;
REVOKE SELECT ON recovery_codes, sessions, sign_in_attempts, users, clinical_notes, messages FROM clinic_sentinel;
GRANT SELECT (id, email, name, role, synthetic, active, created_at, totp_enrolled_at, supervisor_id)
  ON users TO clinic_sentinel;
GRANT SELECT (id, client_id, appointment_id, author_id, written_at, signed_at, kind, synthetic)
  ON clinical_notes TO clinic_sentinel;
GRANT SELECT (id, client_id, user_id, sent_at, synthetic) ON messages TO clinic_sentinel;
GRANT INSERT ON audit_log TO clinic_sentinel;
GRANT pg_monitor TO clinic_sentinel;
-- Who may copy the whole cluster can read it anyway; with this it can also say what a backup holds.
GRANT pg_read_all_data TO clinic_backup;
