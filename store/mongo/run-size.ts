/** How much of its document each kind of thing in a run may take, so that none leaves the others without room. */
import { BSON, type Document } from 'mongodb';
import { DomainError } from '../../domain/errors.js';
import { PRODUCT_TAG_PREFIX } from '../../domain/tracking.js';
import type { StoredDocument } from './database.js';
import { fieldOf } from './run-documents.js';

const MIB = 2 ** 20;
/** Bytes as stored: less than the 16 MiB of a document of MongoDB together, and enough for thousands of keys of each. */
const SECTIONS = [
  { path: 'metrics', what: 'metrics', mib: 3 },
  { path: 'latest', what: 'metrics', mib: 3 },
  { path: 'params', what: 'parameters', mib: 3 },
  { path: 'tags', what: 'tags', mib: 3 },
  { path: 'inputs', what: 'datasets', mib: 2 },
] as const;
const PRODUCT_TAGS = `tags.${fieldOf(PRODUCT_TAG_PREFIX)}`;

/**
 * `$set` as MongoDB takes it: fields of a section by their paths, or the section whole. What the installation says of a
 * run always finds room. Throws `PRN_RUN_FULL` where a section grows beyond its bytes.
 */
export function requireRoom(document: StoredDocument, $set: Document): void {
  const paths = Object.keys($set).filter((path) => !path.startsWith(PRODUCT_TAGS));
  for (const { path: section, what, mib } of SECTIONS) {
    const fields = paths.filter((path) => path.startsWith(`${section}.`));
    const before = document[section] as Document;
    const after = ($set[section] ?? {
      ...before,
      ...Object.fromEntries(fields.map((path) => [path.slice(section.length + 1), $set[path] as unknown])),
    }) as Document;
    if (fields.length === 0 && $set[section] === undefined) continue;
    const bytes = BSON.calculateObjectSize(after);
    if (bytes > mib * MIB && bytes > BSON.calculateObjectSize(before))
      throw new DomainError('PRN_RUN_FULL', { runId: document._id, what, mib });
  }
}
