import { createRequire, syncBuiltinESMExports } from 'node:module';
import type { TracerProvider } from '@opentelemetry/api';
import { ConfigurationError } from './listening.ts';

export interface AutoInstrumentationsOptions {
  readonly provider: TracerProvider;
  /** Only requests to these hosts get a span and `traceparent`. */
  readonly hosts: readonly string[];
  /** Whether our own wrapper of `pg` makes the spans of queries. */
  readonly ownPg: boolean;
}

/** What is used of an instrumentation. */
interface Instrumentation {
  setTracerProvider(provider: TracerProvider): void;
  disable(): void;
}

interface OutgoingRequest {
  readonly host?: string | null;
  readonly hostname?: string | null;
}

const AUTO = '@opentelemetry/auto-instrumentations-node';
const scoped = (name: string) => `@opentelemetry/instrumentation-${name}`;

/**
 * Not loaded: `http` comes separately; the middleware and fetch.ts see what `undici` sees; `router` doubles every layer that
 * `express` reports; nothing that `dns`, `net` and `runtime-node` say gets past the allow-list.
 */
const LEFT_OUT = ['http', 'undici', 'router', 'dns', 'net', 'runtime-node'];
const LOGGERS = ['pino', 'winston', 'bunyan'];

/**
 * Starts `@opentelemetry/auto-instrumentations-node`: spans of what the application imports from now on. Returns a function
 * that stops it. Throws a ConfigurationError when the package is not installed.
 *
 * The order matters for ES modules: first the loader's hook, then the instrumentations, then the application.
 */
export async function startAutoInstrumentations(options: AutoInstrumentationsOptions): Promise<() => void> {
  const { provider, hosts, ownPg } = options;
  let fromAuto: NodeJS.Require;
  try {
    const auto = createRequire(import.meta.url).resolve(AUTO);
    fromAuto = createRequire(auto);
  } catch {
    throw new ConfigurationError(
      `startTelemetry cannot use profile full: the package ${AUTO} is not installed. Run npm install ${AUTO}, or use profile lean.`,
    );
  }
  // Not dependencies of ours: the very copies that the instrumentations use.
  const hook = createRequire(fromAuto.resolve('@opentelemetry/instrumentation')).resolve(
    'import-in-the-middle/register-hooks.mjs',
  );
  const { register } = (await import(hook)) as { register(): void };
  register();

  const { getNodeAutoInstrumentations } = fromAuto(AUTO) as {
    getNodeAutoInstrumentations(configs: Readonly<Record<string, object>>): Instrumentation[];
  };
  const { HttpInstrumentation } = fromAuto(scoped('http')) as {
    HttpInstrumentation: new (config: object) => Instrumentation;
  };
  const listed = new Set(hosts);
  const http = new HttpInstrumentation({
    disableIncomingRequestInstrumentation: true,
    ignoreOutgoingRequestHook: ({ hostname, host }: OutgoingRequest) => !listed.has(hostname ?? host ?? ''),
  });
  const off = [...LEFT_OUT, ...(ownPg ? ['pg'] : [])];
  const others = getNodeAutoInstrumentations({
    ...Object.fromEntries(off.map((name) => [scoped(name), { enabled: false }])),
    ...Object.fromEntries(LOGGERS.map((name) => [scoped(name), { disableLogSending: true }])),
  });
  for (const each of [http, ...others]) each.setTracerProvider(provider);
  // This library has imported node:http before the hook was there: what is imported by name from it would stay as it was.
  for (const name of ['node:http', 'node:https']) createRequire(import.meta.url)(name);
  syncBuiltinESMExports();
  return () => {
    for (const each of [http, ...others]) each.disable();
    syncBuiltinESMExports();
  };
}
