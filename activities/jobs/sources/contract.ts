/** What every kind of source is opened into: private copies of its bytes, digested while they were copied. */
import type { FileFormat, SegmentInput } from '../../../domain/dataset.js';

/** Bounds of one source, all its files together. */
export interface SourceLimits {
  /** Also of what compressed bytes unpack to. */
  readonly maxBytes: number;
  readonly maxSeconds: number;
}

export const DEFAULT_LIMITS: SourceLimits = { maxBytes: 64 * 2 ** 30, maxSeconds: 3_600 };

/** What a job is told about the source to open; plain data. */
export interface SourceRequest {
  /** A path, a path with `*`, `**` or `?`, a `file:` or an `https:` address. */
  readonly sourceUri: string;
  /** Format that the dataset declares; the names of the files tell it otherwise. */
  readonly format: FileFormat | undefined;
  /** Folders that files may lie in. */
  readonly sourceFolders: readonly string[];
  readonly limits?: SourceLimits | undefined;
}

/** One file of a source. */
export interface SourceFile {
  /** A private copy, so that nobody changes it meanwhile. */
  readonly path: string;
  /** Where it came from, for messages. */
  readonly uri: string;
  /** Digest of the bytes as they came, before they were unpacked. */
  readonly sha256: string;
  readonly bytes: number;
  readonly format: FileFormat;
  /** Compression that the copy still has. */
  readonly compression: 'zstd' | null;
}

export interface OpenedSource {
  /** Digest of one file; of several, the digest over their sorted digests. */
  readonly sha256: string;
  /** In the order in which their rows are read; none where there is nothing new. */
  readonly files: readonly SourceFile[];
  /** Versions of other datasets that it was made of. */
  readonly inputs: readonly SegmentInput[];
  /** How far an ordered source was read; null for the others. */
  readonly highWater: string | null;
  /** Removes the private copies. */
  remove(): Promise<void>;
}
