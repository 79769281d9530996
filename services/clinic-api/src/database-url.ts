import { z } from 'zod';

/** Where the database is, and as whom to sign in. */
export const databaseUrl = z
  .url({ protocol: /^postgres(?:ql)?$/, error: 'must be a postgres:// URL without a password' })
  .refine((text) => new URL(text).password === '', 'must not hold a password: put it into DATABASE_PASSWORD_FILE');
