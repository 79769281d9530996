import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { z } from 'zod';

export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** `127.0.0.1:8085` or `[::1]:8085`; port 0 takes a free one. */
export const listen = z
  .string()
  .regex(/^(\[[0-9a-f:]+\]|[^:\s]+):\d{1,5}$/i, 'must be host:port, for example 127.0.0.1:8085')
  .transform((text): Listen => {
    const at = text.lastIndexOf(':');
    return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
  })
  .refine(({ port }) => port <= 65535, 'has a port above 65535');

/** The path of a file with one secret; its content, without a final line break. */
export const secretFile = z.string().transform((path, context) => {
  try {
    const secret = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
    if (secret !== '') return secret;
    context.addIssue({ code: 'custom', message: 'names an empty file' });
  } catch {
    context.addIssue({ code: 'custom', message: 'names a file that cannot be read' });
  }
  return z.NEVER;
});

export const url = z
  .url({ protocol: /^https?$/, error: 'must be an http:// or https:// URL' })
  .transform((text) => text.replace(/\/$/, ''));

/** Thrown for configuration that cannot be used; the message names each key and never the value, which may be a secret. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
}

/** Reads the environment by a zod object whose keys are the variables' names. Throws a ConfigurationError that names every wrong key. */
export function configuration<Shape extends z.ZodRawShape>(
  shape: Shape,
  environment: NodeJS.ProcessEnv = process.env,
): z.output<z.ZodObject<Shape>> {
  const result = z.object(shape).safeParse(environment);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message, code }) => {
    const key = path.join('.');
    return environment[key] === undefined && code === 'invalid_type' ? `${key} is not set.` : `${key}: ${message}.`;
  });
  throw new ConfigurationError(
    `The configuration cannot be used. ${problems.join(' ')} Set these environment variables and start again.`,
  );
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
