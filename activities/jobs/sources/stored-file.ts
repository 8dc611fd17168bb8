/** A file that lies in the artefact store already: an upload, or rows that come back from quarantine. */
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { canonicalJson } from '../../../domain/canonical-json.js';
import { DomainError } from '../../../domain/errors.js';
import { formatOf } from '../../../domain/source-format.js';
import { sha256Hex } from '../../../store/contracts/digests.js';
import type { JobContext } from '../context.js';
import type { Feed, SourceFile, SourceRequest } from './contract.js';
import { type CopyBudget, copyPrivately } from './private-copy.js';

/** Throws `PRN_ARTIFACT_MISSING`, `…_CORRUPT`, and what {@link copyPrivately} throws. */
export async function copyStoredFile(
  { sourceUri: uri, format: declared }: SourceRequest,
  { feed, budget }: { readonly feed: Extract<Feed, { kind: 'stored' }>; readonly budget: CopyBudget },
  context: JobContext,
): Promise<SourceFile> {
  const { file, filename, occasion } = feed;
  const { format, compression } = formatOf(filename, occasion === null ? declared : undefined);
  const stream = createReadStream(await context.artifacts.localPath(file));
  const path = await context.artifacts.scratchPath('source');
  const { sha256, bytes } = await copyPrivately({ uri, stream, path, gunzip: compression === 'gzip', budget }, context);
  if (sha256 !== file.sha256) {
    await rm(path, { force: true });
    throw new DomainError('PRN_ARTIFACT_CORRUPT', { uri: file.uri, actual: sha256, expected: file.sha256 });
  }
  const digest = occasion === null ? sha256 : sha256Hex(canonicalJson(['occasion', occasion, sha256]));
  return { path, uri, sha256: digest, bytes, format, compression: compression === 'zstd' ? compression : null };
}
