/** Float32 values as an artefact: little-endian, as every machine we run on. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { ArtifactStore } from '../../store/contracts/artifacts.js';

export async function putFloats(artifacts: Pick<ArtifactStore, 'put'>, values: Float32Array): Promise<ArtifactRef> {
  return artifacts.put(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), MEDIA_TYPES.bytes);
}

export async function getFloats(artifacts: Pick<ArtifactStore, 'get'>, ref: ArtifactRef): Promise<Float32Array> {
  // A copy of its own: the bytes of an artefact need not be aligned for floats.
  return new Float32Array(Uint8Array.from(await artifacts.get(ref)).buffer);
}
