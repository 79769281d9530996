import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Figures, Question } from './server/app.ts';

export const VARIANTS = ['bare', 'prom-client', 'lean', 'full', 'auto'] as const;
export type VariantName = (typeof VARIANTS)[number];

/** A process that the benchmark drives. */
export interface Driven<Answer, Asked> {
  readonly port: number;
  /** Milliseconds from the start of the process until it listened. */
  readonly startMs: number;
  ask(question: Asked): Promise<Answer>;
  /** What it says next. */
  next(): Promise<Answer>;
  stop(): Promise<void>;
}

export interface DrivenOptions {
  readonly file: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Cores, as `taskset` writes them. */
  readonly cores: string | undefined;
  /** A free one when left out. */
  readonly port?: number;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

export async function drive<Answer, Asked>(options: DrivenOptions): Promise<Driven<Answer, Asked>> {
  const { file, environment, cores, port = await freePort() } = options;
  const command = [process.execPath, '--expose-gc', join(import.meta.dirname, file)];
  const [program = '', ...args] = cores ? ['taskset', '-c', cores, ...command] : command;
  const begin = Date.now();
  const child: ChildProcess = spawn(program, args, {
    env: { PATH: process.env.PATH ?? '', ...environment, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const exited = new Promise<never>((_resolve, reject) => {
    child.once('exit', (code, signal) => reject(new Error(`${file} ended (${signal ?? code})`)));
  });
  exited.catch(() => {});
  const answer = () => Promise.race([once(child, 'message').then(([message]) => message as unknown), exited]);
  const { started } = (await answer()) as { started: number };
  return {
    port,
    startMs: started - begin,
    ask: async (question) => {
      const next = answer();
      child.send(question as object);
      return (await next) as Answer;
    },
    next: async () => (await answer()) as Answer,
    stop: async () => {
      child.disconnect();
      await exited.catch(() => {});
    },
  };
}

export type Server = Driven<Figures, Question>;
export type Sink = Driven<{ readonly requests: number; readonly slowEvents: number }, 'counts'>;

export interface ServerOptions {
  readonly variant: VariantName;
  /** Base URL of what takes OTLP. */
  readonly collector: string;
  readonly cores: string | undefined;
  readonly environment?: Readonly<Record<string, string>>;
}

export const startServer = ({ variant, collector, cores, environment = {} }: ServerOptions): Promise<Server> =>
  drive({
    file: 'server/app.ts',
    cores,
    environment: {
      VARIANT: variant,
      COLLECTOR: collector,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector,
      // No network but loopback: the detectors of clouds would wait for an answer.
      OTEL_NODE_RESOURCE_DETECTORS: 'env,host,os,process,serviceinstance',
      ...environment,
    },
  });

export const startSink = (cores: string | undefined, port?: number): Promise<Sink> =>
  drive({ file: 'sink.ts', cores, environment: {}, ...(port ? { port } : {}) });
