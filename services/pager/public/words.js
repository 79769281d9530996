/** @param {number} count @param {string} unit */
const some = (count, unit) => `${count} ${unit}`;

/**
 * A span of time as somebody says it, in two units at most: `42 s`, `12 min`, `2 h 5 min`, `3 d 4 h`.
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return some(seconds, 's');
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return some(minutes, 'min');
  const hours = Math.floor(minutes / 60);
  const [large, largeUnit, small, smallUnit] =
    hours < 24 ? [hours, 'h', minutes % 60, 'min'] : [Math.floor(hours / 24), 'd', hours % 24, 'h'];
  return small === 0 ? some(large, largeUnit) : `${some(large, largeUnit)} ${some(small, smallUnit)}`;
}

/**
 * How long something took, with as many digits as matter: `0.8 s`, `3.42 s`, `65 s`, `12 min`.
 * @param {number} ms
 */
export function took(ms) {
  if (ms >= 100_000) return duration(ms);
  const seconds = ms / 1000;
  return `${seconds < 10 ? Number(seconds.toFixed(2)) : Math.round(seconds)} s`;
}

/**
 * The local time of day, with the day when it is not today.
 * @param {number} time epoch milliseconds
 * @param {{ now: number, seconds?: boolean }} options
 */
export function clock(time, { now, seconds = false }) {
  const date = new Date(time);
  const hour = date.toLocaleTimeString('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds ? { second: '2-digit' } : {}),
  });
  if (date.toDateString() === new Date(now).toDateString()) return hour;
  return `${date.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short' })} ${hour}`;
}
