import { z } from 'zod';

export const PAGE_SIZE = 25;

/** `?page=`, the first being 1. */
export const page = z
  .string()
  .regex(/^[1-9]\d{0,4}$/)
  .default('1')
  .transform(Number);

/** Values of `LIMIT` and `OFFSET`. */
export const rowsOf = (number: number): [limit: number, offset: number] => [PAGE_SIZE, (number - 1) * PAGE_SIZE];
