/** `npm run load`. Exit code: 0 passed, 1 a threshold was missed, 2 wrong arguments, 3 inconclusive or not begun. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArguments } from './arguments.ts';
import { browserJourney, journeySummary } from './browser-journey.ts';
import { runLoad } from './load.ts';
import { type OwnStack, startOwnStack } from './own-stack.ts';
import { progressOn } from './progress.ts';
import { report } from './report.ts';
import { summary } from './summary.ts';
import { refuseForeign, TargetError } from './target.ts';

const EXIT = { passed: 0, failed: 1, inconclusive: 3 } as const;

export async function load(args: readonly string[], root: string): Promise<number> {
  const options = parseArguments(args, root);
  if (typeof options === 'string') {
    console.error(options);
    return 2;
  }
  const { scenario, timeScale, owned } = options;
  const progress = progressOn(process.stdout);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      progress.log('Stopping: the visits under way come to their end. Once more kills at once.');
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
      const result = await browserJourney({ target, ...progress });
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
    if (!(error instanceof TargetError) && !stopping.signal.aborted) throw error;
    progress.log((error as Error).message);
    return 3;
  } finally {
    await own?.stop();
  }
}

if (import.meta.main) process.exit(await load(process.argv.slice(2), resolve(import.meta.dirname, '..')));
