import { RHYTHM } from '@clinic/catalogue/recovery';
import { EMAIL_STATES, HEALTH_STATES } from '@clinic/catalogue/vocabulary';
import type { Instruments } from '@clinic/instrumentation/node/instruments';
import { WAL_SLOT } from '../backup/wal-receiver.ts';
import type { Log } from '../log.ts';
import type { Clock, Schedule } from '../schedule.ts';
import type { Settings } from '../settings.ts';
import { type Check, type CheckResult, createCheck, type HealthState, type Probe } from './check.ts';
import { databaseProbe } from './database-check.ts';
import { type EmailObserved, emailProbe } from './email-check.ts';
import { serviceProbe } from './service-check.ts';
import { storageProbe } from './storage-check.ts';
import { walArchiveProbe } from './wal-archive-check.ts';

/** Milliseconds. Well below the interval, so that a probe has ended when the next is due. */
const DEADLINE_MS = 10_000;

export interface Health {
  readonly checks: readonly Check[];
  current(): readonly CheckResult[];
  /** The worst of all. */
  overall(): HealthState;
}

export interface HealthOptions {
  readonly settings: Pick<Settings, 'DATABASE_URL' | 'DATABASE_PASSWORD_FILE' | 'CLINIC_URL' | 'SERVICES'>;
  readonly schedule: Schedule;
  readonly clock: Clock;
  readonly instruments: Instruments;
  readonly log: Log;
}

const WORST: readonly HealthState[] = ['down', 'degraded', 'unknown', 'healthy'];

/** Begins to check: each on its own, so that one that hangs delays no other. */
export function startHealth({ settings, schedule, clock, instruments, log }: HealthOptions): Health {
  const connection = { url: settings.DATABASE_URL, password: settings.DATABASE_PASSWORD_FILE };
  let email: EmailObserved = { ratio: undefined, items: new Map() };
  const probes: [string, Probe][] = [
    ['database', databaseProbe(connection)],
    ['wal_archive', walArchiveProbe({ ...connection, slot: WAL_SLOT })],
    [
      'email',
      emailProbe(connection, (observed) => {
        email = observed;
      }),
    ],
    ['storage', storageProbe(settings.CLINIC_URL)],
    ...settings.SERVICES.map((service): [string, Probe] => [service.name, serviceProbe(service)]),
  ];
  const transitions = instruments.counter('healthCheckTransitions');
  const checks = probes.map(([name, probe]) => {
    transitions.inc({ check: name }, 0);
    return createCheck({
      name,
      probe,
      clock,
      deadline: DEADLINE_MS,
      freshFor: 3 * RHYTHM.health.every,
      changed: ({ state, message }) => {
        transitions.inc({ check: name });
        log(state === 'healthy' ? 'info' : 'warn', 'health_changed', { check: name, state, message });
      },
    });
  });
  instruments.gauge('healthCheckState', function () {
    for (const check of checks) {
      const { state } = check.current();
      for (const each of HEALTH_STATES) this.set({ check: check.name, state: each }, each === state ? 1 : 0);
    }
  });
  instruments.gauge('healthCheckLatency', function () {
    for (const check of checks) {
      const { latencyMs } = check.current();
      if (latencyMs !== null) this.set({ check: check.name }, latencyMs / 1000);
    }
  });
  instruments.gauge('healthCheckLast', function () {
    for (const check of checks) {
      const { checkedAt } = check.current();
      if (checkedAt !== null) this.set({ check: check.name }, checkedAt / 1000);
    }
  });
  const emailCheck = checks.find(({ name }) => name === 'email');
  instruments.gauge('emailDeliveryRatio', function () {
    // Without a series while there are too few mails: 0 would be a catastrophe.
    if (email.ratio === undefined || emailCheck?.current().state === 'unknown') this.remove();
    else this.set(email.ratio);
  });
  instruments.gauge('emailOutbox', function () {
    for (const state of EMAIL_STATES) this.set({ state }, email.items.get(state) ?? 0);
  });

  for (const check of checks) {
    schedule.add({ name: `health_${check.name}`, ...RHYTHM.health, run: (_due, stop) => check.run(stop) });
    // Not half a minute late: a restart would otherwise look like an unknown state.
    void check.run();
  }
  const current = () => checks.map((check) => check.current());
  return {
    checks,
    current,
    overall: () => WORST.find((state) => current().some((result) => result.state === state)) ?? 'unknown',
  };
}
