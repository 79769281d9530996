import { expect, test } from 'vitest';
import { parseArguments } from './arguments.ts';

const parse = (...args: string[]) => parseArguments(args, '/repository');

test('without arguments: the critical paths, whole, on the stack of npm start', () => {
  expect(parse()).toMatchObject({
    scenario: 'critical-paths',
    timeScale: 1,
    owned: false,
    target: { clinic: 'http://localhost:8080', passwordFile: '/repository/.state/secrets/demo_password' },
  });
  expect(parse('spike', '--port-offset', '100')).toMatchObject({
    scenario: 'spike',
    target: { clinic: 'http://localhost:8180', prometheus: 'http://localhost:9190', tempo: 'http://localhost:3300' },
  });
});

test.each([
  [['critical-path'], 'did you mean critical-paths?'],
  [['spkie'], 'There is no scenario spkie'],
  [['--timescale', '1'], 'did you mean --time-scale?'],
  [['--fast'], 'There is no option --fast.'],
  [['soak', 'spike'], 'One scenario at a time'],
  [['--time-scale', '0'], '--time-scale must be a number'],
  [['--port-offset', 'x'], '--port-offset must be a whole number'],
  [['--target', 'http://x'], '--target needs --password-file'],
  [['--tempo', 'http://x'], 'belong to --target'],
  [['--own-stack', '--state', 'x'], '--own-stack starts a stack of its own'],
  [['endpoints'], 'runs with --own-stack only'],
])('%j says what is wrong, and all that there is', (args, message) => {
  expect(() => parse(...args)).toThrow(message);
  for (const name of ['critical-paths', 'browser-journey', '--i-own-this-target'])
    expect(() => parse(...args)).toThrow(name);
});

test('a target of its own, and a foreign one', () => {
  expect(parse('endpoints', '--own-stack')).toMatchObject({ target: undefined });
  expect(parse('--target', 'https://clinic.example/', '--password-file', '/p', '--i-own-this-target')).toMatchObject({
    owned: true,
    target: { clinic: 'https://clinic.example', passwordFile: '/p' },
  });
});
