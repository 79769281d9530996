/** `npm run supply:audit`: known vulnerabilities of all packages, apart from those that audit-exceptions.json answers for. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { z } from 'zod';

export interface Advisory {
  /** `GHSA-…`. */
  readonly id: string;
  readonly package: string;
  readonly severity: string;
  readonly title: string;
}

const exceptions = z.array(
  z.strictObject({
    id: z.string().regex(/^GHSA(-[0-9a-z]{4}){3}$/),
    reason: z.string().min(20, 'must say why it does not concern us, or what is done instead'),
    /** The last day on which it holds. */
    expires: z.iso.date(),
  }),
);
export type Exception = z.infer<typeof exceptions>[number];

/** The exceptions of a file's text. Throws naming what is wrong. */
export const readExceptions = (text: string): Exception[] => exceptions.parse(JSON.parse(text));

const advisory = z.object({ url: z.string(), name: z.string(), severity: z.string(), title: z.string() });
const report = z.object({
  vulnerabilities: z.record(z.string(), z.object({ via: z.array(z.union([z.string(), advisory])) })),
});
const failed = z.object({ message: z.string() });

/** The registry did not say what is known: nothing can be concluded. */
export class AuditUnavailable extends Error {
  override readonly name = 'AuditUnavailable';
}

/**
 * The advisories of what `npm audit --json` prints, each once. What npm derives (a package that depends on one) is left out.
 * @throws {AuditUnavailable}
 */
export function readReport(text: string): Advisory[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new AuditUnavailable('npm audit printed no report');
  }
  const parsed = report.safeParse(document);
  if (!parsed.success)
    throw new AuditUnavailable(failed.safeParse(document).data?.message ?? 'npm audit printed no report');
  const found = Object.values(parsed.data.vulnerabilities)
    .flatMap(({ via }) => via)
    .flatMap((each) => (typeof each === 'string' ? [] : [each]))
    .map(
      ({ url, name, severity, title }): Advisory => ({ id: url.split('/').at(-1)!, package: name, severity, title }),
    );
  return [...new Map(found.map((each) => [`${each.id} ${each.package}`, each])).values()];
}

/** What is wrong, as lines; none when all is well. `today` is `YYYY-MM-DD`. */
export function problems(advisories: readonly Advisory[], excepted: readonly Exception[], today: string): string[] {
  const known = new Set(advisories.map(({ id }) => id));
  const holds = new Set(excepted.filter(({ expires }) => expires >= today).map(({ id }) => id));
  return [
    ...advisories
      .filter(({ id }) => !holds.has(id))
      .map(({ id, package: name, severity, title }) => `${name}: ${title} (${severity}, ${id})`),
    ...excepted
      .filter(({ expires }) => expires < today)
      .map(({ id, expires }) => `${id}: the exception ended on ${expires}`),
    ...excepted
      .filter(({ id }) => !known.has(id))
      .map(({ id }) => `${id}: nothing has it any more: remove the exception`),
  ];
}

/** What `npm audit --json` prints. */
export const auditOutput = (root: string, ...options: string[]): Promise<string> =>
  new Promise((done) => {
    // It ends with 1 when it has found something.
    const settings = { cwd: root, timeout: 60_000, maxBuffer: 2 ** 26 };
    execFile('npm', ['audit', '--json', ...options], settings, (_error, stdout) => done(stdout));
  });

/**
 * Asks the registry.
 * @throws {AuditUnavailable}
 */
export const audit = async (root: string): Promise<Advisory[]> => readReport(await auditOutput(root));

export const exceptionsOf = (root: string): Exception[] =>
  readExceptions(readFileSync(resolve(root, 'audit-exceptions.json'), 'utf8'));

if (import.meta.main) {
  const root = resolve(import.meta.dirname, '..');
  try {
    const found = problems(await audit(root), exceptionsOf(root), new Date().toISOString().slice(0, 10));
    console.log(found.length > 0 ? found.join('\n') : 'Nothing is known against any package.');
    process.exitCode = found.length > 0 ? 1 : 0;
  } catch (error) {
    if (!(error instanceof AuditUnavailable)) throw error;
    console.error(`The registry did not answer: ${error.message}`);
    process.exitCode = 2;
  }
}
