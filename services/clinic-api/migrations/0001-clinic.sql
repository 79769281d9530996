CREATE TABLE users (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email)),
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('clinician', 'frontdesk', 'admin')),
  password_hash text NOT NULL,
  synthetic boolean NOT NULL DEFAULT false
);

-- Only the hash of a token is kept: who reads this table cannot sign in.
CREATE TABLE sessions (
  token_hash bytea PRIMARY KEY,
  user_id integer NOT NULL REFERENCES users ON DELETE CASCADE,
  expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE clients (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  given_name text NOT NULL,
  family_name text NOT NULL,
  born_on date NOT NULL,
  email text NOT NULL,
  phone text NOT NULL,
  synthetic boolean NOT NULL DEFAULT false
);
CREATE INDEX clients_name ON clients (family_name, given_name, id);

CREATE TABLE appointments (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  client_id uuid NOT NULL REFERENCES clients ON DELETE CASCADE,
  clinician_id integer NOT NULL REFERENCES users,
  starts_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL CHECK (ends_at > starts_at),
  synthetic boolean NOT NULL DEFAULT false,
  -- One clinician, one appointment at a time. The id is written as a range because GiST indexes ranges without an extension.
  CONSTRAINT appointments_overlap EXCLUDE USING gist (
    int4range(clinician_id, clinician_id, '[]') WITH &&,
    tstzrange(starts_at, ends_at) WITH &&
  )
);
CREATE INDEX appointments_client ON appointments (client_id, starts_at);
