/** What is proven with minutes of work: which tests, of what, and when last. Results are data, from which docs/evidence.md follows. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceHash } from '../stack/source-hash.mjs';

/**
 * @typedef {{ name: string, shows: string, files: string[], paths: string[], minutes: number, onlyWhenNamed?: true }} Proof
 *   `paths`: what it proves; `minutes`: on two cores, until a run is recorded; `onlyWhenNamed`: it changes the machine
 * @typedef {{ commit: string, date: string, seconds: number, passed: number, failed: number, skipped: number, hash: string }} Evidence
 *   `date`: ISO 8601, a day; `hash`: of the files of `paths` as they were
 */

/** After so many days a result says little about today's machines and registries. */
export const HOLDS_DAYS = 30;

/** @type {readonly Proof[]} */
export const PROOFS = [
  {
    name: 'privacy-mutants',
    shows: 'Each defence of privacy, taken away, lets a planted word out: none is there for show.',
    files: ['test/privacy/defences.proof.test.ts', 'test/privacy/collector-defences.proof.test.ts'],
    paths: [
      'catalogue',
      'collector',
      'instrumentation/src',
      'services/clinic-api/src',
      'services/clinic-web/src',
      'test/privacy',
    ],
    minutes: 15,
  },
  {
    name: 'adoption',
    shows: 'Somebody else’s Express and React apps follow instrumentation/README.md word by word and are observed.',
    files: ['test/adoption/adoption.proof.test.ts'],
    paths: ['catalogue', 'instrumentation', 'test/adoption'],
    minutes: 4,
  },
  {
    name: 'compose',
    shows: 'Docker Compose itself reads both compose files as the native run and docs/production.md do.',
    files: ['test/parity.proof.test.ts', 'test/production.proof.test.ts', 'supply-chain/digests.proof.test.ts'],
    paths: [
      'compose.production.yml',
      'docker-compose.yml',
      'production.env.example',
      'proxy',
      'stack/compose.ts',
      'stack/plan.ts',
    ],
    minutes: 1,
  },
  {
    name: 'bucket',
    shows: 'Copies of backups in S3: sizes, broken-off uploads, wrong keys, and a restore from the bucket alone.',
    files: [
      'services/sentinel/src/backup/s3-target.proof.test.ts',
      'services/sentinel/src/backup/restore-from-bucket.proof.test.ts',
    ],
    paths: ['services/sentinel/src/backup'],
    minutes: 2,
  },
  {
    name: 'load',
    shows: 'Load tests judge, report, tidy up, and survive Ctrl-C and servers that are away.',
    files: ['test/load.proof.test.ts', 'test/load-generator.proof.test.ts', 'test/load-interrupt.proof.test.ts'],
    paths: [
      'catalogue',
      'k6/load.ts',
      'k6/generator.ts',
      'k6/scenarios',
      'k6/report.ts',
      'k6/clean.ts',
      'services/clinic-api/src',
    ],
    minutes: 5,
  },
  {
    name: 'gate',
    shows:
      'The gate on real builds and a thousand simulated runs: the same code passes, one more query fails, a quarter slower is found.',
    files: ['test/gate.proof.test.ts', 'k6/gate/latency.proof.test.ts'],
    paths: ['k6/gate', 'services/clinic-api/src'],
    minutes: 10,
  },
  {
    name: 'benchmark',
    shows: 'The benchmark of the library runs through, and every slow event of its outage arrives.',
    files: ['test/bench.proof.test.ts'],
    paths: ['bench', 'instrumentation/src'],
    minutes: 4,
  },
  {
    name: 'advisories',
    shows: 'Nothing is known against any package, as far as the registry answers.',
    files: ['test/audit.proof.test.ts'],
    paths: ['audit-exceptions.json', 'package-lock.json'],
    minutes: 1,
  },
  {
    name: 'docker',
    shows:
      'docker compose up: every container healthy, within its limits, a page after the sixth slow event, and no privilege.',
    files: ['test/docker/images.proof.test.ts', 'test/docker/stack.proof.test.ts'],
    paths: ['docker-compose.yml', 'services/Dockerfile', 'stack/docker-stand-ins', 'test/docker'],
    minutes: 10,
    onlyWhenNamed: true,
  },
];

const RESULTS = 'docs/evidence/proofs.json';

/**
 * @param {string} root of the checkout
 * @returns {Record<string, Evidence>} by name of the proof
 */
export const evidence = (root) => JSON.parse(readFileSync(join(root, RESULTS), 'utf8'));

/**
 * What changes when a proof has to be run again.
 * @param {string} root
 * @param {Proof} proof
 */
export const proofHash = (root, { files, paths }) => sourceHash(root, [...paths, ...files]);

/**
 * @param {string} root
 * @param {string} name
 * @param {Omit<Evidence, 'hash'>} result
 */
export function recordProof(root, name, result) {
  const proof = PROOFS.find((one) => one.name === name);
  if (!proof) throw new Error(`There is no proof ${name}.`);
  const all = { ...evidence(root), [name]: { ...result, hash: proofHash(root, proof) } };
  writeFileSync(join(root, RESULTS), `${JSON.stringify(all, undefined, 2)}\n`);
}

/**
 * @param {Proof} proof
 * @param {Evidence | undefined} last
 */
const seconds = ({ minutes }, last) => last?.seconds ?? minutes * 60;

/**
 * Which proofs to run: those that have changed since they last held, the shortest first, as long as there is time.
 * @param {string} root
 * @param {{ within: number }} options `within`: seconds
 * @returns {{ run: Proof[], leftOut: { proof: Proof, why: string }[] }}
 */
export function changedProofs(root, { within }) {
  const known = evidence(root);
  const changed = PROOFS.filter((proof) => {
    const last = known[proof.name];
    return !last || last.failed > 0 || last.hash !== proofHash(root, proof);
  }).sort((a, b) => seconds(a, known[a.name]) - seconds(b, known[b.name]));
  /** @type {ReturnType<typeof changedProofs>} */
  const plan = { run: [], leftOut: [] };
  let left = within;
  for (const proof of changed) {
    const needed = seconds(proof, known[proof.name]);
    if (proof.onlyWhenNamed) plan.leftOut.push({ proof, why: 'it changes the machine; name it to run it' });
    else if (needed > left)
      plan.leftOut.push({
        proof,
        why: `it takes about ${Math.ceil(needed / 60)} min, and ${Math.floor(left / 60)} are left`,
      });
    else {
      plan.run.push(proof);
      left -= needed;
    }
  }
  return plan;
}

/**
 * docs/evidence.md.
 * @param {string} root
 */
export function evidenceDocument(root) {
  const known = evidence(root);
  const rows = PROOFS.map((proof) => {
    const last = known[proof.name];
    const cells = last
      ? [result(last), last.date, `\`${last.commit}\``, `${Math.ceil(last.seconds / 60)} min`, state(root, proof, last)]
      : ['never recorded', '', '', `about ${proof.minutes} min`, 'not shown'];
    return `| \`${proof.name}\` | ${proof.shows} | ${cells.join(' | ')} |`;
  });
  return `<!-- Generated from docs/evidence/proofs.json and test/proofs.mjs by build.ts. Do not edit; run: npm run build -->
# Evidence

What takes minutes to prove is run at night, and when what it proves has changed: \`npm run test:proof -- --changed\`; one of them:
\`npm run test:proof -- NAME\`. With \`--record\` the result stands here.

| proof | shows | last result | on | commit | takes | today |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}

/** @param {Evidence} last */
const result = ({ passed, failed, skipped }) =>
  [`${passed} passed`, failed > 0 && `**${failed} failed**`, skipped > 0 && `${skipped} skipped`]
    .filter(Boolean)
    .join(', ');

/**
 * @param {string} root
 * @param {Proof} proof
 * @param {Evidence} last
 */
function state(root, proof, last) {
  if (last.failed > 0) return '**does not hold**';
  if (last.hash !== proofHash(root, proof)) return '**stale**: what it proves has changed since';
  const until = new Date(Date.parse(last.date) + HOLDS_DAYS * 86_400_000).toISOString().slice(0, 10);
  return `holds; stale after ${until}`;
}
