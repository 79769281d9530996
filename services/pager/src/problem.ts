import type { ServerResponse } from 'node:http';

export interface ProblemOptions {
  readonly status: number;
  /** A few words, the same for every problem of this kind. */
  readonly title: string;
  /** What is wrong, why, and what to do. Never holds what the client sent. */
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that is answered with `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly options: ProblemOptions;

  constructor(options: ProblemOptions) {
    super(options.detail);
    this.options = options;
  }
}

export function answerProblem(response: ServerResponse, { status, title, detail, headers }: ProblemOptions): void {
  response.writeHead(status, { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...headers });
  response.end(JSON.stringify({ type: 'about:blank', title, status, detail }));
}
