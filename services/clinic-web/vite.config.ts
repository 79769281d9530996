import { mapsAside } from '@clinic/instrumentation/browser/vite-maps-aside';
import { withoutPreload } from '@clinic/instrumentation/browser/vite-without-preload';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `CLINIC_API` is where `vite dev` finds the API. */
const api = process.env.CLINIC_API ?? 'http://127.0.0.1:8080';

/** What several pages are made of and the first one is not: one request, not a dozen. */
const PARTS =
  /\/clinic-web\/src\/(?:appointment-form|appointments|client-picker|clients|dates|dialog|document-table|document-upload|documents|fact|load|note-form|notes|paging|users)\.tsx?$/;

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), withoutPreload, mapsAside],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    rolldownOptions: {
      output: {
        codeSplitting: { includeDependenciesRecursively: false, groups: [{ name: 'parts', test: PARTS }] },
      },
    },
    modulePreload: false,
    // The content security policy allows files of this origin only, so nothing may become a data: URL.
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/auth': api, '/api': api, '/telemetry': api } },
});
