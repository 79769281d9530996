import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { RECOVERY_POINT_TARGET_MS, RECOVERY_TIME_TARGET_MS } from '@clinic/catalogue/recovery';
import type { Backups } from '../backup/backups.ts';
import type { Health } from '../health/health.ts';

export interface PageOptions {
  readonly health: Pick<Health, 'current' | 'overall'>;
  readonly backups: Pick<Backups, 'state'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export type Handle = (path: string, request: IncomingMessage, response: ServerResponse) => void;

const FILES: readonly (readonly [path: string, file: string, type: string])[] = [
  ['/', 'index.html', 'text/html; charset=utf-8'],
  ['/health.css', 'health.css', 'text/css; charset=utf-8'],
  ['/health.js', 'health.js', 'text/javascript; charset=utf-8'],
  ['/icon.svg', 'icon.svg', 'image/svg+xml'],
];

const SECURITY = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

const NOT_FOUND = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not found</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/health.css">
</head>
<body>
<header class="bar"><h1>Not found</h1></header>
<p>There is nothing at this path. <a href="/">Clinic health</a></p>
</body>
</html>
`;

const iso = (time: number | null | undefined) =>
  time === null || time === undefined ? null : new Date(time).toISOString();

/** `GET /api/health` and the page that shows it. Times in ISO 8601, UTC; durations in milliseconds. No name, no address. */
export function createPage({ health, backups, now }: PageOptions): Handle {
  const files = new Map(
    FILES.map(([path, file, type]) => {
      const content = readFileSync(join(import.meta.dirname, 'public', file));
      return [path, { content, type, etag: `"${createHash('sha256').update(content).digest('base64url')}"` }];
    }),
  );
  const answer = () => {
    const { success, verifiedAt, drill, drilledAt, violations } = backups.state();
    return {
      now: iso(now()),
      state: health.overall(),
      checks: health.current().map(({ check, state, message, latencyMs, checkedAt, since, flapping }) => ({
        check,
        state,
        message,
        latency_ms: latencyMs,
        checked_at: iso(checkedAt),
        since: iso(since),
        flapping,
      })),
      backups: {
        base_at: iso(success.base),
        wal_at: iso(success.wal),
        documents_at: iso(success.documents),
        offsite_at: iso(success.offsite),
        verified_at: iso(verifiedAt),
        restored_at: iso(drilledAt),
        recovery_time_ms: drill?.recoveryTimeMs ?? null,
        recovery_time_target_ms: RECOVERY_TIME_TARGET_MS,
        recovery_point_ms: success.wal === undefined ? null : Math.max(0, now() - success.wal),
        recovery_point_target_ms: RECOVERY_POINT_TARGET_MS,
      },
      integrity: violations,
    };
  };
  return (path, request, response) => {
    for (const [name, value] of Object.entries(SECURITY)) response.setHeader(name, value);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    if (path === '/api/health') {
      response
        .writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' })
        .end(JSON.stringify(answer()));
      return;
    }
    const file = files.get(path);
    if (!file) {
      if (request.headers.accept?.includes('text/html'))
        response.writeHead(404, { 'content-type': 'text/html; charset=utf-8' }).end(NOT_FOUND);
      else response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('There is no such page.\n');
      return;
    }
    const headers = { 'cache-control': 'no-cache', etag: file.etag };
    if (request.headers['if-none-match'] === file.etag) response.writeHead(304, headers).end();
    else
      response
        .writeHead(200, { ...headers, 'content-type': file.type, 'content-length': file.content.length })
        .end(file.content);
  };
}
