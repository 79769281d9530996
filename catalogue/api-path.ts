/** Holds for every path of routes.ts' API_ROUTES, with or without a query: small enough for what a page loads first. */
export const API_PATH: RegExp = /^\/(api\/|auth\b)/;
