import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { TOLERATED_SLOW_EVENTS } from '@clinic/catalogue/limits';
import { RULES } from './api.ts';

const SECURITY = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/recorder.css">
</head>
<body>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`;

const INDEX = page(
  'Slow events',
  `<p>The slow-event recorder stores every event that took longer than its limit, each once, and counts those of the last hour: more than
${TOLERATED_SLOW_EVENTS} of one metric page on-call.</p>
<dl>
<div><dt><a href="/api/slow-events">/api/slow-events</a></dt><dd>The events, newest first, each with the id of its trace.</dd></div>
<div><dt><a href="/api/slow-events?since=1h">/api/slow-events?since=1h</a></dt><dd>Those of the last hour. ${Object.entries(
    RULES,
  )
    .map(([parameter, rule]) => `<code>${parameter}</code> ${rule}.`)
    .join(' ')}</dd></div>
<div><dt><a href="/api/slow-events/count">/api/slow-events/count</a></dt><dd>How many of each metric the last hour holds, whether that is \
more than is tolerated, and when the oldest leaves the hour.</dd></div>
</dl>`,
);
const NOT_FOUND = page('Not found', '<p>There is nothing at this path. <a href="/">What the recorder answers</a></p>');

const html = (status: number, text: string) => (response: ServerResponse) =>
  response
    .writeHead(status, { ...SECURITY, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' })
    .end(text);

/** Whether a browser asks for a page, and not a program for data. */
export const fromBrowser = ({ headers }: IncomingMessage): boolean => headers.accept?.includes('text/html') ?? false;

export const answerIndex = html(200, INDEX);
export const answerNotFound = html(404, NOT_FOUND);

/** Answers with a file of `public/`. */
export function publicFile(name: string, type: string): (response: ServerResponse) => void {
  const content = readFileSync(join(import.meta.dirname, '../public', name));
  return (response) =>
    response.writeHead(200, { ...SECURITY, 'content-type': type, 'cache-control': 'no-cache' }).end(content);
}
