import { expect, test } from 'vitest';
import { statusLine } from './status-line.mjs';

function capture(isTTY: boolean) {
  let text = '';
  let now = 0;
  const stream = {
    isTTY,
    columns: 20,
    write: (chunk: string) => {
      text += chunk;
    },
  };
  return { line: statusLine(stream, () => now), text: () => text, wait: (ms: number) => (now += ms) };
}

test('on a terminal the status is one line, overwritten, never wrapped; what is logged stays above it', () => {
  const { line, text } = capture(true);
  line.status('building prometheus 10s');
  line.log('built');
  line.status('next');
  line.clear();
  expect(text()).toBe('\r\x1b[Kbuilding prometheus\r\x1b[Kbuilt\n\r\x1b[Knext\r\x1b[K');
});

test('elsewhere it is printed twice a minute, without control characters', () => {
  const { line, text, wait } = capture(false);
  for (let second = 0; second < 60; second++) {
    wait(1_000);
    line.status(`at ${second + 1}s`);
  }
  line.clear();
  expect(text()).toBe('at 30s\nat 60s\n');
});
