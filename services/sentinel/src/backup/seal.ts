import { pipeline, Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import type { BackupKey } from './key.ts';

/** Loaded when the first thing is sealed: it is 5 MB of code that a process that only looks on does not need. */
const age = () => import('age-encryption');

const web = (stream: Readable) => Readable.toWeb(stream) as unknown as ReadableStream<Uint8Array>;
const node = (stream: ReadableStream<Uint8Array>) => Readable.fromWeb(stream as unknown as WebStream);

/** Compresses, then encrypts, as it flows: nothing is held whole. An error of `source` ends what is returned with it. */
export async function seal(source: Readable, key: BackupKey): Promise<Readable> {
  const { Encrypter, identityToRecipient } = await age();
  const encrypter = new Encrypter();
  encrypter.addRecipient(await identityToRecipient(key.identity));
  const compressed = createZstdCompress();
  pipeline(source, compressed, () => {});
  return node(await encrypter.encrypt(web(compressed)));
}

/** The reverse. Rejects, or ends the stream with an error, when the key is wrong or a byte was changed, added or cut off. */
export async function unseal(source: Readable, key: BackupKey): Promise<Readable> {
  const { Decrypter } = await age();
  const decrypter = new Decrypter();
  decrypter.addIdentity(key.identity);
  const opened = createZstdDecompress();
  const decrypted = await decrypter.decrypt(web(source)).catch((error: unknown) => {
    source.destroy();
    throw error;
  });
  const plain = node(decrypted);
  pipeline(plain, opened, () => {});
  return opened;
}
