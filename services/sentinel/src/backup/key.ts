import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { bech32 } from '@scure/base';

/** What backups are sealed with, from the one secret of BACKUP_KEY_FILE. */
export interface BackupKey {
  /** `AGE-SECRET-KEY-1…`: the program `age` opens with it what is sealed here. */
  readonly identity: string;
  /** Hex HMAC-SHA-256: who has no key can write no manifest. */
  sign(text: string): string;
  verify(text: string, mac: string): boolean;
}

/** A secret that is an age identity is used as it is; of any other, one is derived (HKDF-SHA-256). */
export function backupKey(secret: string): BackupKey {
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, 'clinic backup', purpose, 32));
  const identity = /^AGE-SECRET-KEY-1[0-9A-Z]+$/.test(secret)
    ? secret
    : bech32.encodeFromBytes('AGE-SECRET-KEY-', derive('identity')).toUpperCase();
  const macKey = derive('manifest');
  const sign = (text: string) => createHmac('sha256', macKey).update(text).digest('hex');
  return {
    identity,
    sign,
    verify(text, mac) {
      const expected = Buffer.from(sign(text));
      const given = Buffer.from(mac);
      return expected.length === given.length && timingSafeEqual(expected, given);
    },
  };
}
