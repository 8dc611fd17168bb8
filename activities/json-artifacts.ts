/** JSON documents as artefacts: written canonically, parsed by their schema when read. */
import type { z } from 'zod';
import { type ArtifactRef, MEDIA_TYPES } from '../domain/artifact.js';
import { canonicalJson } from '../domain/canonical-json.js';
import type { ArtifactStore } from '../store/contracts/artifacts.js';

export function putJson(artifacts: ArtifactStore, value: unknown): Promise<ArtifactRef> {
  return artifacts.put(new TextEncoder().encode(canonicalJson(value)), MEDIA_TYPES.json);
}

/** Reads a JSON artefact; throws a ZodError when it does not have the shape its writer promised. */
export async function getJson<S extends z.ZodType>(
  artifacts: ArtifactStore,
  ref: ArtifactRef,
  schema: S,
): Promise<z.infer<S>> {
  return schema.parse(JSON.parse(new TextDecoder().decode(await artifacts.get(ref))));
}
