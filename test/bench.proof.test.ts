// @needs stack chromium
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from './stack-under-test.ts';

test('the benchmark runs through, and every slow event of its outage arrives', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/run.ts', '--quick'], { cwd: ROOT });
  for (const part of ['bare Express', 'prom-client only', '**lean**', 'full', 'auto-instrumentations-node']) {
    expect(stdout).toMatch(new RegExp(`^\\| ${part.replace(/\*/g, '\\*')}.*\\| \\d+(\\.\\d+)? µs \\|`, 'm'));
  }
  expect(stdout).toMatch(/^met {4}every slow event arrives after an outage: (\d+) of \1$/m);
}, 300_000);
