/** Dataset heads, versions, segments, quarantine cases, ingestions. The head document is the only place where order is made. */
import type { ClientSession } from 'mongodb';
import { DatasetVersion, QuarantineCase, Segment } from '../../domain/dataset.js';
import { naturalKeyId, type Sha256Hex } from '../../domain/ids.js';
import type { DatasetStore, Ingestion } from '../contracts/datasets.js';
import type { AppendAudit } from './audit.js';
import { type Database, withoutId } from './database.js';

interface CommitInput {
  readonly segment: Segment;
  readonly revision: number;
  readonly actor: string;
  readonly now: number;
}

export function createDatasetStore(
  database: Database,
  dependencies: { append: AppendAudit; sha256Hex: Sha256Hex },
): DatasetStore {
  const { append, sha256Hex } = dependencies;
  const heads = database.collection('dataset_heads');
  const versions = database.collection('dataset_versions');
  const segments = database.collection('segments');
  const cases = database.collection('quarantine_cases');
  const ingestions = database.collection('ingestions');

  const readVersion = async (filter: object, session?: ClientSession): Promise<DatasetVersion | null> => {
    const found = await versions.findOne(filter, { sort: { commitSeq: -1 }, ...(session && { session }) });
    return found === null ? null : DatasetVersion.parse(withoutId(found));
  };

  async function commit(session: ClientSession, { segment, revision, actor, now }: CommitInput) {
    const { dataset, segmentId } = segment;
    const head = await heads.findOneAndUpdate(
      { _id: dataset },
      { $inc: { commitSeq: 1 } },
      { upsert: true, returnDocument: 'after', session },
    );
    const commitSeq = Number(head?.['commitSeq'] ?? 1);
    const knownTs = Math.max(Number(head?.['knownTs'] ?? 0) + 1, now);
    const previous = await readVersion({ dataset }, session);
    const segmentIds = [...(previous?.segmentIds ?? []), segmentId];
    const version: DatasetVersion = {
      dataset,
      versionId: naturalKeyId(sha256Hex, ['dataset-version', dataset, ...segmentIds]),
      commitSeq,
      knownTs,
      revision,
      segmentIds,
      rows: (previous?.rows ?? 0) + segment.accepted,
      quarantined: (previous?.quarantined ?? 0) + segment.quarantined,
      minEventTs: Math.min(previous?.minEventTs ?? segment.minEventTs, segment.minEventTs),
      maxEventTs: Math.max(previous?.maxEventTs ?? segment.maxEventTs, segment.maxEventTs),
      committedBy: actor,
    };
    await segments.insertOne(
      { _id: `${dataset}/${segmentId}`, ...segment, commitSeq, commitKnownTs: knownTs },
      { session },
    );
    await versions.insertOne({ _id: `${dataset}/${commitSeq}`, ...version }, { session });
    await heads.updateOne({ _id: dataset }, { $set: { knownTs, versionId: version.versionId } }, { session });
    if (segment.quarantineTable !== null)
      await cases.insertOne({ _id: quarantineCase(segment, now).caseId, ...quarantineCase(segment, now) }, { session });
    const details = {
      versionId: version.versionId,
      segmentId,
      accepted: segment.accepted,
      quarantined: segment.quarantined,
      source: segment.sourceUri,
    };
    await append(
      session,
      { scope: `dataset/${dataset}`, actor, action: 'dataset.committed', subject: `${dataset}/${commitSeq}`, details },
      now,
    );
    return { status: 'committed' as const, version };
  }

  function quarantineCase(segment: Segment, openedTs: number): QuarantineCase {
    const { dataset, segmentId, quarantined: rows, quarantineTable, table } = segment;
    const rules = segment.report.filter(({ verdict }) => verdict === 'quarantined').map(({ name }) => name);
    const caseId = naturalKeyId(sha256Hex, ['quarantine', dataset, segmentId]);
    return { caseId, dataset, segmentId, rows, rules, table: quarantineTable ?? table, state: 'open', openedTs };
  }

  return {
    async saveIngestion(ingestion) {
      await ingestions.replaceOne({ _id: ingestion.ingestionId }, { ...ingestion }, { upsert: true });
    },
    async getIngestion(ingestionId) {
      const found = await ingestions.findOne({ _id: ingestionId });
      return found === null ? null : (withoutId(found) as unknown as Ingestion);
    },
    async listIngestions(dataset, limit) {
      const found = await ingestions.find({ dataset }).sort({ startedTs: -1 }).limit(limit).toArray();
      return found.map((document) => withoutId(document) as unknown as Ingestion);
    },
    commitSegment: (input) =>
      database.transact(async (session) => {
        const { dataset, segmentId } = input.segment;
        const standing = await segments.findOne({ _id: `${dataset}/${segmentId}` }, { session });
        if (standing === null) return commit(session, input);
        const version = await readVersion({ dataset, commitSeq: standing['commitSeq'] }, session);
        if (version === null) throw new Error(`segment ${segmentId} of ${dataset} has no version`);
        return { status: 'unchanged' as const, version };
      }),
    head: (dataset) => readVersion({ dataset }),
    version: (dataset, versionId) => readVersion({ dataset, versionId }),
    async versions(dataset, limit) {
      const found = await versions.find({ dataset }).sort({ commitSeq: -1 }).limit(limit).toArray();
      return found.map((document) => DatasetVersion.parse(withoutId(document)));
    },
    async segments(version) {
      const found = await segments
        .find({ dataset: version.dataset, commitSeq: { $lte: version.commitSeq } })
        .sort({ commitSeq: 1 })
        .toArray();
      return found.map((document) => {
        const { commitSeq, commitKnownTs, ...segment } = withoutId(document);
        return { ...Segment.parse(segment), commitSeq: Number(commitSeq), commitKnownTs: Number(commitKnownTs) };
      });
    },
    async quarantineCases(dataset) {
      const found = await cases
        .find(dataset === undefined ? {} : { dataset })
        .sort({ openedTs: -1 })
        .toArray();
      return found.map((document) => QuarantineCase.parse(withoutId(document)));
    },
    async quarantineCase(caseId) {
      const found = await cases.findOne({ _id: caseId });
      return found === null ? null : QuarantineCase.parse(withoutId(found));
    },
  };
}
