import { PAGE_ROUTES, UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { ERROR_TYPES, RATINGS, WEB_VITALS } from '@clinic/catalogue/vocabulary';
import {
  BaseTransport,
  type ExceptionEvent,
  type MeasurementEvent,
  type TransportItem,
  TransportItemType,
} from '@grafana/faro-core';
import { hashFrames } from './frames.ts';
import type { ErrorItem, MetricItem } from './wire.ts';

const listed = <Word extends string>(list: readonly Word[], value: unknown) => list.find((word) => word === value);

/**
 * Builds a new record from listed parts of each web vital and each error. Logs, events, traces, meta and context of Faro are
 * not copied: there is no list of things to remove, so nothing can be forgotten.
 */
export class AllowListTransport extends BaseTransport {
  readonly name = 'allow-list';
  readonly version = '1';
  readonly #emit: (item: MetricItem | ErrorItem) => void;

  constructor(emit: (item: MetricItem | ErrorItem) => void) {
    super();
    this.#emit = emit;
  }

  override isBatched(): boolean {
    return true; // with Faro's own batching off, `send` gets arrays of one, at once
  }

  override send(items: TransportItem | TransportItem[]): void {
    for (const item of Array.isArray(items) ? items : [items]) {
      if (item.type === TransportItemType.MEASUREMENT) this.#vital(item);
      else if (item.type === TransportItemType.EXCEPTION) this.#error(item);
    }
  }

  #vital({ payload, meta }: TransportItem): void {
    const { timestamp, values, context } = payload as MeasurementEvent;
    for (const [name, value] of Object.entries(values)) {
      const n = listed(WEB_VITALS, name);
      if (!n || !Number.isFinite(value) || value < 0) continue;
      const p = listed(PAGE_ROUTES, context?.page ?? meta.view?.name) ?? UNKNOWN_ROUTE;
      const v = Math.round(value * 1e3) / 1e3;
      this.#emit({ k: 'm', t: Date.parse(timestamp), n, v, p, r: listed(RATINGS, context?.rating) });
    }
  }

  #error({ payload, meta }: TransportItem): void {
    const { timestamp, type, stacktrace } = payload as ExceptionEvent;
    this.#emit({
      k: 'e',
      t: Date.parse(timestamp),
      n: listed(ERROR_TYPES, type) ?? 'Error',
      h: hashFrames(stacktrace?.frames ?? []),
      p: listed(PAGE_ROUTES, meta.view?.name) ?? UNKNOWN_ROUTE,
    });
  }
}
