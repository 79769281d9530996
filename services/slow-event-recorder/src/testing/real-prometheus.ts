import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineProgram } from '../../../../stack/engines.mjs';

/** A Prometheus of its own, configured for slow events as the stack's is. */
export class RealPrometheus {
  readonly url: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'recorder-prometheus-'));
  readonly #port: number;
  #process: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
    this.url = `http://127.0.0.1:${port}`;
    writeFileSync(join(this.#folder, 'prometheus.yml'), 'storage: {tsdb: {out_of_order_time_window: 3h}}\n');
  }

  static async start(): Promise<RealPrometheus> {
    const prometheus = new RealPrometheus(await freePort());
    await prometheus.start();
    return prometheus;
  }

  async start(): Promise<void> {
    this.#process = spawn(
      engineProgram('prometheus'),
      [
        `--config.file=${join(this.#folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(this.#folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${this.#port}`,
        '--web.enable-otlp-receiver',
      ],
      { stdio: 'ignore' },
    );
    for (let look = 0; look < 200; look++) {
      if (
        await fetch(`${this.url}/-/ready`).then(
          ({ ok }) => ok,
          () => false,
        )
      )
        return;
      await sleep(50);
    }
    throw new Error('Prometheus was not ready within 10 s.');
  }

  async kill(): Promise<void> {
    if (!this.#process || this.#process.exitCode !== null) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  wipe(): void {
    rmSync(join(this.#folder, 'data'), { recursive: true });
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }

  /** The value of an instant query's only series; 0 when there is none. */
  async value(query: string): Promise<number> {
    const response = await fetch(`${this.url}/api/v1/query?query=${encodeURIComponent(query)}`);
    const { data, error } = (await response.json()) as {
      data: { result: { value: [number, string] }[] };
      error?: string;
    };
    if (error !== undefined) throw new Error(error);
    return Number(data.result[0]?.value[1] ?? 0);
  }

  /** Points of the last hour. */
  count(metric: string): Promise<number> {
    return this.value(`sum(count_over_time(slow_event_duration_milliseconds{metric="${metric}"}[1h]))`);
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
