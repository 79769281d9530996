import { UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { routePattern } from './route-pattern.ts';

/** Turns a path into one of the templates, or into `unknown`. The path itself is never kept. */
export function routeMatcher<Route extends string>(routes: readonly Route[]) {
  return (path: string): Route | typeof UNKNOWN_ROUTE =>
    routes.find((route) => routePattern(route).test(path)) ?? UNKNOWN_ROUTE;
}
