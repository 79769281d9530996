import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { beforeAll, expect, test } from 'vitest';
import { withoutPreload } from './vite-without-preload.ts';

const module = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));
const EARLY = `import ${module('./early.ts')};`;
/** What an app imports; React is its own. */
const EAGER = `${EARLY}
import { clearTelemetry, scheduleTelemetry } from ${module('./schedule.ts')};
import { performanceMonitor } from ${module('./performance-monitor.ts')};
import { usePageLoad, usePerformanceTracking } from ${module('../react/index.ts')};
globalThis.app = [clearTelemetry, scheduleTelemetry, performanceMonitor, usePageLoad, usePerformanceTracking];`;

/** Gzipped bytes of what is loaded at once, and of the chunk that comes later. */
async function bytes(code: string): Promise<{ eager: number; lazy: number }> {
  const entry = 'virtual:entry';
  const result = (await build({
    configFile: false,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'es2022',
      modulePreload: false,
      rolldownOptions: { input: entry, external: ['react'] },
    },
    plugins: [
      withoutPreload,
      { name: 'entry', resolveId: (id) => (id === entry ? id : null), load: (id) => (id === entry ? code : null) },
    ],
  })) as Rolldown.RolldownOutput;
  const sum = (dynamic: boolean) =>
    result.output
      .filter((file) => file.type === 'chunk')
      .filter((chunk) => chunk.isDynamicEntry === dynamic)
      .reduce((total, chunk) => total + gzipSync(chunk.code, { level: 9 }).length, 0);
  return { eager: sum(false), lazy: sum(true) };
}

let early: number;
let all: { eager: number; lazy: number };
beforeAll(async () => {
  early = (await bytes(EARLY)).eager;
  all = await bytes(EAGER);
  console.log(`gzipped: early ${early}, all that is loaded at once ${all.eager}, loaded later ${all.lazy} bytes`);
});

test('what runs before the app is at most 1.2 KB', () => {
  expect(early).toBeLessThanOrEqual(1_200);
});

test('what is loaded with the app is at most 2.2 KB', () => {
  expect(all.eager).toBeLessThanOrEqual(2_253);
});

test('what is loaded later is at most 26 KB', () => {
  expect(all.lazy).toBeGreaterThan(5_000);
  expect(all.lazy).toBeLessThanOrEqual(26 * 1_024);
});
