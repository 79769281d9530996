import { visibleSince } from './early.ts';

/**
 * Calls back after the next paint; not at all if the page is hidden before. Call it when the DOM has been changed.
 * Returns a function that cancels.
 */
export function afterPaint(done: () => void): () => void {
  const start = performance.now();
  let task: ReturnType<typeof setTimeout>;
  // A frame's callback runs just before the paint; a task that it posts runs just after.
  const frame = requestAnimationFrame(() => {
    task = setTimeout(() => visibleSince(start) && done());
  });
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(task);
  };
}
