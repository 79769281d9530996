import type { Server } from 'node:net';

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** Thrown for configuration that cannot be used; the message names each key and never the value, which may be a secret. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Listens and resolves with the port; rejects naming the address when it cannot. */
export function listenOn(server: Server, { host, port }: Listen): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why =
        error.code === 'EADDRINUSE'
          ? 'another program uses it: stop that program or choose another port'
          : (error.code ?? 'unknown error');
      reject(new ConfigurationError(`Cannot listen on ${host}:${port}: ${why}.`));
    });
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}
