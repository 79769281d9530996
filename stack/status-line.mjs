/** How often a line that only says how far something is may be printed where it cannot be overwritten, in ms. */
const PLAIN_EVERY_MS = 30_000;

/**
 * One line at the end of a terminal that is written over and over, with lines that stay above it. Where the output is not a
 * terminal the line is printed now and then.
 * @typedef {{ log: (line: string) => void, status: (line: string) => void, clear: () => void }} StatusLine
 * @param {{ write: (text: string) => unknown, isTTY?: boolean, columns?: number }} [stream]
 * @param {() => number} [now] in ms
 * @returns {StatusLine}
 */
export function statusLine(stream = process.stderr, now = Date.now) {
  let shown = false;
  let printedAt = now();
  const clear = () => {
    if (shown) stream.write('\r\x1b[K');
    shown = false;
  };
  return {
    clear,
    log(line) {
      clear();
      stream.write(`${line}\n`);
      printedAt = now();
    },
    status(line) {
      if (stream.isTTY) {
        stream.write(`\r\x1b[K${line.slice(0, (stream.columns ?? 80) - 1)}`);
        shown = true;
      } else if (now() - printedAt >= PLAIN_EVERY_MS) {
        stream.write(`${line}\n`);
        printedAt = now();
      }
    },
  };
}
