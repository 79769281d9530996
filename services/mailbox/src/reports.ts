import { createHmac } from 'node:crypto';
import type { Outcome } from './mailbox.ts';

export interface ReportsOptions {
  /** Where to tell what became of a mail. */
  readonly url: string;
  readonly key: string;
  /** Resolves after so many milliseconds; rejects when nothing more is to be sent. */
  readonly sleep: (ms: number) => Promise<unknown>;
  readonly log: (
    event: 'clinic_away' | 'clinic_back' | 'report_refused',
    facts: Readonly<Record<string, number>>,
  ) => void;
}

export interface Reports {
  readonly counts: { readonly told: number; readonly dropped: number; readonly waiting: number };
  add(id: string, outcomes: readonly Outcome[]): void;
  /** Sends one report after the other until `sleep` rejects. */
  run(): Promise<never>;
}

const MAX_WAITING = 100_000;
const ANSWER_WITHIN_MS = 5_000;
const LONGEST_WAIT_MS = 30_000;

/** Tells the clinic what became of its mails, in order, each until the clinic has taken it. */
export function createReports({ url, key, sleep, log }: ReportsOptions): Reports {
  const waiting: string[] = [];
  let told = 0;
  let dropped = 0;
  let wake = () => {};

  /** The status, or undefined without an answer. */
  async function send(body: string): Promise<number | undefined> {
    const timestamp = String(Math.floor(Date.now() / 1000));
    try {
      const response = await fetch(url, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'x-email-timestamp': timestamp,
          'x-email-signature': createHmac('sha256', key).update(`${timestamp}.${body}`).digest('hex'),
        },
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      await response.arrayBuffer();
      return response.status;
    } catch {
      return undefined;
    }
  }

  return {
    get counts() {
      return { told, dropped, waiting: waiting.length };
    },
    add(id, outcomes) {
      for (const state of outcomes) {
        if (waiting.length < MAX_WAITING) waiting.push(JSON.stringify({ id, state }));
        else dropped++;
      }
      wake();
    },
    async run() {
      for (let failures = 0; ; ) {
        const [body] = waiting;
        if (body === undefined) {
          const more = new Promise<void>((resolve) => {
            wake = resolve;
          });
          await Promise.race([more, sleep(1_000)]);
          continue;
        }
        const status = await send(body);
        const refused = status !== undefined && status >= 400 && status < 500 && status !== 429;
        if (status === 204 || refused) {
          waiting.shift();
          if (refused) {
            dropped++;
            log('report_refused', { status });
          } else told++;
          if (failures > 0) log('clinic_back', { waiting: waiting.length });
          failures = 0;
          continue;
        }
        failures++;
        if (failures === 1) log('clinic_away', status === undefined ? {} : { status });
        await sleep(Math.min(LONGEST_WAIT_MS, 250 * 2 ** Math.min(failures, 10)));
      }
    },
  };
}
