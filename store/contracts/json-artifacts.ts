/** JSON documents as artefacts: written canonically, parsed by their schema when read. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { canonicalJson } from '../../domain/canonical-json.js';
import type { ArtifactStore } from './artifacts.js';

export function putJson(artifacts: ArtifactStore, value: unknown): Promise<ArtifactRef> {
  return artifacts.put(new TextEncoder().encode(canonicalJson(value)), MEDIA_TYPES.json);
}

/** What a document is held against: a schema of zod. */
interface Schema<T> {
  parse(value: unknown): T;
}

/** Reads a JSON artefact; throws a ZodError when it does not have the shape its writer promised. */
export async function getJson<T>(artifacts: ArtifactStore, ref: ArtifactRef, schema: Schema<T>): Promise<T> {
  return schema.parse(JSON.parse(new TextDecoder().decode(await artifacts.get(ref))));
}
