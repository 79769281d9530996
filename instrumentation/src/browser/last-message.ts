/**
 * Sends what waits when the page goes away before the telemetry chunk has come: metrics, also those of calls and page loads with
 * their ids, and errors without their places. No spans, and no page but those that have said which they are.
 */
import { early } from './early.ts';
import { hexId } from './ids.ts';

addEventListener('pagehide', () => {
  const { id, drop, load } = early;
  const at = Date.now();
  const m = early.items.filter(({ mute }) => !mute).map(({ n, v, t, i, j, p }) => [n, +v.toFixed(1), t - at, i, j, p]);
  if (!m[0]) return; // also once the chunk has taken over
  navigator.sendBeacon('/telemetry', JSON.stringify({ v: 2, id, at, drop, p: load.p, m }));
  early.id = hexId(32);
  early.items = [];
  early.drop = 0;
});
