/** Files that somebody sent to be ingested: kept by content, named by an id made of it. */
import { z } from 'zod';
import { ArtifactRef } from './artifact.js';
import { naturalKeyId, type Sha256Hex } from './ids.js';
import { Name } from './names.js';

export const Upload = z.strictObject({
  uploadId: z.string(),
  dataset: Name,
  /** As it was sent; its endings tell format and compression. */
  filename: z.string(),
  /** The bytes as they came: garbage collection keeps them while this document stands. */
  file: ArtifactRef,
  uploadedBy: z.string(),
  uploadedTs: z.number().int(),
  /** Garbage collection may remove it after this time if no segment, running ingestion or decision names it. */
  keepUntilTs: z.number().int(),
});
export type Upload = z.infer<typeof Upload>;

const ADDRESS = /^upload:([0-9a-f]{20})$/;

/** The same bytes of the same kind for the same dataset are the same upload, whoever sends them. */
export function uploadIdOf(
  sha256Hex: Sha256Hex,
  about: { readonly dataset: string; readonly sha256: string; readonly kind: string },
): string {
  return naturalKeyId(sha256Hex, ['upload', about.dataset, about.sha256, about.kind]);
}

/** What an ingestion names as its source. */
export function uploadAddress(uploadId: string): string {
  return `upload:${uploadId}`;
}

/** The id in the address of an upload; null for every other source. */
export function uploadIdIn(sourceUri: string): string | null {
  return ADDRESS.exec(sourceUri)?.[1] ?? null;
}

/** Why a name cannot be that of an upload; null when it can. It never becomes part of a path, but people read it. */
export function whyBadFilename(filename: string): string | null {
  if (filename === '' || filename.length > 255) return 'give a name of 1 to 255 characters';
  if (/[/\\]/.test(filename)) return 'give the name of the file without its folders';
  if (filename === '.' || filename === '..') return 'give the name of a file';
  return /\p{Cc}/u.test(filename) ? 'control characters cannot be part of it' : null;
}
