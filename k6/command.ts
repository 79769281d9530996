/** `npm run perf:load`. Exit code: 0 passed, 1 a threshold was missed, 2 wrong arguments, 3 inconclusive, not begun, or an error. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { exitCodeOf } from '../stack/commands.mjs';
import { statusLine } from '../stack/status-line.mjs';
import { parseArguments } from './arguments.ts';
import { browserJourney, journeySummary } from './browser-journey.ts';
import { runLoad } from './load.ts';
import { type OwnStack, startOwnStack } from './own-stack.ts';
import { report } from './report.ts';
import { summary } from './summary.ts';
import { refuseForeign, TargetError } from './target.ts';

const EXIT = { passed: 0, failed: 1, inconclusive: 3 } as const;

async function load(args: readonly string[], root: string): Promise<number> {
  const options = parseArguments(args, root);
  const { scenario, timeScale, owned } = options;
  const progress = statusLine(process.stdout);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      progress.log('Stopping: what visits under way have booked is cancelled. Once more kills at once.');
      stopping.abort();
    });
  }
  const startedAt = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '');
  const folder = options.folder ?? join(root, '.load', `${scenario}-${startedAt}`);
  let own: OwnStack | undefined;
  try {
    if (options.target) refuseForeign(options.target, owned);
    else {
      progress.log('Starting a stack for this test alone');
      own = await startOwnStack({ signal: stopping.signal });
    }
    const target = options.target ?? own!.target;
    mkdirSync(folder, { recursive: true });
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    if (scenario === 'browser-journey') {
      const result = await browserJourney({ target, ...progress, signal: stopping.signal });
      write('result.json', `${JSON.stringify(result, null, 2)}\n`);
      progress.log(`\n${journeySummary(result)}`);
      return EXIT[result.verdict];
    }
    const result = await runLoad({ scenario, target, timeScale, folder, ...progress, signal: stopping.signal });
    write('result.json', `${JSON.stringify(result, null, 2)}\n`);
    write('report.html', report(result));
    progress.log(`\n${summary(result)}\n\n  ${relative('', join(folder, 'report.html'))}`);
    return EXIT[result.verdict];
  } catch (error) {
    if (stopping.signal.aborted) progress.log('It was stopped before its end.');
    else if (error instanceof TargetError) progress.log(error.message);
    else throw error;
    return 3;
  } finally {
    await own?.stop();
  }
}

const root = resolve(import.meta.dirname, '..');
const code = await exitCodeOf(() => load(process.argv.slice(2), root)).catch((error: unknown) => {
  console.error(error);
  return 3;
});
process.exit(code);
