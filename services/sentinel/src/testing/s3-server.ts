import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineProgram } from '../../../../stack/engines.mjs';
import { freePort } from '../backup/copy.ts';
import type { S3Options } from '../backup/s3-target.ts';

/** A server that speaks S3 and keeps an object as a file of its name. */
export interface S3Server extends S3Options {
  /** What its bucket holds. */
  readonly bucket: string;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  /** Resolves when it answers. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const BUCKET = 'clinic-backups';
const USER = 'offsite';
/** Whoever splits at the last colon is found out. */
const SECRET = 'a/secret:of+a test=';

export async function startS3Server(): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), 's3-'));
  const bucket = join(folder, 'buckets', BUCKET);
  // Where not every file system has extended attributes.
  const sidecar = join(folder, 'attributes');
  for (const each of [bucket, sidecar]) mkdirSync(each, { recursive: true });
  const address = `127.0.0.1:${await freePort()}`;
  let kill = async () => {};
  const start = async () => {
    const child = spawn(
      engineProgram('versitygw'),
      ['--port', address, '--quiet', 'posix', '--sidecar', sidecar, join(folder, 'buckets')],
      { env: { ROOT_ACCESS_KEY: USER, ROOT_SECRET_KEY: SECRET }, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    const exited = once(child, 'exit');
    kill = async () => {
      child.kill('SIGKILL');
      await exited;
    };
    while (child.exitCode === null && !(await fetch(`http://${address}`).catch(() => undefined))) await sleep(50);
    if (child.exitCode !== null) throw new Error(`The S3 server ended with exit code ${child.exitCode}.`);
  };
  await start();
  return {
    url: `http://${address}/${BUCKET}`,
    credentials: `${USER}:${SECRET}`,
    bucket,
    start,
    kill: () => kill(),
    async close() {
      await kill();
      rmSync(folder, { recursive: true });
    },
  };
}
