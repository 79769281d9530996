/** `npm run perf:baselines`: measures on a stack of its own and writes docs/baselines.md. Exit code: 0 all kept, 1 one missed, 2 wrong arguments, 3 not measured, or an error. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { exitCodeOf, read } from '../../stack/commands.mjs';
import { statusLine } from '../../stack/status-line.mjs';
import { type OwnStack, startOwnStack } from '../own-stack.ts';
import { TargetError } from '../target.ts';
import { document, kept, RESULTS } from './document.ts';
import { measureBaselines, NotMeasured } from './measure.ts';

async function baselines(args: readonly string[], root: string): Promise<number> {
  const timeScale = Number(read('perf:baselines', args).values['time-scale']);
  const progress = statusLine(process.stdout);
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
  const startedAt = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '');
  const folder = join(root, '.load', `baselines-${startedAt}`);
  let stack: OwnStack | undefined;
  try {
    progress.log('Starting a stack for this alone');
    stack = await startOwnStack({ signal: stopping.signal });
    mkdirSync(folder, { recursive: true });
    const measured = await measureBaselines({
      stack,
      folder,
      progress,
      timeScale,
      statements: 500,
      pageLoads: 20,
      signal: stopping.signal,
    });
    writeFileSync(join(root, RESULTS), `${JSON.stringify(measured, null, 2)}\n`);
    writeFileSync(join(root, 'docs/baselines.md'), document(measured));
    const missed = measured.rows.filter((row) => !kept(row));
    progress.log(
      `\n${measured.rows.length - missed.length} of ${measured.rows.length} baselines kept: docs/baselines.md`,
    );
    for (const { kind, name, value, limit } of missed) progress.log(`  missed: ${kind} ${name}: ${value} of ${limit}`);
    return missed.length > 0 ? 1 : 0;
  } catch (error) {
    if (stopping.signal.aborted) progress.log('It was stopped before its end.');
    else if (error instanceof TargetError || error instanceof NotMeasured) progress.log(error.message);
    else throw error;
    return 3;
  } finally {
    await stack?.stop();
  }
}

const root = resolve(import.meta.dirname, '../..');
const code = await exitCodeOf(() => baselines(process.argv.slice(2), root)).catch((error: unknown) => {
  console.error(error);
  return 3;
});
process.exit(code);
