import autocannon from 'autocannon';

export interface SaturateOptions {
  readonly port: number;
  readonly path: string;
  readonly seconds: number;
  /** Threads of the load generator. */
  readonly threads: number;
}

/** Asks as fast as it is answered. Resolves with how many answers came, and how many of them a second. */
export async function saturate({ port, path, seconds, threads }: SaturateOptions) {
  const result = await autocannon({
    url: `http://127.0.0.1:${port}${path}`,
    connections: 16,
    duration: seconds,
    ...(threads > 1 ? { workers: threads } : {}),
  });
  if (result.errors > 0 || result.non2xx > 0)
    throw new Error(`${result.errors} errors and ${result.non2xx} answers other than 2xx under load`);
  return { requests: result.requests.total, perSecond: result.requests.total / result.duration };
}
