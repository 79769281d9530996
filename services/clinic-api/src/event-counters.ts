import { AUDIT_ACTIONS, SIGN_IN_OUTCOMES } from '@clinic/catalogue/vocabulary';
import type { Instruments } from '@clinic/instrumentation/node/instruments';
import type { AuditEvent } from './audit.ts';
import type { SignInOutcome } from './sign-in.ts';

export interface EventCounters {
  /** Counts what is in the audit log: to be called once it is committed. */
  recorded(event: AuditEvent): void;
  signIn(outcome: SignInOutcome): void;
}

/** `audit_events_total` and `sign_ins_total`; every series is there from the start. */
export function eventCounters(create: Instruments): EventCounters {
  const events = create.counter('auditEvents');
  const signIns = create.counter('signIns');
  for (const action of AUDIT_ACTIONS) for (const outcome of ['allowed', 'refused']) events.inc({ action, outcome }, 0);
  for (const outcome of SIGN_IN_OUTCOMES) signIns.inc({ outcome }, 0);
  return {
    recorded: ({ action, outcome }) => events.inc({ action, outcome }),
    signIn: (outcome) => signIns.inc({ outcome }),
  };
}
