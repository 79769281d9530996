import { type Instruments, instruments } from '@clinic/instrumentation/node/instruments';
import { openMetricsRegistry } from '@clinic/instrumentation/node/management';
import { collectDefaultMetrics } from 'prom-client';
import { type Ledger, type Receipt, UNSAMPLED } from './ledger.ts';
import { type ParsedLogs, REJECTIONS } from './otlp-logs.ts';
import type { Outbox } from './outbox.ts';

export interface MetricsOptions {
  readonly ledger: Ledger;
  readonly outboxes: readonly Outbox[];
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** The recorder's instruments, every label set at 0 from the start. */
export function recorderMetrics({ ledger, outboxes, now }: MetricsOptions) {
  const registry = openMetricsRegistry();
  collectDefaultMetrics({ register: registry });
  const make: Instruments = instruments(registry);

  make.counter('slowEvents', function () {
    this.reset();
    for (const [metric, events] of ledger.totals) this.inc({ metric }, events);
  });
  make.gauge('slowEventLedger', function () {
    for (const [metric, points] of ledger.samples()) this.set({ metric }, points);
  });
  make.gauge('slowEventOldest', function () {
    for (const [metric, { oldest }] of ledger.window()) this.set({ metric }, (oldest ?? 0) / 1000);
  });
  make.gauge('slowEventOutboxDepth', function () {
    for (const { replica, backlog } of outboxes) this.set({ replica }, backlog.depth);
  });
  make.gauge('slowEventOutboxOldest', function () {
    for (const { replica, backlog } of outboxes) {
      this.set({ replica }, backlog.since === null ? 0 : Math.max(0, now() - backlog.since) / 1000);
    }
  });
  const duplicates = make.counter('slowEventDuplicates');
  const rejected = make.counter('slowEventRejected');
  const unsampled = make.counter('slowEventUnsampled');
  const limitDisagreements = make.counter('slowEventLimitDisagreements');
  const storageErrors = make.counter('slowEventStorageErrors');
  const refused = make.counter('slowEventPointsRefused');
  const refills = make.counter('slowEventRefills');
  for (const reason of REJECTIONS) rejected.inc({ reason }, 0);
  for (const reason of UNSAMPLED) unsampled.inc({ reason }, 0);
  for (const { replica } of outboxes) {
    refused.inc({ replica }, 0);
    refills.inc({ replica }, 0);
  }
  return {
    registry,
    received({ rejected: reasons, limitDisagreements: disagreements }: ParsedLogs, receipt: Receipt): void {
      for (const [reason, count] of reasons) rejected.inc({ reason }, count);
      for (const reason of UNSAMPLED) unsampled.inc({ reason }, receipt.unsampled[reason]);
      duplicates.inc(receipt.duplicates);
      limitDisagreements.inc(disagreements);
    },
    storageFailed: () => storageErrors.inc(),
    pointRefused: (replica: string) => refused.inc({ replica }),
    refilled: (replica: string) => refills.inc({ replica }),
  };
}
