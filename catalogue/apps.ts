/**
 * Your own apps, beside the clinic. What is listed here may be observed: `npm run build` tells the Collector, and
 * `npm run package` makes the library that knows it. A word that another list of the catalogue has already is not repeated.
 */

/** Names under which they report: letters, digits and hyphens, for example `shop-api`. */
export const APP_SERVICES = [] as const;

/** Route templates of pages, of what is timed as `api_call`, and of what else is served. */
export const APP_PAGES = [] as const;
export const APP_API = [] as const;
export const APP_OTHER_ROUTES = [] as const;

/** Tables of their databases, hosts that they call, and names that they time. */
export const APP_TABLES = [] as const;
export const APP_HOSTS = [] as const;
export const APP_METRICS = [] as const;

/** Host and port of each service's `/metrics`, as the Collector reaches it. */
export const APP_TARGETS = {} as const satisfies Readonly<Record<string, string>>;
