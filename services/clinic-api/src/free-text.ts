import { z } from 'zod';

// PostgreSQL stores every character but this one.
const NUL = '\0';

/** What a person writes, kept exactly as it is: it is data wherever it goes. Lengths in characters of JavaScript. */
export const freeText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !text.includes(NUL) && text.isWellFormed());
