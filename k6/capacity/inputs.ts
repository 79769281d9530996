import { z } from 'zod';

const positive = z.number().positive();
const day = z.iso.date();

/** What the capacity report takes from people, each with where it comes from: k6/capacity/inputs.json. */
export const inputs = z.strictObject({
  date: day,
  slo: z.strictObject({ p95_ms: positive, source: z.string() }),
  demand: z.strictObject({ users: positive, seconds_between_requests: positive, source: z.string() }),
  /** Share of the capacity at which more has to be ordered. */
  headroom_at_most_used: z.number().gt(0).lt(1),
  /** 0.1 is 10 %. */
  growth_per_year: z
    .strictObject({ low: z.number(), high: z.number(), source: z.string() })
    .refine(({ low, high }) => low <= high, 'growth_per_year: low must not be above high'),
  /** Requests a second at the peak of each week, oldest first. */
  weekly_peaks: z.array(z.strictObject({ week: day, requests: positive })),
  growth_of_data: z.strictObject({
    appointments_per_user_and_day: positive,
    kilobytes_per_appointment: positive,
    source: z.string(),
  }),
  prices: z.strictObject({
    currency: z.string().length(3),
    source: z.string(),
    /** In this order: a core, a GB of disk, a GB of backup. */
    monthly: z.array(z.strictObject({ what: z.string(), per: z.enum(['core', 'GB']), price: positive })).length(3),
  }),
});

export type Inputs = z.output<typeof inputs>;
