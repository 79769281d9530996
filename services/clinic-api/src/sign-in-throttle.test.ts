import { expect, test } from 'vitest';
import { SignInThrottle } from './sign-in-throttle.ts';

test('after the tolerated failures an account waits for the rest of the window; others do not', () => {
  let clock = 0;
  const throttle = new SignInThrottle({ tolerated: 2, window: 1000, now: () => clock });
  throttle.failed('a');
  expect(throttle.allows('a')).toBe(true);
  throttle.failed('a');
  expect([throttle.allows('a'), throttle.allows('b')]).toEqual([false, true]);
  clock = 1000;
  expect(throttle.allows('a')).toBe(true);
});

test('a sign-in that succeeds forgets the failures', () => {
  const throttle = new SignInThrottle({ tolerated: 1 });
  throttle.failed('a');
  throttle.succeeded('a');
  expect(throttle.allows('a')).toBe(true);
});

test('memory is bounded: the account that failed longest ago is forgotten', () => {
  const throttle = new SignInThrottle({ tolerated: 1, accounts: 2 });
  for (const account of ['a', 'b', 'c']) throttle.failed(account);
  expect(['a', 'b', 'c'].map((account) => throttle.allows(account))).toEqual([true, false, false]);
});
