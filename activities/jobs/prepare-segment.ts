/** CPU body of ingestion: one source in, accepted and quarantined rows out as Parquet, with report and profile. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import type { Segment } from '../../domain/dataset.js';
import { naturalKeyId } from '../../domain/ids.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { acceptedBounds, acceptedRows, quarantinedRows } from '../../ml/validation/judged-sql.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { PreparedSegment, RefusedSegment } from '../../workflows/contracts/dataset.js';
import { putJson } from '../../store/contracts/json-artifacts.js';
import type { JobContext } from './context.js';
import { type ValidatedSource, type ValidateSourceInput, withValidated } from './validate-source.js';

/** Raised when the same bytes would be read differently: part of every segment id. */
const READER_VERSION = 4;

/** Messages travel in workflow payloads: the report has all of them in full. */
const MESSAGE_CAP = { count: 20, length: 500 } as const;

export interface PrepareSegmentInput extends ValidateSourceInput {
  readonly revision: number;
}

/** An ordered source had nothing beyond what was read before. */
export interface NothingNew {
  readonly outcome: 'nothing';
  readonly revision: number;
}

export async function prepareSegment(
  input: PrepareSegmentInput,
  context: JobContext,
): Promise<PreparedSegment | RefusedSegment | NothingNew> {
  const { revision } = input;
  const prepared = await withValidated(input, context, async (validated, session) => {
    const report = await putJson(context.artifacts, validated.report);
    const { outcome, failures, warnings } = validated.report;
    if (outcome === 'refused') return { outcome, revision, report, failures: capped(failures) };
    const segment = await writeSegment(session, { input, validated, report }, context);
    const { accepted, quarantined } = segment;
    const reference = await putJson(context.artifacts, segment);
    return { outcome, segment: reference, revision, report, accepted, quarantined, warnings: capped(warnings) };
  });
  return prepared ?? { outcome: 'nothing', revision };
}

function capped(messages: readonly string[]): string[] {
  const { count, length } = MESSAGE_CAP;
  const short = messages
    .slice(0, count)
    .map((text) => (text.length <= length ? text : `${text.slice(0, length - 1)}…`));
  return messages.length <= count ? short : [...short, `and ${messages.length - count} more, see the report`];
}

async function writeSegment(
  session: TableSession,
  facts: { input: PrepareSegmentInput; validated: ValidatedSource; report: ArtifactRef },
  { artifacts, progress }: JobContext,
): Promise<Segment> {
  const { input, validated, report } = facts;
  const { dataset, revision, spec, sourceUri } = input;
  const { source, rules, loaded, profile } = validated;
  const { rows, quarantined } = validated.report;
  const copy = async (select: string): Promise<ArtifactRef> => {
    const path = await artifacts.scratchPath('parquet');
    await session.execute(
      `copy (${select}) to ${quoteText(path)} (format parquet, parquet_version v2, compression zstd)`,
    );
    return artifacts.adopt(path, MEDIA_TYPES.parquet);
  };
  const table = await copy(acceptedRows(spec));
  progress({ message: 'accepted rows written' });
  const quarantineTable = quarantined === 0 ? null : await copy(quarantinedRows(rules, loaded.files));
  const [bounds] = await session.rows(acceptedBounds(spec));
  const number = (name: string): number => Number(bounds?.[name] ?? 0);
  const broken = validated.report.rules.filter(({ verdict }) => verdict === 'quarantined');
  return {
    segmentId: naturalKeyId(sha256Hex, ['segment', dataset, source.sha256, revision, READER_VERSION]),
    dataset,
    sourceUri,
    sourceSha256: source.sha256,
    files: source.files.map(({ uri, sha256, bytes }) => ({ uri, sha256, bytes })),
    inputs: [...source.inputs],
    highWater: source.highWater,
    accepted: rows - quarantined,
    quarantined,
    minEventTs: number('min_event'),
    maxEventTs: number('max_event'),
    minKnownTs: number('min_known'),
    maxKnownTs: number('max_known'),
    knowledge: spec.knowledge.from === 'commit' ? 'observed' : 'declared',
    table,
    quarantineTable,
    brokenRules: broken.map(({ name }) => name),
    report,
    profile: await putJson(artifacts, profile),
  };
}
