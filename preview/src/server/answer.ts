import type { ServerResponse } from 'node:http';

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** An error in the form that Prometheus' API gives its own, so that a reader of answers needs to know only one. */
export function answerError(response: ServerResponse, status: number, errorType: string, error: string): void {
  answerJson(response, status, { status: 'error', errorType, error });
}
