import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';

const FOLDER = join(import.meta.dirname, '../public');

const FILES: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/inbox.css', 'inbox.css', 'text/css; charset=utf-8'],
  ['/inbox.js', 'inbox.js', 'text/javascript; charset=utf-8'],
  ['/words.js', 'words.js', 'text/javascript; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
];

/** Answers a path that is one of the inbox's own files, from memory; resolves a revalidation by content hash. */
export type ServeAsset = (path: string, request: IncomingMessage, response: ServerResponse) => boolean;

export function assets(): ServeAsset {
  const byPath = new Map(
    FILES.map(([path, file, type]) => {
      const content = readFileSync(join(FOLDER, file));
      const etag = `"${createHash('sha256').update(content).digest('base64url')}"`;
      return [path, { content, type, etag }];
    }),
  );
  return (path, request, response) => {
    const asset = byPath.get(path);
    if (!asset) return false;
    const { content, type, etag } = asset;
    const headers = { 'cache-control': 'no-cache', etag };
    if (request.headers['if-none-match'] === etag) response.writeHead(304, headers).end();
    else response.writeHead(200, { ...headers, 'content-type': type, 'content-length': content.length }).end(content);
    return true;
  };
}
