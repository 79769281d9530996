/** How long the parts of a test last, and what it must keep; runs inside k6. */
import { LOAD_BASELINES, REQUEST_BASELINE, STEP_BASELINES } from '../../catalogue/baselines.ts';
import { STEPS, type Step } from '../steps.ts';

const SCALE = Number(__ENV.TIME_SCALE ?? 1);

/** A duration as k6 writes it. Only the time shrinks: not the users, nor how long they think. */
export const scaled = (seconds: number): string => `${Math.max(1, Math.round(seconds * SCALE * 10) / 10)}s`;

/** For stages: `[seconds, target]`. */
export const stages = (...parts: readonly (readonly [seconds: number, target: number])[]) =>
  parts.map(([seconds, target]) => ({ duration: scaled(seconds), target }));

/** Nobody is sent away in the middle of a visit: the appointment would stay. */
export const GRACE = { gracefulStop: '45s' } as const;

/** What every test must keep, and that each of its steps is measured for itself. */
export function thresholds(...steps: readonly Step[]): Record<string, string[]> {
  const limits: Readonly<Partial<Record<Step, number>>> = STEP_BASELINES;
  return {
    http_req_duration: [`p(95)<${REQUEST_BASELINE}`],
    http_req_failed: [`rate<${LOAD_BASELINES.failures}`],
    ...Object.fromEntries(
      steps.flatMap((step): [string, string[]][] => {
        const limit = limits[step];
        return [
          ...(limit === undefined
            ? []
            : [[`http_req_duration{step:${step}}`, [`p(95)<${limit}`]] as [string, string[]]]),
          [`checks{step:${step}}`, [`rate>${1 - LOAD_BASELINES.failures}`]],
        ];
      }),
    ),
  };
}

export const CRITICAL_STEPS = Object.keys(STEPS).filter((step) =>
  ['sign_in', 'list_clients', 'open_chart', 'create_appointment'].includes(step),
) as Step[];

interface Summary {
  readonly metrics: Readonly<
    Record<
      string,
      {
        readonly values: Readonly<Record<string, number>>;
        readonly thresholds?: Readonly<Record<string, { readonly ok: boolean }>>;
      }
    >
  >;
}

/** What k6 made of the thresholds, for the program that started it. */
export function handleSummary({ metrics }: Summary): Record<string, string> {
  const thresholds = Object.entries(metrics).flatMap(([metric, { thresholds = {}, values }]) =>
    Object.entries(thresholds).map(([rule, { ok }]) => ({ metric, rule, ok, values })),
  );
  const dropped = metrics.dropped_iterations?.values.count ?? 0;
  return { [__ENV.SUMMARY ?? 'summary.json']: JSON.stringify({ thresholds, dropped }) };
}
