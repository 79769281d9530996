/**
 * Signed heads of the audit log, kept outside the database: who can rewrite the whole log cannot rewrite what it was an hour ago.
 * One line of JSON each, in one file that is only ever appended to; each line holds the hash of the line before it.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Anchor, ChainBreak } from './chain.ts';

const head = z.strictObject({
  /** `restored`: after a restore to an earlier time. What was signed before about later rows holds no longer. */
  kind: z.enum(['head', 'restored']),
  seq: z.number().int().nonnegative(),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  at: z.iso.datetime(),
  previous: z.string().regex(/^[0-9a-f]{64}$/),
});
export type Head = z.infer<typeof head>;
const signed = head.extend({ signature: z.base64() });

export interface Heads {
  /** What the log must still hold, without what a restore made void. */
  readonly known: readonly Anchor[];
  readonly last: Head | undefined;
  /** Lines that are not in order or whose signature is wrong. */
  readonly breaks: readonly ChainBreak[];
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const START = sha256('clinic audit heads');

/** What is signed: the fields in one order. */
const signedText = ({ kind, seq, hash, at, previous }: Head) => JSON.stringify([kind, seq, hash, at, previous]);

/** The heads of a file's text. A line that cannot be trusted is named and tells nothing. */
export function readHeads(text: string, publicKey: KeyObject): Heads {
  const breaks: ChainBreak[] = [];
  let known: Anchor[] = [];
  let previous = START;
  let last: Head | undefined;
  for (const [index, line] of text.split('\n').filter(Boolean).entries()) {
    const parsed = signed.safeParse(json(line));
    const trusted =
      parsed.success &&
      parsed.data.previous === previous &&
      verify(null, Buffer.from(signedText(parsed.data)), publicKey, Buffer.from(parsed.data.signature, 'base64'));
    previous = sha256(line);
    if (!trusted) {
      breaks.push({ kind: 'heads', seq: index + 1 });
      continue;
    }
    last = parsed.data;
    const { kind, seq, hash } = parsed.data;
    // The record of a restore stands in the log after the last row that was brought back.
    if (kind === 'restored') known = known.filter((each) => each.seq < seq);
    known.push({ seq, hash });
  }
  return { known, last, breaks };
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

export interface HeadsFile {
  read(): Heads;
  /** Signs a place in the chain. It is on disk when this returns. */
  append(kind: Head['kind'], anchor: Anchor, at: Date): void;
}

/** The heads of a state folder, which gets a key of its own the first time. Throws when folder or key cannot be used. */
export function openHeads(folder: string): HeadsFile {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'audit-heads.jsonl');
  const privateKey = keyOf(join(folder, 'audit-head-key.pem'));
  const publicKey = createPublicKey(privateKey);
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  return {
    read: () => readHeads(text(), publicKey),
    append(kind, { seq, hash }, at) {
      const lastLine = text().split('\n').filter(Boolean).at(-1);
      const entry: Head = { kind, seq, hash, at: at.toISOString(), previous: lastLine ? sha256(lastLine) : START };
      const signature = sign(null, Buffer.from(signedText(entry)), privateKey).toString('base64');
      appendDurably(file, `${JSON.stringify({ ...entry, signature })}\n`);
    },
  };
}

function keyOf(file: string): KeyObject {
  if (!existsSync(file)) {
    const { privateKey } = generateKeyPairSync('ed25519');
    appendDurably(file, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  }
  return createPrivateKey(readFileSync(file));
}

function appendDurably(file: string, text: string): void {
  const handle = openSync(file, 'a', 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
