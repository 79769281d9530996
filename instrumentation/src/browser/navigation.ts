import { early } from './early.ts';
import { hexId } from './ids.ts';
import { leavePage } from './page-load.ts';

/**
 * Begins a load, with a trace of its own, whenever the path changes within the app: from the click, or from the call of
 * `history.pushState` or `replaceState`. A replacement before the page was ready is a redirect, and the same load goes on.
 */
let path = location.pathname;

function moved(from: number, redirect?: boolean): void {
  if (path === location.pathname) return;
  path = location.pathname;
  if (redirect && early.load.open) return;
  leavePage();
  early.load = { i: hexId(32), j: hexId(16), from, open: !document.hidden };
}

for (const method of ['pushState', 'replaceState'] as const) {
  const plain = history[method];
  history[method] = (...change) => {
    plain.apply(history, change);
    // The event that is being handled, if there is one: a click waits for the main thread before its handler runs.
    moved(window.event?.timeStamp ?? performance.now(), method !== 'pushState');
  };
}
addEventListener('popstate', (event) => moved(event.timeStamp));
