import { randomUUID } from 'node:crypto';
import { pipeline } from 'node:stream/promises';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { type Database, FOREIGN_KEY_VIOLATION, type Query, sqlState } from './database.ts';
import { type DocumentStore, MAX_DOCUMENT_SIZE } from './document-store.ts';
import { freeText } from './free-text.ts';
import { PAGE_SIZE, page, rowsOf } from './paging.ts';
import { idOf } from './path-id.ts';
import { Problem } from './problem.ts';
import type { Answered, Visit } from './route.ts';

/** What a practice keeps. Whatever it says it is, a browser never shows it: it is always a download. */
export const MEDIA_TYPES = ['application/pdf', 'image/jpeg', 'image/png', 'text/plain'] as const;

const listQuery = z.object({ page });
const documentName = freeText(200);

interface Document {
  readonly id: string;
  readonly name: string;
  readonly media_type: string;
  readonly size_bytes: number;
  readonly uploaded_at: Date;
  readonly uploaded_by: string;
}

const DOCUMENT = 'documents.id, documents.name, media_type, size_bytes, uploaded_at, users.name AS uploaded_by';

/** Of one client, newest first. */
export const documentsOf = (query: Query, client: string): Promise<Document[]> =>
  query<Document>(
    `SELECT ${DOCUMENT} FROM documents JOIN users ON users.id = documents.uploaded_by
     WHERE client_id = $1 ORDER BY uploaded_at DESC LIMIT 200`,
    [client],
  );

/** `GET /api/documents?page=`: of all clients, newest first; 25 a page. */
export async function listDocuments({ request, answer }: Visit): Promise<Answered> {
  const { page: number } = listQuery.parse(request.query);
  return answer(async (query) => {
    const [[count], documents] = await Promise.all([
      query<{ total: number }>('SELECT count(*)::int AS total FROM documents'),
      query<Document & { client_id: string; given_name: string; family_name: string }>(
        `SELECT ${DOCUMENT}, client_id, given_name, family_name
         FROM documents JOIN users ON users.id = documents.uploaded_by JOIN clients ON clients.id = client_id
         ORDER BY uploaded_at DESC, documents.id LIMIT $1 OFFSET $2`,
        rowsOf(number),
      ),
    ]);
    return { body: { documents, page: number, page_size: PAGE_SIZE, total: count?.total ?? 0 } };
  });
}

/** A document's body is a stream of its own: nothing reads it before the handler. */
export const documentBody: RequestHandler = (_req, _res, next) => next();

function nameOf(header: string | undefined): string {
  try {
    return documentName.parse(decodeURIComponent(header ?? ''));
  } catch {
    throw new Problem('document_name_invalid');
  }
}

function mediaTypeOf(header: string | undefined): (typeof MEDIA_TYPES)[number] {
  const type = header?.split(';', 1)[0]?.trim().toLowerCase();
  const listed = MEDIA_TYPES.find((each) => each === type);
  if (!listed) throw new Problem('document_type_refused');
  return listed;
}

/**
 * `POST /api/clients/:id/documents`: the bytes as the body, their Content-Type one of {@link MEDIA_TYPES}, `X-Document-Name`
 * percent-encoded; at most 5 MB. 201 once it is whole, on the disk and recorded.
 */
export function storeDocument(store: DocumentStore) {
  return async ({ request, visitor, answer }: Visit): Promise<Answered> => {
    const client_id = idOf(request.params, 'client_unknown');
    const name = nameOf(request.get('x-document-name'));
    const media_type = mediaTypeOf(request.get('content-type'));
    if (request.get('content-encoding') !== undefined) throw new Problem('document_type_refused');
    if (Number(request.get('content-length') ?? 0) > MAX_DOCUMENT_SIZE) throw new Problem('document_too_large');
    const id = randomUUID();
    // Without `destroyOnReturn: false` a refusal would close the connection before it is told.
    const received = await store.receive(id, request.iterator({ destroyOnReturn: false })).catch((error: unknown) => {
      // Node throws away only a body that nobody has begun to read: the next request would wait behind the rest of this one.
      request.resume();
      throw error;
    });
    try {
      return await answer(async (query) => {
        const [document] = await query<Document>(
          `INSERT INTO documents (id, client_id, uploaded_by, name, media_type, size_bytes, sha256)
           VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING uploaded_at`,
          [id, client_id, visitor.user.id, name, media_type, received.size, received.sha256],
        );
        await received.keep();
        return {
          status: 201,
          location: `/api/documents/${id}`,
          body: { id, name, media_type, size_bytes: received.size, ...document, uploaded_by: visitor.user.name },
          audit: { resource_id: id },
        };
      });
    } catch (error) {
      // A file that was kept stays: whether a COMMIT without an answer was done is not known. Without a row it will be swept.
      await received.discard();
      if (sqlState(error) === FOREIGN_KEY_VIOLATION) throw new Problem('client_unknown');
      throw error;
    }
  };
}

/** RFC 8187. Separators of paths are left out: a name is no place. */
const encodedName = (name: string) =>
  encodeURIComponent(name.replace(/[/\\]/g, '_')).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );

interface ShowOptions {
  readonly database: Pick<Database, 'query'>;
  readonly documents: Pick<DocumentStore, 'read'>;
}

/** `GET /api/documents/:id`: the bytes, as a download. Sent only when they are what was stored, to the last one. */
export function showDocument({ database, documents }: ShowOptions) {
  return async ({ request, answer }: Visit): Promise<Answered> => {
    const id = idOf(request.params, 'document_unknown');
    const [document] = await database.query<Document & { client_id: string; sha256: Buffer }>(
      'SELECT client_id, name, media_type, size_bytes, sha256 FROM documents WHERE id = $1',
      [id],
    );
    if (!document) throw new Problem('document_unknown');
    const bytes = await documents.read(id, document.sha256);
    try {
      return await answer(async () => ({
        audit: { client_id: document.client_id },
        send: async (response) => {
          response.set({
            'Content-Type': document.media_type,
            'Content-Length': String(document.size_bytes),
            'Content-Disposition': `attachment; filename*=UTF-8''${encodedName(document.name)}`,
            'Content-Security-Policy': "default-src 'none'; sandbox",
            'X-Content-Type-Options': 'nosniff',
          });
          // A reader who goes away is no error of ours.
          await pipeline(bytes, response).catch(() => {});
        },
      }));
    } finally {
      bytes.destroy();
    }
  };
}
