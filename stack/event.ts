const SHOWN_CHARACTERS = 240;

/**
 * Where a service is. `obtaining`: what it needs is being built or fetched; `missing`: that cannot be had, the others go on
 * without it. `running` stands for `healthy` where there is no check; `completed` is a one-shot program that ended well;
 * `unhealthy` was healthy once and does not answer in time, its check goes on.
 */
export type ServiceState =
  | 'waiting'
  | 'obtaining'
  | 'missing'
  | 'preparing'
  | 'starting'
  | 'healthy'
  | 'running'
  | 'unhealthy'
  | 'completed'
  | 'restarting'
  | 'stopping'
  | 'stopped'
  | 'failed';

/** What happens in a run. Times in milliseconds. */
export type StackEvent =
  | {
      kind: 'state';
      service: string;
      title: string;
      state: ServiceState;
      /** More of it, e.g. `building 212 of 640`; it may change while the state does not. */
      detail?: string;
      pid?: number;
      /** Since its start. */
      afterMs: number;
    }
  | {
      kind: 'died';
      service: string;
      title: string;
      pid: number;
      /** e.g. `was killed by SIGKILL` */
      cause: string;
      lastLines: string[];
      logPath: string;
      restartInMs: number;
    }
  | { kind: 'note'; text: string };

/** An event as lines for a terminal; undefined for those that are of no interest there. */
export function eventLine(event: StackEvent): string | undefined {
  if (event.kind === 'note') return event.text;
  const name = event.title.padEnd(20);
  if (event.kind === 'died') {
    const next = `restarting it in ${event.restartInMs / 1_000} s`;
    return `${name} ${event.cause} (pid ${event.pid}); ${next}. ${lastLines(event.lastLines, event.logPath)}`;
  }
  if (event.state === 'missing') return `${name} missing    ${event.detail}`;
  const told: ServiceState[] = ['healthy', 'running', 'unhealthy', 'completed'];
  if (!told.includes(event.state)) return undefined;
  return `${name} ${event.state.padEnd(10)} ${(event.afterMs / 1_000).toFixed(1)} s`;
}

/** The end of a log, introduced and indented. */
export function lastLines(lines: string[], path: string): string {
  if (lines.length === 0) return `It wrote nothing to ${path}`;
  return `The end of ${path}:\n${lines.map((line) => `    ${line.slice(0, SHOWN_CHARACTERS)}`).join('\n')}`;
}
