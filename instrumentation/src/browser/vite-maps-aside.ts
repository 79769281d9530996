import { basename } from 'node:path';
import type { Plugin } from 'vite';

/**
 * Makes source maps, and puts them into `.maps` of the output folder: a server of static files does not serve what begins with a
 * dot, and no script mentions them. Stacks of node/stacks.ts are resolved with them.
 */
export const mapsAside: Plugin = {
  name: 'maps-aside',
  config: () => ({ build: { sourcemap: 'hidden' } }),
  generateBundle: {
    order: 'post', // Vite corrects maps where it has changed their scripts
    handler(_options, bundle) {
      for (const [fileName, file] of Object.entries(bundle)) {
        if (file.type !== 'asset' || !fileName.endsWith('.js.map')) continue;
        this.emitFile({ type: 'asset', fileName: `.maps/${basename(fileName)}`, source: file.source });
        delete bundle[fileName];
      }
    },
  },
};
