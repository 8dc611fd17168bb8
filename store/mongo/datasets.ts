/** Dataset heads, versions, segments, ingestions. The head document is the only place where order is made. */
import type { ClientSession } from 'mongodb';
import { DatasetVersion, HighWater, Segment, type SegmentInput } from '../../domain/dataset.js';
import { datasetVersionId } from '../../domain/dataset-history.js';
import { naturalKeyId, type Sha256Hex } from '../../domain/ids.js';
import { QuarantinePolicy } from '../../domain/quarantine.js';
import { openCase } from '../../domain/quarantine-transitions.js';
import type { DatasetStore, Ingestion } from '../contracts/datasets.js';
import { type Database, withoutId } from './database.js';
import { type CaseWriterDependencies, createCaseWriter } from './quarantine-cases.js';

interface CommitInput {
  readonly segment: Segment;
  readonly revision: number;
  readonly actor: string;
  readonly now: number;
  readonly ingestionId: string;
  readonly replaces: boolean;
  readonly policy?: QuarantinePolicy;
}

export function createDatasetStore(
  database: Database,
  dependencies: CaseWriterDependencies & { sha256Hex: Sha256Hex },
): DatasetStore {
  const { append, sha256Hex } = dependencies;
  const heads = database.collection('dataset_heads');
  const versions = database.collection('dataset_versions');
  const segments = database.collection('segments');
  const ingestions = database.collection('ingestions');
  const cases = createCaseWriter(database, dependencies);

  const readVersion = async (filter: object, session?: ClientSession): Promise<DatasetVersion | null> => {
    const found = await versions.findOne(filter, { sort: { commitSeq: -1 }, ...(session && { session }) });
    return found === null ? null : DatasetVersion.parse(withoutId(found));
  };

  async function commit(session: ClientSession, input: CommitInput) {
    const { segment, revision, actor, now, ingestionId, replaces } = input;
    const { dataset, segmentId } = segment;
    const head = await heads.findOneAndUpdate(
      { _id: dataset },
      { $inc: { commitSeq: 1 } },
      { upsert: true, returnDocument: 'after', session },
    );
    const commitSeq = Number(head?.['commitSeq'] ?? 1);
    const knownTs = Math.max(Number(head?.['knownTs'] ?? 0) + 1, now);
    const last = await readVersion({ dataset }, session);
    const previous = replaces ? null : last;
    const segmentIds = [...(previous?.segmentIds ?? []), segmentId];
    // Rows that come back after they were replaced become known anew, so that this is not the version of then.
    const isBack = (await segments.findOne({ dataset, segmentId }, { session })) !== null;
    const version: DatasetVersion = {
      dataset,
      versionId: datasetVersionId(sha256Hex, { dataset, segmentIds, again: isBack ? commitSeq : undefined }),
      commitSeq,
      sinceSeq: replaces ? commitSeq : (last?.sinceSeq ?? 1),
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
      {
        _id: isBack ? `${dataset}/${segmentId}/${commitSeq}` : `${dataset}/${segmentId}`,
        ...segment,
        commitSeq,
        commitKnownTs: knownTs,
        ingestionId,
      },
      { session },
    );
    await versions.insertOne({ _id: `${dataset}/${commitSeq}`, ...version }, { session });
    await heads.updateOne({ _id: dataset }, { $set: { knownTs, versionId: version.versionId } }, { session });
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
    if (replaces) await cases.supersede(session, dataset, { actor, at: now });
    if (segment.quarantineTable !== null) {
      const caseId = naturalKeyId(sha256Hex, ['quarantine', dataset, segmentId, ...(isBack ? [commitSeq] : [])]);
      const about = { caseId, commitSeq, policy: input.policy ?? QuarantinePolicy.parse({}), at: now };
      await cases.open(session, openCase(segment, segment.quarantineTable, about), actor);
    }
    return { status: 'committed' as const, version };
  }

  /** Why nothing is to be committed; null when there is something. */
  async function standing(session: ClientSession, input: CommitInput, head: DatasetVersion) {
    const { segment, ingestionId, replaces } = input;
    const { dataset, segmentId, highWater, inputs } = segment;
    const inHead = { $gte: head.sinceSeq };
    const options = { session, sort: { commitSeq: -1 } as const };
    const mine = await segments.findOne({ dataset, ingestionId }, options);
    const same = mine ?? (await segments.findOne({ dataset, segmentId, commitSeq: inHead }, options));
    if (same !== null) {
      const version = await readVersion({ dataset, commitSeq: same['commitSeq'] }, session);
      if (version === null) throw new Error(`segment ${segmentId} of ${dataset} has no version`);
      return { status: mine === null ? ('unchanged' as const) : ('committed' as const), version };
    }
    const reached = highWater === null || replaces ? null : await reachedBy(head, session);
    const isBehind = highWater !== null && !replaces && reached !== highWater.after;
    if (isBehind || (await readFurther(head, inputs, session))) return { status: 'moved' as const, version: head };
    return null;
  }

  async function reachedBy({ dataset, sinceSeq }: DatasetVersion, session?: ClientSession): Promise<string | null> {
    const filter = { dataset, commitSeq: { $gte: sinceSeq }, highWater: { $ne: null } };
    const found = await segments.findOne(filter, { sort: { commitSeq: -1 }, ...(session && { session }) });
    return found === null ? null : HighWater.parse(found['highWater']).reached;
  }

  /** True where the newest segment was made of newer versions than these. */
  async function readFurther(head: DatasetVersion, inputs: readonly SegmentInput[], session: ClientSession) {
    if (inputs.length === 0) return false;
    const newest = await segments.findOne({ dataset: head.dataset, commitSeq: head.commitSeq }, { session });
    const known = Segment.shape.inputs.parse(newest?.['inputs']);
    return known.some(({ dataset, commitSeq }) =>
      inputs.some((input) => input.dataset === dataset && input.commitSeq < commitSeq),
    );
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
        const head = await readVersion({ dataset: input.segment.dataset }, session);
        return (head === null ? null : await standing(session, input, head)) ?? (await commit(session, input));
      }),
    async highWater(dataset) {
      const head = await readVersion({ dataset });
      return head === null ? null : reachedBy(head);
    },
    head: (dataset) => readVersion({ dataset }),
    version: (dataset, versionId) => readVersion({ dataset, versionId }),
    async versions(dataset, limit) {
      const found = await versions.find({ dataset }).sort({ commitSeq: -1 }).limit(limit).toArray();
      return found.map((document) => DatasetVersion.parse(withoutId(document)));
    },
    async replaced({ dataset, sinceSeq }) {
      if (sinceSeq === 1) return [];
      const last = versions.aggregate([
        { $match: { dataset, commitSeq: { $lt: sinceSeq } } },
        { $sort: { commitSeq: -1 } },
        { $group: { _id: '$sinceSeq', version: { $first: '$$ROOT' } } },
        { $sort: { _id: -1 } },
      ]);
      return (await last.toArray()).map(({ version }) => DatasetVersion.parse(withoutId(version)));
    },
    async segments(version) {
      const found = await segments
        .find({ dataset: version.dataset, commitSeq: { $gte: version.sinceSeq, $lte: version.commitSeq } })
        .sort({ commitSeq: 1 })
        .toArray();
      return found.map((document) => {
        const { commitSeq, commitKnownTs, ingestionId: _ingestionId, ...segment } = withoutId(document);
        return { ...Segment.parse(segment), commitSeq: Number(commitSeq), commitKnownTs: Number(commitKnownTs) };
      });
    },
  };
}
