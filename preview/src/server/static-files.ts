import { createReadStream, existsSync, readdirSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, sep } from 'node:path';
import { pipeline } from 'node:stream';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
};

/**
 * The files of a built app. Only those that were there at the start are served, so no path leads outside.
 * @param folder has an index.html and, beside what is worth it, a `.br` made at build time
 */
export function staticFiles(folder: string) {
  const files = new Set(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => statSync(join(folder, file)).isFile())
      .map((file) => `/${file.split(sep).join('/')}`),
  );

  /** Whether there was such a file to answer with. */
  function serve(path: string, request: IncomingMessage, response: ServerResponse): boolean {
    const type = TYPES[extname(path)];
    if (!files.has(path) || type === undefined) return false;
    const brotli = files.has(`${path}.br`) && /\bbr\b/.test(String(request.headers['accept-encoding']));
    const file = join(folder, brotli ? `${path}.br` : path);
    if (!existsSync(file)) return false;
    // Vite puts a hash of the content into the names below /assets/.
    const forever = path.startsWith('/assets/');
    response.writeHead(200, {
      'content-type': type,
      'content-length': statSync(file).size,
      'cache-control': forever
        ? 'public, max-age=31536000, immutable'
        : path.endsWith('.html')
          ? 'no-cache'
          : 'max-age=3600',
      ...(brotli && { 'content-encoding': 'br' }),
      vary: 'accept-encoding',
    });
    if (request.method === 'HEAD') response.end();
    else pipeline(createReadStream(file), response, () => {});
    return true;
  }

  return { serve };
}
