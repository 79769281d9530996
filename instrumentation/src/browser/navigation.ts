import { early } from './early.ts';
import { hexId } from './ids.ts';
import { leavePage } from './page-load.ts';

/**
 * Begins a load, with a trace of its own, whenever the path changes within the app: from the click, or from the call of
 * `history.pushState` or `replaceState`.
 */
export function watchNavigation(): void {
  let path = location.pathname;

  function moved(from: number): void {
    if (path === location.pathname) return;
    path = location.pathname;
    leavePage();
    early.load = { i: hexId(32), j: hexId(16), from, open: !document.hidden };
  }

  for (const method of ['pushState', 'replaceState'] as const) {
    const plain = history[method];
    history[method] = (...change) => {
      plain.apply(history, change);
      // The event that is being handled, if there is one: a click waits for the main thread before its handler runs.
      moved(window.event?.timeStamp ?? performance.now());
    };
  }
  addEventListener('popstate', (event) => moved(event.timeStamp));
}
