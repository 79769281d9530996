/** What the practice expects of the clinic's speed and room, and is compared with what is measured. */

/** 95th percentile of the time to answer, in milliseconds, by `METHOD /template`. */
export const API_BASELINES = {
  'GET /api/clients': 300,
  'GET /api/clients/:id': 500,
  'POST /api/appointments': 400,
  'GET /api/appointments': 300,
  'POST /api/clinical-notes': 600,
  'GET /api/clinical-notes/:id': 400,
} as const;

/** 95th percentile of the time from opening a page until its content stands, in milliseconds, by page route. */
export const PAGE_BASELINES = {
  '/': 2000,
  '/clients': 2000,
  '/schedule': 2000,
  '/notes': 2000,
  '/clients/:id': 2500,
} as const;

/** 95th percentile of one statement's time on the seeded clinic, in milliseconds, by what kind of statement it is. */
export const SQL_BASELINES = {
  indexed_select: 50,
  join: 100,
  joins: 200,
  aggregate: 150,
} as const;

/** At so many users at once. */
export const USERS_BASELINE = 100;

/** Shares that may not be reached with {@link USERS_BASELINE} users. */
export const LOAD_BASELINES = {
  /** Of requests. */
  failures: 0.05,
  /** Of the connections that the pool may open. */
  connections: 0.8,
  /** Of the memory that docker-compose.yml allows the clinic. */
  memory: 0.7,
  /** Of one processor: the clinic's own code runs on one, however many there are. */
  cpu: 0.6,
} as const;

/** Limits of a load test, in milliseconds: of each step on the critical path, and of all requests together. 95th percentiles. */
export const STEP_BASELINES = {
  list_clients: 500,
  open_chart: 1000,
} as const;
export const REQUEST_BASELINE = 1000;

/** Days after which a measurement no longer says anything about the clinic of today. */
export const BASELINE_LIFETIME_DAYS = 90;
