/** Applied resources: the newest revision of each, and all revisions beside. */
import { canonicalJson } from '../../domain/canonical-json.js';
import { DomainError } from '../../domain/errors.js';
import { Resource } from '../../domain/resources.js';
import type { ResourceStore, StoredResource } from '../contracts/resources.js';
import type { AppendAudit } from './audit.js';
import { type Database, type StoredDocument } from './database.js';
import { watchDefinitions } from './definition-watch.js';

export function createResourceStore(
  database: Database,
  dependencies: { append: AppendAudit; now: () => number },
): ResourceStore {
  const { append, now } = dependencies;
  const resources = database.collection('resources');
  const revisions = database.collection('revisions');
  const idOf = (kind: string, name: string): string => `${kind}/${name}`;

  return {
    apply: ({ resource, actor, expectedRevision }) =>
      database.transact(async (session) => {
        const { kind, metadata } = resource;
        const { name } = metadata;
        const _id = idOf(kind, name);
        const found = await resources.findOne({ _id }, { session });
        const standing = found === null ? null : readStored(found);
        const current = standing?.revision ?? 0;
        if (expectedRevision !== undefined && expectedRevision !== current) {
          throw new DomainError('PRN_RESOURCE_CONFLICT', { kind, name, actual: current, expected: expectedRevision });
        }
        if (standing !== null && canonicalJson(standing.resource) === canonicalJson(resource))
          return { ...standing, change: 'unchanged' as const };
        const last = await revisions.findOne({ kind, name }, { sort: { revision: -1 }, session });
        const revision = Number(last?.['revision'] ?? 0) + 1;
        const stored: StoredResource = { kind, name, revision, resource, appliedBy: actor, appliedTs: now() };
        await resources.replaceOne({ _id }, stored, { upsert: true, session });
        await revisions.insertOne({ _id: `${_id}/${revision}`, ...stored }, { session });
        const change = current === 0 ? ('created' as const) : ('changed' as const);
        await append(
          session,
          { scope: 'system', actor, action: `resource.${change}`, subject: _id, details: { revision } },
          now(),
        );
        return { ...stored, change };
      }),
    async get(kind, name) {
      const found = await resources.findOne({ _id: idOf(kind, name) });
      return found === null ? null : readStored(found);
    },
    async getRevision(kind, name, revision) {
      const found = await revisions.findOne({ _id: `${idOf(kind, name)}/${revision}` });
      return found === null ? null : readStored(found);
    },
    async revisions(kind, name) {
      return (await revisions.find({ kind, name }).sort({ revision: -1 }).toArray()).map(readStored);
    },
    async list(kind) {
      return (
        await resources
          .find(kind === undefined ? {} : { kind })
          .sort({ kind: 1, name: 1 })
          .toArray()
      ).map(readStored);
    },
    watch: (listener) => watchDefinitions(database, listener),
    delete: (kind, name, actor) =>
      database.transact(async (session) => {
        const { deletedCount } = await resources.deleteOne({ _id: idOf(kind, name) }, { session });
        if (deletedCount === 0) return false;
        await append(
          session,
          { scope: 'system', actor, action: 'resource.deleted', subject: idOf(kind, name), details: {} },
          now(),
        );
        return true;
      }),
  };
}

function readStored(document: StoredDocument): StoredResource {
  const { kind, name, revision, resource, appliedBy, appliedTs } = document;
  const parsed = Resource.parse(resource);
  if (parsed.kind !== kind)
    throw new DomainError('PRN_RESOURCE_INVALID', {
      where: `${kind}/${name}`,
      problem: 'the stored kind differs',
      remedy: '',
    });
  return {
    kind: parsed.kind,
    name: String(name),
    revision: Number(revision),
    resource: parsed,
    appliedBy: String(appliedBy),
    appliedTs: Number(appliedTs),
  };
}
