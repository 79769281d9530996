/** Writes every generated file; with `--check`, names those that are stale and exits 1. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { alertGroups } from '@clinic/catalogue/alerts';
import { performanceDocument } from './bench/documents.ts';
import { withSection } from './bench/marked-section.ts';
import { allowList } from './collector/src/allow-list.ts';
import { dashboardFiles } from './grafana/src/dashboards.ts';
import { readme } from './instrumentation/collected.ts';
import { baselinesDocument } from './k6/baselines/document.ts';
import { ruleFiles } from './prometheus/src/rules.ts';
import { commandTable, read } from './stack/commands.mjs';
import { licences } from './supply-chain/licences.ts';
import { contributingDocument } from './test/contributing.ts';
import { evidenceDocument } from './test/proofs.mjs';

const runbookIndex = `<!-- Generated from catalogue/alerts.ts by build.ts. Do not edit; run: npm run build -->
# Runbooks

One for each alert. The pager serves them at http://localhost:8087/runbooks/NAME.

${alertGroups
  .flatMap(({ alerts }) => alerts)
  .map(({ name, severity, summary }) => `- [${name}](${name}.md) (${severity}): ${summary}`)
  .join('\n')}
`;

/** Path from the repository's root to content. */
export const files: Readonly<Record<string, string>> = {
  'collector/allow-list.yaml': allowList,
  ...ruleFiles,
  ...dashboardFiles,
  'runbooks/README.md': runbookIndex,
  'README.md': withSection(readFileSync(resolve(import.meta.dirname, 'README.md'), 'utf8'), 'commands', commandTable()),
  'CONTRIBUTING.md': contributingDocument(import.meta.dirname),
  'docs/baselines.md': baselinesDocument(import.meta.dirname),
  'docs/evidence.md': evidenceDocument(import.meta.dirname),
  'docs/licences.md': licences(import.meta.dirname),
  'docs/performance.md': performanceDocument(import.meta.dirname),
  'instrumentation/README.md': readme(import.meta.dirname),
};

/** Generated files that are missing under `root`, or differ from what their sources say. */
export function stale(root: string): string[] {
  return Object.keys(files).filter((path) => {
    const file = resolve(root, path);
    return !existsSync(file) || readFileSync(file, 'utf8') !== files[path];
  });
}

if (import.meta.main) {
  const root = import.meta.dirname;
  const paths = stale(root);
  if (read('build', process.argv.slice(2)).values.check) {
    for (const path of paths)
      console.error(`${path} does not match its sources. Run: npm run build, and commit the result.`);
    if (paths.length > 0) process.exitCode = 1;
  } else {
    for (const path of paths) {
      mkdirSync(dirname(resolve(root, path)), { recursive: true });
      writeFileSync(resolve(root, path), files[path]!);
      console.log(`wrote ${path}`);
    }
  }
}
