import { ApiError, authorization, call, download, parameters, refusal, segment } from './api.ts';

/** Bytes. */
export const LARGEST_DOCUMENT = 5_000_000;

export interface ClinicDocument {
  readonly id: string;
  readonly name: string;
  readonly media_type: string;
  readonly size_bytes: number;
  readonly uploaded_at: string;
  /** Who stored it. */
  readonly uploaded_by: string;
}

export interface FiledDocument extends ClinicDocument {
  readonly client_id: string;
  /** The client's. */
  readonly given_name: string;
  readonly family_name: string;
}

export interface DocumentList {
  readonly documents: readonly FiledDocument[];
  /** From 1. */
  readonly page: number;
  readonly page_size: number;
  readonly total: number;
}

export const listDocuments = (page: number, signal: AbortSignal) =>
  call<DocumentList>(`/api/documents${parameters({ page })}`, { signal });

/** Gives the file to the browser's downloads. */
export async function saveDocument({ id, name }: Pick<ClinicDocument, 'id' | 'name'>): Promise<void> {
  const url = URL.createObjectURL(await download(`/api/documents/${segment(id)}`));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun by then; the bytes need not stay in memory.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** `progress` hears the share that was sent, 0 to 1. By XMLHttpRequest: fetch does not tell how far it is. */
export function uploadDocument(clientId: string, file: File, progress: (share: number) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('POST', `/api/clients/${segment(clientId)}/documents`);
    request.setRequestHeader('Content-Type', file.type || 'application/octet-stream');
    request.setRequestHeader('X-Document-Name', encodeURIComponent(file.name));
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.responseType = 'json';
    request.upload.onprogress = ({ loaded, total }) => progress(total === 0 ? 0 : loaded / total);
    request.onload = () =>
      request.status >= 200 && request.status < 300 ? resolve() : reject(refusal(request.status, request.response));
    request.onerror = () => reject(new ApiError(0, 'unreachable'));
    request.send(file);
  });
}

const bytes = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
export const sizeOf = (size: number): string =>
  size < 1_000 ? `${size} B` : size < 1e6 ? `${bytes.format(size / 1e3)} kB` : `${bytes.format(size / 1e6)} MB`;
