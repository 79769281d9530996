import { beforeAll, expect, test } from 'vitest';
import { telemetryBytes } from './bundle-size.ts';

let bytes: Awaited<ReturnType<typeof telemetryBytes>>;
beforeAll(async () => {
  bytes = await telemetryBytes();
  const { early, eager, lazy } = bytes;
  console.log(`gzipped: early ${early}, all that is loaded at once ${eager}, loaded later ${lazy} bytes`);
});

test('what runs before the app is at most 0.7 KB', () => {
  expect(bytes.early).toBeLessThanOrEqual(0.7 * 1_024);
});

test('what is loaded with the app is at most 2 KB', () => {
  expect(bytes.eager).toBeLessThanOrEqual(2 * 1_024);
});

test('what is loaded later is at most 26 KB', () => {
  expect(bytes.lazy).toBeGreaterThan(5_000);
  expect(bytes.lazy).toBeLessThanOrEqual(26 * 1_024);
});
