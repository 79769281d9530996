import { type TransportItem, TransportItemType } from '@grafana/faro-core';
import { expect, test } from 'vitest';
import { AllowListTransport } from './allow-list-transport.ts';
import { nameHash } from './frames.ts';
import type { WireItem } from './wire.ts';

const timestamp = '2026-01-02T03:04:05.678Z';
const meta = {
  view: { name: '/clients/:id' },
  page: { url: 'https://clinic.example/clients/PLANTED' },
  user: { email: 'PLANTED' },
};

function sent(type: TransportItemType, payload: unknown, withMeta: unknown = meta): WireItem[] {
  const items: WireItem[] = [];
  const transport = new AllowListTransport({
    emit: (item) => items.push(item),
    folder: 'https://clinic.example/assets/',
  });
  transport.send([{ type, payload, meta: withMeta } as TransportItem]);
  return items;
}

test('a web vital keeps name, value, rating and page', () => {
  const values = { LCP: 1234.56789, PLANTED: 1, INP: Number.NaN, CLS: -1 };
  const context = { rating: 'good', page: '/clients', element: 'PLANTED' };
  expect(sent(TransportItemType.MEASUREMENT, { type: 'PLANTED', timestamp, values, context })).toEqual([
    { k: 'm', t: Date.parse(timestamp), n: 'LCP', v: 1234.56789, p: '/clients', r: 'good' },
  ]);
});

test('an error keeps the type, if it is listed, and the place in our own bundle', () => {
  const stacktrace = {
    frames: [{ filename: 'https://clinic.example/assets/index-a1.js', function: 'PLANTED', lineno: 1, colno: 2 }],
  };
  const payload = { type: 'TypeError', value: 'PLANTED', timestamp, stacktrace, context: { cause: 'PLANTED' } };
  expect(sent(TransportItemType.EXCEPTION, payload)).toEqual([
    { k: 'e', t: Date.parse(timestamp), n: 'TypeError', p: '/clients/:id', f: [[nameHash('index-a1.js'), 1, 2]] },
  ]);
  expect(sent(TransportItemType.EXCEPTION, { type: 'PLANTED', value: 'PLANTED', timestamp })).toMatchObject([
    { n: 'Error', f: [] },
  ]);
});

test('a page that is not declared is unknown', () => {
  const payload = { type: 'web-vitals', timestamp, values: { CLS: 0 } };
  const planted = { view: { name: '/clients/PLANTED' } };
  expect(sent(TransportItemType.MEASUREMENT, payload, planted)).toMatchObject([{ p: 'unknown' }]);
  expect(sent(TransportItemType.MEASUREMENT, { ...payload, context: { page: 'PLANTED' } })).toMatchObject([
    { p: 'unknown' },
  ]);
});

test.each([TransportItemType.LOG, TransportItemType.EVENT, TransportItemType.TRACE])('%s is not sent', (type) => {
  expect(sent(type, { message: 'PLANTED', timestamp, name: 'PLANTED', attributes: {} })).toEqual([]);
});
