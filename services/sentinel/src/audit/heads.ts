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
  /** What the log must still hold, without what a restore made void; with the time of signing, in epoch milliseconds. */
  readonly known: readonly (Anchor & { readonly at: number })[];
  readonly last: Head | undefined;
  /** Lines that are not in order or whose signature is wrong. */
  readonly breaks: readonly ChainBreak[];
}

interface Lines extends Heads {
  readonly count: number;
  /** Hash of the last line. */
  readonly previous: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const START = sha256('clinic audit heads');

/** What is signed: the fields in one order. */
const signedText = ({ kind, seq, hash, at, previous }: Head) => JSON.stringify([kind, seq, hash, at, previous]);

const NONE: Lines = { known: [], last: undefined, breaks: [], count: 0, previous: START };

/** The heads of lines that follow on others. A line that cannot be trusted is named and tells nothing. */
function readLines(text: string, publicKey: KeyObject, before: Lines): Lines {
  const breaks = [...before.breaks];
  let known = [...before.known];
  let { previous, last, count } = before;
  for (const line of text.split('\n').filter(Boolean)) {
    count++;
    const parsed = signed.safeParse(json(line));
    const trusted =
      parsed.success &&
      parsed.data.previous === previous &&
      verify(null, Buffer.from(signedText(parsed.data)), publicKey, Buffer.from(parsed.data.signature, 'base64'));
    previous = sha256(line);
    if (!trusted) {
      breaks.push({ kind: 'heads', seq: count });
      continue;
    }
    last = parsed.data;
    const { kind, seq, hash, at } = parsed.data;
    // It signs the first row after those that were brought back.
    if (kind === 'restored') known = known.filter((each) => each.seq < seq);
    known.push({ seq, hash, at: Date.parse(at) });
  }
  return { known, last, breaks, count, previous };
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
  // A signature takes far longer to verify than its line to hash.
  let verified = { length: 0, hash: sha256(''), lines: NONE };
  const read = () => {
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (sha256(text.slice(0, verified.length)) !== verified.hash)
      verified = { length: 0, hash: sha256(''), lines: NONE };
    const lines = readLines(text.slice(verified.length), publicKey, verified.lines);
    if (text.endsWith('\n')) verified = { length: text.length, hash: sha256(text), lines };
    return lines;
  };
  return {
    read,
    append(kind, { seq, hash }, at) {
      const entry: Head = { kind, seq, hash, at: at.toISOString(), previous: read().previous };
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
