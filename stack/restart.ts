import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exitCodeOf } from './commands.mjs';
import { askForRestart, withdrawRestartRequest } from './restart-request.ts';
import { isAlive, readRun } from './run-record.ts';
import { serviceArguments } from './service-arguments.ts';

const SAY_EVERY_MS = 30_000;

/**
 * `npm run restart -- NAME`: stops one service of the running stack in order, starts it again, and waits until it is up.
 * @returns the exit code: 0 it is up again, 1 it cannot be restarted now or did not come up, 3 nothing runs
 * @throws {UsageError}
 */
export async function restart(args: string[], root: string): Promise<number> {
  const given = serviceArguments('restart', args, root);
  if (typeof given === 'number') return given;
  const { state, service } = given;
  const early = ['waiting', 'obtaining', 'preparing', 'stopping'];
  if (early.includes(service.state)) {
    const why = service.detail ?? 'npm run status shows what it waits for';
    console.error(`${service.title} cannot be restarted now: it is ${service.state} (${why}).`);
    return 1;
  }
  if (!askForRestart(state, service.name)) {
    console.error('Another restart has just been asked for. Try again in a moment.');
    return 1;
  }
  const began = performance.now();
  let saidAt = began;
  for (;;) {
    await sleep(100);
    const run = readRun(state);
    const now = run?.services.find(({ name }) => name === service.name);
    if (!run || !now || !isAlive(run.supervisor)) {
      withdrawRestartRequest(state);
      console.error(`The stack in ${relative('', state) || '.'} ended meanwhile: its own output says why.`);
      return 1;
    }
    if (now.starts === service.starts) {
      // Not taken yet, or still stopping.
    } else if (now.state === 'missing') {
      console.error(`${now.title} is missing: ${now.detail}`);
      return 1;
    } else if (['healthy', 'running', 'completed'].includes(now.state)) {
      console.log(`${now.title} was restarted in ${((performance.now() - began) / 1_000).toFixed(1)} s.`);
      return 0;
    }
    if (performance.now() - saidAt > SAY_EVERY_MS) {
      saidAt = performance.now();
      const seconds = Math.round((saidAt - began) / 1_000);
      console.log(
        `${now.title} is ${now.state} after ${seconds} s${now.detail ? ` (${now.detail})` : ''}; still waiting`,
      );
    }
  }
}

if (import.meta.main)
  process.exit(await exitCodeOf(() => restart(process.argv.slice(2), join(import.meta.dirname, '..'))));
