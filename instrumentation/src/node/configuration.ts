import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigurationError, type Listen } from './listening.ts';

// listening.ts is apart because an app that does not read its settings with zod should not pay 5 MB for it.
export { ConfigurationError, type Listen, listenOn } from './listening.ts';

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

export const wholeNumber = (from: number, to: number) =>
  z
    .string()
    .regex(/^\d{1,10}$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= from && value <= to, `must be from ${from} to ${to}`);

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
