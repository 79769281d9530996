import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ConfigCopy, type Mapping, mapText } from './plan.ts';

// Not configuration: what generates and tests it lives in the same folders.
const SKIPPED = new Set(['src', 'tests', 'node_modules']);

/** Copies a configuration file or folder to where the service will read it, its text mapped to this machine. */
export function writeConfig({ from, to }: ConfigCopy, mapping: Mapping, service: string): void {
  const stat = statSync(from, { throwIfNoEntry: false });
  if (!stat) throw new Error(`${service}: volumes: ${from} does not exist`);
  if (stat.isDirectory()) {
    mkdirSync(to, { recursive: true });
    for (const entry of readdirSync(from)) {
      if (!SKIPPED.has(entry)) writeConfig({ from: join(from, entry), to: join(to, entry) }, mapping, service);
    }
    return;
  }
  mkdirSync(dirname(to), { recursive: true });
  const content = readFileSync(from);
  if (content.includes(0)) cpSync(from, to);
  else writeFileSync(to, mapText(content.toString('utf8'), mapping, `${service}: ${from}`));
}
