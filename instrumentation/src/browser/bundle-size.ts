import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { withoutPreload } from './vite-without-preload.ts';

const module = (file: string) => JSON.stringify(fileURLToPath(new URL(file, import.meta.url)));
const EARLY = `import ${module('./early.ts')};`;
/** What an app imports; React is its own. */
const EAGER = `${EARLY}
import { clearTelemetry, scheduleTelemetry } from ${module('./schedule.ts')};
import { performanceMonitor } from ${module('./performance-monitor.ts')};
import { usePageLoad, usePerformanceTracking } from ${module('../react/index.ts')};
globalThis.app = [clearTelemetry, scheduleTelemetry, performanceMonitor, usePageLoad, usePerformanceTracking];`;

async function bytesOf(code: string): Promise<{ eager: number; lazy: number }> {
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

/** Gzipped bytes of what runs before the app, of that and all else that is loaded at once, and of what is loaded later. */
export async function telemetryBytes(): Promise<{ early: number; eager: number; lazy: number }> {
  const { eager: early } = await bytesOf(EARLY);
  return { early, ...(await bytesOf(EAGER)) };
}
