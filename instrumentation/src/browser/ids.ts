/** Random hex digits: 32 for a trace id or the id of a page load, 16 for a span id. They are names, not secrets. */
export const hexId = (digits: 32 | 16): string =>
  'x'.repeat(digits).replace(/x/g, () => ((Math.random() * 16) | 0).toString(16));
