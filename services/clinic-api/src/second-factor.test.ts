import { expect, test } from 'vitest';
import { enrolment, newSecret, stepOf, TotpSecrets } from './second-factor.ts';

/** RFC 6238, appendix B, SHA-1: the last six of its eight digits. */
test.each([
  [59, '287082', 1],
  [1111111109, '081804', 37037036],
  [1234567890, '005924', 41152263],
  [20000000000, '353130', 666666666],
])('at %d s the code of the RFC is right', (seconds, code, step) => {
  expect(stepOf(code, Buffer.from('12345678901234567890'), seconds * 1000)).toBe(step);
});

test('the codes of one step before and after are taken, no others', () => {
  const secret = Buffer.from('12345678901234567890');
  // 287082 is the code of step 1, from 30 s to 60 s.
  const taken = [-31, -1, 0, 29, 30, 59, 60, 89, 90, 120].map((second) => stepOf('287082', secret, second * 1000));
  expect(taken).toEqual([undefined, undefined, 1, 1, 1, 1, 1, 1, undefined, undefined]);
});

test.each(['28708', '2870822', '28708a', ' 287082', '', '２８７０８２'])('%s is no code', (code) => {
  expect(stepOf(code, Buffer.from('12345678901234567890'), 45_000)).toBeUndefined();
});

test('a secret opens for its user, with its key, unchanged, and only so', () => {
  const secrets = new TotpSecrets('key');
  const secret = newSecret();
  const sealed = secrets.seal(secret, 7);
  expect(secrets.open(sealed, 7)).toEqual(secret);
  expect(sealed.includes(secret)).toBe(false);
  expect(secrets.seal(secret, 7)).not.toEqual(sealed);
  expect(() => secrets.open(sealed, 8)).toThrow();
  expect(() => new TotpSecrets('other').open(sealed, 7)).toThrow();
  for (const at of [0, 1, 13, sealed.length - 1]) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    expect(() => secrets.open(changed, 7)).toThrow();
  }
  expect(() => secrets.open(sealed.subarray(0, 20), 7)).toThrow();
});

test('an enrolment is what authenticator apps read', () => {
  const { otpauth_uri, secret, qr_svg } = enrolment(Buffer.from('12345678901234567890'), 'a&b@clinic.example');
  expect(secret).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
  const uri = new URL(otpauth_uri);
  expect([uri.protocol, uri.host, decodeURIComponent(uri.pathname)]).toEqual([
    'otpauth:',
    'totp',
    '/Clinic:a&b@clinic.example',
  ]);
  expect(Object.fromEntries(uri.searchParams)).toEqual({
    issuer: 'Clinic',
    secret,
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  });
  expect(qr_svg).toMatch(/^<svg [^>]*viewBox[^>]*>.*<\/svg>$/s);
  expect(qr_svg).not.toMatch(/script|style=|clinic/i);
});
