import { expect, test } from 'vitest';
import { leftBehind, readSample, type Sample } from './samples.ts';

const sample = (step: Sample['step'], more: Partial<Sample> = {}): Sample => ({
  ...{ at: 1, step, ms: 5, status: 200, good: true, bytes: 10, trace: 'a'.repeat(32), users: 1 },
  ...more,
});

test('a line that k6 wrote for itself, or could not finish, is no sample', () => {
  const whole = JSON.stringify(sample('open_chart'));
  expect(readSample(whole)).toEqual(sample('open_chart'));
  expect(readSample(whole.slice(0, 40))).toBeUndefined();
  expect(readSample('level=warning msg="Request Failed"')).toBeUndefined();
});

test('left behind is what was made and not cancelled', () => {
  const samples = [
    sample('create_appointment', { appointment: 'one' }),
    sample('create_appointment', { appointment: 'two' }),
    sample('create_appointment', { good: false }),
    sample('cancel_appointment', { appointment: 'one' }),
    sample('cancel_appointment', { appointment: 'two', good: false }),
  ];
  expect(leftBehind(samples)).toEqual(['two']);
});
