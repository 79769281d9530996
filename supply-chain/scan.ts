/**
 * `npm run supply:scan -- DIR`: asks what is known against our packages, the system and the images, and writes one report each into DIR, for
 * sentinel to read. Ends with 1 when somebody did not answer; what did answer is written all the same.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { read } from '../stack/commands.mjs';
import { AuditUnavailable, auditOutput, readReport } from './audit.ts';
import { imagesOf } from './images.ts';

const ROOT = resolve(import.meta.dirname, '..');
const TRACKER = 'https://security-tracker.debian.org/tracker/data/json';
const run = async (program: string, ...args: string[]) =>
  (await promisify(execFile)(program, args, { maxBuffer: 2 ** 26, timeout: 120_000 })).stdout;

async function npm(): Promise<object> {
  const [all, production] = await Promise.all([auditOutput(ROOT), auditOutput(ROOT, '--omit=dev')]);
  for (const text of [all, production]) readReport(text);
  return { all: JSON.parse(all), production: JSON.parse(production) };
}

/** Of the packages of this system, which should be the one that the images are built from. */
async function debian(): Promise<object> {
  const [release = '', installed] = await Promise.all([
    run('sh', '-c', '. /etc/os-release; printf %s "$VERSION_CODENAME"'),
    run('dpkg-query', '-W', '-f', `\${source:Package} \${source:Version}\n`),
  ]);
  const answer = await fetch(TRACKER, { signal: AbortSignal.timeout(120_000) });
  if (!answer.ok) throw new AuditUnavailable(`the tracker answered ${answer.status}`);
  const known = (await answer.json()) as Record<string, object>;
  const versions = new Map(
    installed
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
  return {
    release,
    packages: Object.fromEntries(
      [...versions].flatMap(([name, version]) =>
        known[name] ? [[name, { installed: version, issues: known[name] }]] : [],
      ),
    ),
  };
}

async function images(): Promise<object> {
  const names = new Set(
    ['docker-compose.yml', 'compose.production.yml'].flatMap((file) =>
      imagesOf(ROOT, file).flatMap(({ image, ours }) => (ours ? [] : [image])),
    ),
  );
  return Promise.all(
    [...names].map(async (image) => {
      const inspect = (format: string) => run('docker', 'buildx', 'imagetools', 'inspect', image, '--format', format);
      const [digest, config] = await Promise.all([inspect('{{.Manifest.Digest}}'), inspect('{{json .Image}}')]);
      const created = /"created":\s*"([^"]+)"/.exec(config)?.[1];
      if (!created) throw new AuditUnavailable(`${image}: the registry does not say when it was made`);
      return { image, digest: digest.trim(), created: new Date(created).toISOString() };
    }),
  );
}

const [folder = ''] = read('supply:scan', process.argv.slice(2)).positionals;
mkdirSync(folder, { recursive: true });
for (const [scanner, ask] of Object.entries({ npm, debian, images })) {
  try {
    const report = await ask();
    const text = JSON.stringify({ scanner, scanned_at: new Date().toISOString(), report });
    writeFileSync(resolve(folder, `${scanner}.json`), `${text}\n`);
    console.log(`${scanner}: written`);
  } catch (error) {
    console.error(
      `${scanner}: not answered: ${error instanceof Error ? error.message.split('\n')[0] : 'unknown error'}`,
    );
    process.exitCode = 1;
  }
}
