const SECOND = 1000;
const DAY = 86_400 * SECOND;
const STEPS = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800];
/** A label and some air beside it, in pixels. */
const LABEL_WIDTH = 70;

/** Round times between two, in ms, and how to write them. */
export function timeTicks(from: number, to: number, width: number): { ticks: number[]; format: string } {
  const steps = STEPS.map((seconds) => seconds * SECOND);
  const step = steps.find((ms) => ((to - from) / ms) * LABEL_WIDTH < width) ?? 7 * DAY;
  const offset = new Date(from).getTimezoneOffset() * 60 * SECOND;
  const ticks: number[] = [];
  for (let at = Math.ceil((from - offset) / step) * step + offset; at <= to; at += step) ticks.push(at);
  if (step >= DAY) return { ticks, format: 'MM/DD' };
  if (to - from > DAY) return { ticks, format: 'MM/DD HH:mm' };
  return { ticks, format: step < 60 * SECOND ? 'HH:mm:ss' : 'HH:mm' };
}
