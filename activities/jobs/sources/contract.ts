/** What every kind of source is opened into: private copies of its bytes, digested while they were copied. */
import type { ArtifactRef } from '../../../domain/artifact.js';
import type { DatasetSpec, FileFormat, HighWater, SegmentInput } from '../../../domain/dataset.js';
import type { CollectionSource } from '../../../domain/dataset-source.js';
import type { SegmentReference } from '../segments.js';

/** Bounds of one source, all its files together. */
export interface SourceLimits {
  /** Also of what gzip unpacks to; zstd is unpacked by the reader, which only the disk for spilling bounds. */
  readonly maxBytes: number;
  readonly maxSeconds: number;
}

export const DEFAULT_LIMITS: SourceLimits = { maxBytes: 64 * 2 ** 30, maxSeconds: 3_600 };

/** A dataset that a query reads, pinned to one version. */
export interface QueryInput {
  readonly alias: string;
  readonly dataset: string;
  readonly versionId: string;
  readonly commitSeq: number;
  readonly spec: DatasetSpec;
  readonly segments: readonly SegmentReference[];
}

/** A source that is no file of the worker: what it takes to read it. */
export type Feed =
  /** Its name tells format and compression. Where it matters why the bytes are read, the occasion is part of their digest. */
  | { readonly kind: 'stored'; readonly file: ArtifactRef; readonly filename: string; readonly occasion: string | null }
  | { readonly kind: 'query'; readonly sql: string; readonly inputs: readonly QueryInput[] }
  | { readonly kind: 'collection'; readonly source: CollectionSource; readonly after: string | null };

/** What a job is told about the source to open; plain data. */
export interface SourceRequest {
  /** A path, a path with `*`, `**` or `?`, a `file:` or an `https:` address. */
  readonly sourceUri: string;
  /** Format that the dataset declares; the names of the files tell it otherwise. */
  readonly format: FileFormat | undefined;
  /** Folders that files may lie in. */
  readonly sourceFolders: readonly string[];
  /** The installation's own folder, with its keys: nothing in it is read but what lies in a source folder inside it. */
  readonly privateFolder?: string | undefined;
  /** Hosts that may be read over HTTPS: `name` for port 443, or `name:port`. */
  readonly sourceHosts?: readonly string[] | undefined;
  readonly limits?: SourceLimits | undefined;
  /** Read instead of the address, which then only names it. */
  readonly feed?: Feed | undefined;
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
  readonly highWater: HighWater | null;
  /** Removes the private copies. */
  remove(): Promise<void>;
}
