import { PAGE_ROUTES, UNKNOWN_ROUTE } from '@clinic/catalogue/routes';
import { ERROR_TYPES, RATINGS, WEB_VITALS } from '@clinic/catalogue/vocabulary';
import {
  BaseTransport,
  type ExceptionEvent,
  type MeasurementEvent,
  type TransportItem,
  TransportItemType,
} from '@grafana/faro-core';
import { framesOf } from './frames.ts';
import type { ErrorItem, MetricItem } from './wire.ts';

const listed = <Word extends string>(list: readonly Word[], value: unknown) => list.find((word) => word === value);

export interface AllowListTransportOptions {
  readonly emit: (item: MetricItem | ErrorItem) => void;
  /** URL of the folder that holds the scripts of our own build. */
  readonly folder: string;
}

/**
 * Builds a new record from listed parts of each web vital and each error. Logs, events, traces, meta and context of Faro are
 * not copied: there is no list of things to remove, so nothing can be forgotten.
 */
export class AllowListTransport extends BaseTransport {
  readonly name = 'allow-list';
  readonly version = '2';
  readonly #emit: AllowListTransportOptions['emit'];
  readonly #folder: string;

  constructor({ emit, folder }: AllowListTransportOptions) {
    super();
    this.#emit = emit;
    this.#folder = folder;
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
    for (const [name, v] of Object.entries(values)) {
      const n = listed(WEB_VITALS, name);
      if (!n || !Number.isFinite(v) || v < 0) continue;
      const p = listed(PAGE_ROUTES, context?.page ?? meta.view?.name) ?? UNKNOWN_ROUTE;
      this.#emit({ k: 'm', t: Date.parse(timestamp), n, v, p, r: listed(RATINGS, context?.rating) });
    }
  }

  #error({ payload, meta }: TransportItem): void {
    const { timestamp, type, stacktrace, context } = payload as ExceptionEvent;
    this.#emit({
      k: 'e',
      t: Date.parse(timestamp),
      n: listed(ERROR_TYPES, type) ?? 'Error',
      p: listed(PAGE_ROUTES, context?.page ?? meta.view?.name) ?? UNKNOWN_ROUTE,
      f: framesOf(stacktrace?.frames ?? [], this.#folder),
    });
  }
}
