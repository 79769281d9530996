import { expect, test } from 'vitest';
import { hashPassword, passwordMatches } from './passwords.ts';

test('a password matches its own hash only', async () => {
  const hash = await hashPassword('correct horse');
  expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(await passwordMatches('correct horse', hash)).toBe(true);
  expect(await passwordMatches('correct horse ', hash)).toBe(false);
  expect(await hashPassword('correct horse')).not.toBe(hash);
});

test('an unknown account has no password, and costs as much', async () => {
  const hash = await hashPassword('x');
  const time = async (stored: string | undefined) => {
    const times = [];
    for (let i = 0; i < 5; i++) {
      const start = performance.now();
      expect(await passwordMatches('y', stored)).toBe(false);
      times.push(performance.now() - start);
    }
    return Math.min(...times);
  };
  const [known, unknown] = [await time(hash), await time(undefined)];
  expect(unknown).toBeGreaterThan(known / 3);
});

test('what is not a hash is an error, not a wrong password', async () => {
  await expect(passwordMatches('x', 'plain text')).rejects.toThrow(/argon2id/);
});
