/** References to immutable bytes. The bytes live in an artefact store; documents and payloads carry only references. */
import { z } from 'zod';

export const ArtifactRef = z.strictObject({
  /** `artifact://sha256/<hex>`: the same bytes have the same address everywhere. */
  uri: z.string().regex(/^artifact:\/\/sha256\/[0-9a-f]{64}$/),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: z.number().int().nonnegative(),
  mediaType: z.string(),
});
export type ArtifactRef = z.infer<typeof ArtifactRef>;

export const MEDIA_TYPES = {
  json: 'application/json',
  onnx: 'application/x-onnx',
  parquet: 'application/vnd.apache.parquet',
  svg: 'image/svg+xml',
  markdown: 'text/markdown; charset=utf-8',
  ndjson: 'application/x-ndjson',
  bytes: 'application/octet-stream',
} as const;
