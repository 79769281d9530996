import { early } from './early.ts';
import './last-message.ts';

document.addEventListener(
  'visibilitychange',
  ({ timeStamp }) => {
    early.turned = timeStamp;
  },
  true,
);

/** Loads the telemetry chunk when the document has loaded and the main thread is idle. Never throws. */
export function scheduleTelemetry(): void {
  const start = () => {
    import('./telemetry.ts').catch(() => {}); // offline, blocked, or a deployment in between: the page works without telemetry
  };
  const whenIdle = () =>
    (window.requestIdleCallback ?? setTimeout)(start, { timeout: 1_000 } as IdleRequestOptions & number);
  if (document.readyState === 'complete') whenIdle();
  else addEventListener('load', whenIdle);
}

/** For sign-out: sends what waits once more and forgets all of it, in memory and in the browser's storage. */
export const clearTelemetry = (): void => early.clear();
