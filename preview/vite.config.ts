import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

const here = import.meta.dirname;
const packages = join(here, 'node_modules');
const MIN_BYTES_TO_COMPRESS = 4096;
/** 11 takes 20 s for the main chunk and saves 4 % over this. */
const BROTLI_QUALITY = 6;

/** Grafana's style names these files; only Latin is needed, for an English page. */
const FONTS = {
  'inter/Inter-Regular.woff2': 'inter/files/inter-latin-400-normal.woff2',
  'inter/Inter-Medium.woff2': 'inter/files/inter-latin-500-normal.woff2',
  'inter/Inter-Italic.woff2': 'inter/files/inter-latin-400-italic.woff2',
  'roboto/L0xTDF4xlVMF-BfR8bXMIhJHg45mwgGEFl0_3vrtSM1J-gEPT5Ese6hmHSh0mQ.woff2':
    'roboto-mono/files/roboto-mono-latin-400-normal.woff2',
};

/** What Grafana's components load while they run: pictures from @grafana/ui, fonts from @fontsource. */
const grafanaFiles: Plugin = {
  name: 'grafana-files',
  apply: 'build',
  writeBundle({ dir }) {
    const out = join(dir!, 'public');
    cpSync(join(packages, '@grafana/ui/dist/public/img'), join(out, 'build/img'), { recursive: true });
    for (const [name, file] of Object.entries(FONTS)) {
      mkdirSync(dirname(join(out, 'fonts', name)), { recursive: true });
      cpSync(join(packages, '@fontsource', file), join(out, 'fonts', name));
    }
  },
};

/** Compressed once here instead of at each request. */
const brotli: Plugin = {
  name: 'brotli',
  apply: 'build',
  closeBundle() {
    const folder = join(here, 'dist');
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!['.js', '.css', '.html'].includes(extname(file))) continue;
      const text = readFileSync(join(folder, file));
      if (text.length < MIN_BYTES_TO_COMPRESS) continue;
      const params = { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY };
      writeFileSync(join(folder, `${file}.br`), brotliCompressSync(text, { params }));
    }
  },
};

const noMonaco = join(here, 'src/app/no-monaco.ts');

export default defineConfig({
  root: here,
  plugins: [react(), grafanaFiles, brotli],
  resolve: {
    dedupe: ['react', 'react-dom', '@grafana/data', '@grafana/ui', '@grafana/runtime', '@grafana/schema', 'rxjs'],
    // Grafana's code editor: half of the bundle, and nothing here edits code with it.
    alias: [
      { find: /^monaco-editor(\/.*)?$/, replacement: noMonaco },
      { find: /^@monaco-editor\/react$/, replacement: noMonaco },
    ],
  },
  build: { target: 'es2022', chunkSizeWarningLimit: 10_000, assetsInlineLimit: 0 },
});
