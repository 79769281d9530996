import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

test.each([
  [
    'load',
    ['k6/command.ts', '--target', 'http://127.0.0.1:9', '--password-file', 'package.json', '--out', 'package.json'],
    {},
  ],
  ['baselines', ['k6/baselines/command.ts'], { TMPDIR: '/there-is-no-such-folder' }],
])('%s that cannot go on says why, and does not end as if a threshold had been missed', async (_, args, env) => {
  const ended = await new Promise((resolve) => {
    const cwd = `${import.meta.dirname}/..`;
    execFile(process.execPath, args, { cwd, env: { ...process.env, ...env } }, (error, _stdout, stderr) =>
      resolve({ code: error?.code ?? 0, stderr }),
    );
  });
  expect(ended).toEqual({ code: 3, stderr: expect.stringMatching(/EEXIST|ENOENT/) });
});
