import { early } from './early.ts';
import type { Telemetry } from './telemetry.ts';

let running: Promise<Telemetry | undefined> | undefined;

/** Loads the telemetry chunk when the document has loaded and the main thread is idle. Never throws. */
export function scheduleTelemetry(): void {
  const start = () => {
    running = import('./telemetry.ts').then(({ startTelemetry }) => startTelemetry()).catch(() => undefined); // offline, blocked, or a deployment in between: the page works without telemetry
  };
  const whenIdle = () =>
    (window.requestIdleCallback ?? setTimeout)(start, { timeout: 1_000 } as IdleRequestOptions & number);
  if (document.readyState === 'complete') whenIdle();
  else addEventListener('load', whenIdle, { once: true });
}

/** For sign-out: sends what waits once more and forgets all of it, in memory and in the tab's storage. */
export function clearTelemetry(): void {
  early.errors = [];
  early.items = [];
  running?.then((telemetry) => telemetry?.clear());
}
