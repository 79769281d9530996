import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import qrcode from 'qrcode-generator';

const ISSUER = 'Clinic';
/** Seconds that a code is shown, by RFC 6238 and every authenticator app. */
const PERIOD = 30;
/** Codes of so many steps before and after the present one are taken: clocks differ. */
const WINDOW = 1;
/** RFC 4226: at least 128 bits, 160 recommended. */
const SECRET_BYTES = 20;

const FORM = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Secrets of authenticator apps, as they lie in the database: AES-256-GCM under a key that the database does not hold. */
export class TotpSecrets {
  readonly #key: Buffer;

  constructor(key: string) {
    this.#key = Buffer.from(hkdfSync('sha256', key, '', 'clinic totp secrets', 32));
  }

  /** Bound to the user: in the row of somebody else it cannot be opened. */
  seal(secret: Buffer, userId: number): Buffer {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(ownerOf(userId));
    const sealed = Buffer.concat([cipher.update(secret), cipher.final()]);
    return Buffer.concat([Buffer.of(FORM), nonce, sealed, cipher.getAuthTag()]);
  }

  /** Throws when it was sealed with another key or for another user, or was changed. */
  open(stored: Buffer, userId: number): Buffer {
    if (stored[0] !== FORM) throw new TypeError('A stored second factor has an unknown form.');
    const nonce = stored.subarray(1, 1 + NONCE_BYTES);
    const cipher = createDecipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(ownerOf(userId)).setAuthTag(stored.subarray(-TAG_BYTES));
    return Buffer.concat([cipher.update(stored.subarray(1 + NONCE_BYTES, -TAG_BYTES)), cipher.final()]);
  }
}

const ownerOf = (userId: number) => Buffer.from(`user:${userId}`);

export const newSecret = (): Buffer => randomBytes(SECRET_BYTES);

const totpOf = (secret: Buffer, label = '') =>
  new TOTP({
    issuer: ISSUER,
    label,
    algorithm: 'SHA1',
    digits: 6,
    period: PERIOD,
    secret: new Secret({ buffer: Uint8Array.from(secret).buffer }),
  });

export interface Enrolment {
  /** For the authenticator app: `otpauth://totp/…`. */
  readonly otpauth_uri: string;
  /** The same secret for typing, base32. */
  readonly secret: string;
  /** The URI as a QR code: an `<svg>` element. */
  readonly qr_svg: string;
}

/** What an authenticator app needs to make this secret's codes. */
export function enrolment(secret: Buffer, account: string): Enrolment {
  const totp = totpOf(secret, account);
  const uri = totp.toString();
  const code = qrcode(0, 'M');
  code.addData(uri);
  code.make();
  return { otpauth_uri: uri, secret: totp.secret.base32, qr_svg: code.createSvgTag({ scalable: true }) };
}

/** The time step of a code that is right at the time (milliseconds since 1970), otherwise undefined. */
export function stepOf(code: string, secret: Buffer, time: number): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const delta = totpOf(secret).validate({ token: code, timestamp: time, window: WINDOW });
  return delta === null ? undefined : Math.floor(time / 1000 / PERIOD) + delta;
}
