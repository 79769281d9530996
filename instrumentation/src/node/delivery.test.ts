import { expect, test } from 'vitest';
import { Delivery } from './delivery.ts';
import type { Answer } from './otlp.ts';

function setup(capacity = 1000) {
  const requests: { readonly records: number; answer(answer: Answer): Promise<void> }[] = [];
  const timers: (() => void)[] = [];
  const delivery = new Delivery({
    send: (body) =>
      new Promise((resolve) => {
        const answer = async (value: Answer) => {
          resolve(value);
          await new Promise(setImmediate);
        };
        requests.push({ records: (JSON.parse(body) as unknown[]).length, answer });
      }),
    envelope: ['[', ']'],
    capacity,
    delay: 1000,
    interval: 1000,
    setTimer: (task) => {
      timers.push(task);
      return { unref: () => {} };
    },
    now: () => 0,
  });
  const add = (count: number) => {
    for (let index = 0; index < count; index++) delivery.add('{}');
  };
  return { delivery, requests, timers, add };
}

test('what fills a request is sent at once, what does not waits for its turn', async () => {
  const { delivery, requests, timers, add } = setup();
  add(255);
  expect(requests).toHaveLength(0);
  add(1 + 256 + 88);
  expect(requests).toHaveLength(1);
  await requests[0]!.answer({ status: 200 });
  expect(requests).toHaveLength(2);
  await requests[1]!.answer({ status: 200 });
  expect(requests.map(({ records }) => records)).toEqual([256, 256]);
  expect(delivery.pending).toBe(88);
  timers.at(-1)!();
  expect(requests).toHaveLength(2); // the clock stands still: its turn has not come
});

test('a Collector that fails is left alone for a while, however much waits', async () => {
  const { requests, timers, add } = setup();
  add(600);
  await requests[0]!.answer({ status: 503 });
  add(100);
  expect(requests).toHaveLength(1);
  timers.at(-1)!();
  expect(requests).toHaveLength(2);
});

test('a full queue says so before a record is written, and counts it', () => {
  const { delivery, add } = setup(3);
  add(2);
  expect(delivery.refuses()).toBe(false);
  add(1);
  expect(delivery.refuses()).toBe(true);
  expect(delivery.counters).toMatchObject({ recorded: 4, dropped: 1 });
});
