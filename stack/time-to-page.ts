/**
 * `npm run perf:time-to-page -- [--runs N]`: drills N fresh stacks, one after the other, and tells how long the page took from the end of
 * the sixth slow page load, in seconds. About 40 s a run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { read } from './commands.mjs';
import { pageDrill, runningStack } from './page-drill.ts';
import { freePortOffset } from './port-offset.ts';
import { startStack } from './run.ts';

const ROOT = join(import.meta.dirname, '..');

async function once(): Promise<number> {
  const state = mkdtempSync(join(tmpdir(), 'clinic-time-to-page-'));
  const portOffset = await freePortOffset(ROOT);
  const stack = await startStack({ root: ROOT, state, portOffset });
  try {
    const { timeToPageMs } = await pageDrill(runningStack(state, portOffset), () => {});
    return timeToPageMs / 1000;
  } finally {
    await stack.stop();
    rmSync(state, { recursive: true, force: true });
  }
}

const runs = Number(read('perf:time-to-page', process.argv.slice(2)).values.runs);
const seconds: number[] = [];
for (let run = 1; run <= runs; run++) {
  const time = await once();
  seconds.push(time);
  console.log(`run ${run} of ${runs}: ${time.toFixed(2)} s`);
}
seconds.sort((a, b) => a - b);
const rank = (share: number) => seconds[Math.ceil(share * seconds.length) - 1]!.toFixed(2);
console.log(`time to page over ${runs} runs: median ${rank(0.5)} s, p95 ${rank(0.95)} s, worst ${rank(1)} s`);
