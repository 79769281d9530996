import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserResult } from './browser.ts';
import { withSection } from './marked-section.ts';
import type { PreviewResult } from './preview.ts';
import { browserSection, type NodeResult, nodeSection, previewSection } from './report.ts';

/** docs/performance.md with the sections of the last full run. What others wrote there stays. */
export function performanceDocument(root: string): string {
  const text = readFileSync(join(root, 'docs/performance.md'), 'utf8');
  const read = (name: string): unknown => JSON.parse(readFileSync(join(root, 'bench/results', name), 'utf8'));
  const sections = {
    'bench:node': nodeSection(read('node.json') as NodeResult),
    'bench:browser': browserSection(read('browser.json') as BrowserResult),
    'bench:preview': previewSection(read('preview.json') as PreviewResult),
  };
  return Object.entries(sections).reduce((whole, [name, section]) => withSection(whole, name, section), text);
}
