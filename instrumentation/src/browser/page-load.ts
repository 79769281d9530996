/**
 * page_load: from the start of a navigation until the page's own data is painted. The first navigation is the document's,
 * later ones are seen by navigation.ts.
 *
 * Who leaves, or switches to another tab, before the page was ready counts with the time so far when that is over the limit
 * already. A page that was hidden sooner is not recorded: a hidden page paints nothing.
 */
import { LIMITS } from '@clinic/catalogue/limits';
import type { PageRoute } from '@clinic/catalogue/routes';
import { early, type Load } from './early.ts';
import { afterPaint } from './paint.ts';
import { routePattern } from './route-pattern.ts';

function record(load: Load): void {
  load.open = false;
  early.record('page_load', performance.now() - load.from, load);
}

/** The page is left or hidden. */
export function leavePage(): void {
  const { load } = early;
  if (load.open && load.p && performance.now() - load.from > LIMITS.page_load) record(load);
  load.open = false;
}
document.addEventListener('visibilitychange', leavePage, true);
addEventListener('pagehide', leavePage, true);

/** The page of this route is mounted. When `ready`, its load ends with the next paint; returns a function that cancels that. */
export function pageMounted(route: PageRoute, ready: boolean): (() => void) | undefined {
  const { load } = early;
  if (!load.open || !routePattern(route).test(location.pathname)) return;
  load.p = route;
  if (ready) return afterPaint(() => load.open && record(load));
}
