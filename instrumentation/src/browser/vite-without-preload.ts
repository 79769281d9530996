import type { Plugin } from 'vite';

/**
 * Vite wraps each dynamic import in 0.9 KB that load style sheets and preload links. The telemetry chunk has neither. For an
 * app whose other dynamic imports have none either.
 */
export const withoutPreload: Plugin = {
  name: 'without-preload',
  enforce: 'pre',
  load: (id) => (id === '\0vite/preload-helper.js' ? 'export const __vitePreload = (load) => load();' : null),
};
