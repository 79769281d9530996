import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parse } from 'yaml';

export interface ServiceImage {
  readonly service: string;
  /** As it is written, with its tag. */
  readonly image: string;
  /** It is built from this repository. */
  readonly ours: boolean;
}

/** The images of a compose file's services; those that it takes from another file are left out. */
export function imagesOf(root: string, file: string): ServiceImage[] {
  const { services } = parse(readFileSync(resolve(root, file), 'utf8'), { merge: true, logLevel: 'error' }) as {
    services: Record<string, { image?: string; build?: unknown } | null>;
  };
  return Object.entries(services).flatMap(([service, value]) =>
    value?.image ? [{ service, image: value.image, ours: value.build !== undefined }] : [],
  );
}
