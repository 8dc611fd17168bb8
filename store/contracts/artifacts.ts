/** Immutable bytes by content. Drivers: `store/artifacts/file.ts`; both sides of a write are safe to repeat. */
import type { ArtifactRef } from '../../domain/artifact.js';

export interface ArtifactStore {
  /** Stores bytes under their digest; storing the same bytes again returns the same reference. */
  put(bytes: Uint8Array, mediaType: string): Promise<ArtifactRef>;
  /** Moves a finished local file of our own into the store. The file is gone afterwards; links are refused. */
  adopt(localPath: string, mediaType: string): Promise<ArtifactRef>;
  /**
   * Stores a stream of any size in constant memory, digesting while it writes. Nothing is kept if the stream fails, if
   * `check` throws, or the volume is full (`PRN_STORAGE_FULL`). `check` sees the bytes so far, and the digest at the end.
   */
  receive(
    stream: AsyncIterable<Uint8Array>,
    mediaType: string,
    check: (bytes: number, sha256: string | null) => void,
  ): Promise<ArtifactRef>;
  /** Reads and verifies. Throws `PRN_ARTIFACT_MISSING` or `PRN_ARTIFACT_CORRUPT`. */
  get(ref: ArtifactRef): Promise<Uint8Array>;
  /** A local path with the bytes, for engines that read files. Existence is checked, the digest is not. */
  localPath(ref: ArtifactRef): Promise<string>;
  exists(ref: ArtifactRef): Promise<boolean>;
  /** A fresh path in a scratch folder of the store's own volume; whoever asks for it adopts or removes it. */
  scratchPath(extension: string): Promise<string>;
}
