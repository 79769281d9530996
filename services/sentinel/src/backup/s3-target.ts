import { open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { S3mini } from 's3mini';
import type { Target } from './target.ts';

export interface S3Options {
  /** `https://endpoint/bucket`. */
  readonly url: string;
  /** `ACCESS_KEY_ID:SECRET_ACCESS_KEY`. */
  readonly credentials: string;
}

/** Bytes; S3 allows 10,000 parts, so an object of 80 GB. */
const PART_BYTES = 8 * 1024 * 1024;

const statusOf = (error: unknown) => (error instanceof Error && 'status' in error ? error.status : undefined);

/** A bucket of a store that speaks S3. Whatever is there is sealed already; an object appears when its upload is complete. */
export async function openS3({ url, credentials }: S3Options): Promise<Target> {
  const { S3mini } = await import('s3mini');
  const at = credentials.indexOf(':');
  const s3: S3mini = new S3mini({
    endpoint: url,
    accessKeyId: credentials.slice(0, at),
    secretAccessKey: credentials.slice(at + 1),
    // Amazon's hosts name their region; other stores take the first one that there was.
    region: /s3[.-]([a-z]{2}(?:-[a-z]+)+-\d)\.amazonaws\.com$/.exec(new URL(url).hostname)?.[1] ?? 'us-east-1',
    requestAbortTimeout: 120_000,
  });
  return {
    async list(prefix) {
      const found = (await s3.listObjects('/', `${prefix}/`)) ?? [];
      return found
        .map(({ Key, Size }) => ({ name: Key, size: Number(Size) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async read(name) {
      // In parts, each taken at once and within its own deadline: a restore lasts for as long as it lasts, and an answer of which much is
      // still unread when the store hangs up would end the process (nodejs/undici#5360).
      const part = async (position: number, etag?: string) => {
        const answer = await s3.getObjectRaw(
          name,
          false,
          position,
          position + PART_BYTES,
          etag === undefined ? {} : { 'if-match': etag },
        );
        return {
          bytes: new Uint8Array(await answer.arrayBuffer()),
          size: Number(/\/(\d+)$/.exec(answer.headers.get('content-range') ?? '')?.[1]),
          etag: answer.headers.get('etag') ?? undefined,
        };
      };
      const first = await part(0).catch((error: unknown) => {
        const status = statusOf(error);
        if (status === 404) throw Object.assign(new Error('There is no object of this name.'), { code: 'ENOENT' });
        if (status === 416) return undefined;
        throw error;
      });
      return Readable.from(
        (async function* () {
          if (!first) return;
          yield first.bytes;
          for (let position = first.bytes.length; position < first.size; ) {
            const { bytes } = await part(position, first.etag).catch((error: unknown) => {
              throw statusOf(error) === 412 ? new Error('The object was replaced while it was read.') : error;
            });
            position += bytes.length;
            yield bytes;
          }
        })(),
        { objectMode: false },
      );
    },
    async copy(name, file) {
      const { size } = await stat(file);
      const handle = await open(file, 'r');
      const part = async (position: number) => {
        const bytes = Buffer.alloc(Math.min(PART_BYTES, size - position));
        await handle.read(bytes, 0, bytes.length, position);
        return bytes;
      };
      try {
        if (size <= PART_BYTES) {
          await s3.putObject(name, await part(0), 'application/octet-stream');
          return;
        }
        const upload = await s3.getMultipartUploadId(name, 'application/octet-stream');
        try {
          const parts = [];
          for (let position = 0; position < size; position += PART_BYTES) {
            parts.push(await s3.uploadPart(name, upload, await part(position), parts.length + 1));
          }
          await s3.completeMultipartUpload(name, upload, parts);
        } catch (error) {
          await s3.abortMultipartUpload(name, upload).catch(() => {});
          throw error;
        }
      } finally {
        await handle.close();
      }
    },
    async remove(name) {
      await s3.deleteObject(name);
    },
  };
}
