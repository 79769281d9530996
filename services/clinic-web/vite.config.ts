import { withoutPreload } from '@clinic/instrumentation/browser/vite-without-preload';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `CLINIC_API` is where `vite dev` finds the API. */
const api = process.env.CLINIC_API ?? 'http://127.0.0.1:8080';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), withoutPreload],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    sourcemap: false,
    modulePreload: false,
    // The content security policy allows files of this origin only, so nothing may become a data: URL.
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/auth': api, '/api': api, '/telemetry': api } },
});
