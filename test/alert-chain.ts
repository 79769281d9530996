// @needs collector prometheus alertmanager
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { countSlowEvents } from './prometheus.ts';
import { freshStack, type StackUnderTest } from './stack-under-test.ts';

export interface InboxPage {
  readonly id: string;
  readonly alertname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly status: 'firing' | 'resolved';
  readonly received_at: string;
  readonly notifications: number;
}

/** Collector, recorder, Prometheus, Alertmanager and pager, with empty state. */
export interface AlertChain extends Omit<StackUnderTest, 'stop'> {
  /** Base URL of the OTLP receiver. */
  readonly collector: string;
  /**
   * Pages about slow events, newest first; of one metric, or of all. The clinic does not run here, and once Prometheus has
   * been up for a minute an alert of its own says so.
   */
  pages(metric?: string): Promise<InboxPage[]>;
  /** Deliveries of the newest of a metric. */
  notifications(metric: string): Promise<number>;
  /** Samples of the last hour, as the rule counts them. */
  countInPrometheus(metric: string): Promise<number>;
  /** Events ever stored by the recorder. */
  storedTotal(metric: string): Promise<number>;
  /** SIGKILL, as an accident; resolves when the service is up again. */
  killAndWait(service: string): Promise<void>;
  /** SIGKILL, and not started again until `stack.startService`. */
  killAndHold(service: string): Promise<void>;
  /** Resolves when every service is up, also one that was stopped. */
  allUp(): Promise<void>;
  /** A process with the library in it records one slow page load and is killed; resolves when it is dead. */
  recordInAnApplicationAndKillIt(options: { readonly afterMs: number }): Promise<void>;
  stop(): Promise<void>;
}

const SERVICES = ['collector', 'slow-event-recorder', 'prometheus', 'alertmanager', 'pager'];

/** `recorderPort`: the recorder listens there instead, and what the Collector sends waits for somebody on the usual port. */
export async function alertChain({ recorderPort }: { readonly recorderPort?: number } = {}): Promise<AlertChain> {
  const under = await freshStack({
    services: SERVICES,
    ...(recorderPort !== undefined && {
      environment: { 'slow-event-recorder': { LISTEN: `127.0.0.1:${recorderPort}` } },
    }),
  });
  const { stack } = under;
  const at = (port: number) => `http://127.0.0.1:${stack.port(port)}`;
  const collector = at(4318);
  const pager = at(8087);
  const prometheus = at(9090);

  const pages = async (metric?: string) => {
    const all = (await (await fetch(`${pager}/api/pages`)).json()) as InboxPage[];
    return all.filter(
      ({ alertname, labels }) => alertname === 'SlowEvents' && (metric === undefined || labels.metric === metric),
    );
  };
  let stopped: Promise<void> | undefined;

  return {
    ...under,
    collector,
    pages,
    notifications: async (metric) => (await pages(metric))[0]?.notifications ?? 0,
    countInPrometheus: (metric) => countSlowEvents(prometheus, metric),
    storedTotal: async (metric) => {
      const text = await (await fetch(`${at(9465)}/metrics`)).text();
      return Number(new RegExp(`^slow_events_total\\{metric="${metric}"\\} (\\d+)`, 'm').exec(text)?.[1] ?? 0);
    },
    killAndWait: async (service) => {
      await stack.kill(service, 'SIGKILL');
      await stack.up(service);
    },
    killAndHold: async (service) => {
      await stack.kill(service, 'SIGKILL');
      await stack.stopService(service);
    },
    allUp: async () => {
      await Promise.all(SERVICES.map((service) => stack.startService(service)));
    },
    recordInAnApplicationAndKillIt: async ({ afterMs }) => {
      const child = spawn(process.execPath, [new URL('./application.ts', import.meta.url).pathname, collector], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      await new Promise<void>((resolve, reject) => {
        child.stdout.once('data', () => resolve());
        child.once('exit', () => reject(new Error('The application ended before it recorded anything.')));
      });
      await sleep(afterMs);
      child.kill('SIGKILL');
      await exited;
    },
    stop: () => (stopped ??= under.stop()),
  };
}
