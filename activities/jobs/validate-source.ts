/** Judges one source by the rules of its dataset and profiles what it accepts; commits and keeps nothing. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { DatasetSpec } from '../../domain/dataset.js';
import { DomainError } from '../../domain/errors.js';
import { expectationProblems } from '../../domain/expectation-checks.js';
import { datasetsOf, segmentsBefore } from '../../domain/expectations.js';
import { DatasetProfile } from '../../domain/profile.js';
import { mergeProfiles } from '../../domain/profile-merge.js';
import { ValidationReport } from '../../domain/validation.js';
import { datasetRelation, ROW } from '../../ml/features/dataset-sql.js';
import { loadReferences, type RowRule, rowRules } from '../../ml/validation/row-rules.js';
import type { TableSession } from '../../store/contracts/tables.js';
import { getJson } from '../../store/contracts/json-artifacts.js';
import type { JobContext } from './context.js';
import { checkRuleTexts } from './custom-sql.js';
import { judgeRows } from './judge-rows.js';
import { type LoadedSource, loadSource } from './load-source.js';
import { localSegments, type SegmentReference } from './segments.js';
import { DEFAULT_LIMITS, type OpenedSource, type SourceRequest } from './sources/contract.js';
import { openSource } from './sources/open-source.js';

/** The head of another dataset that a rule reads, pinned to one version. */
export interface OtherDataset {
  readonly dataset: string;
  readonly spec: DatasetSpec;
  readonly segments: readonly SegmentReference[];
}

/** What stands in the head of the dataset already; rules over changes compare with it, and profiles take their edges from it. */
export interface EarlierSegments {
  /** Of its segments, oldest first. */
  readonly profiles: readonly ArtifactRef[];
  /** Of the last one. */
  readonly report: ArtifactRef;
}

export interface ValidateSourceInput extends Omit<SourceRequest, 'format'> {
  readonly dataset: string;
  readonly spec: DatasetSpec;
  /** When the source came in, microseconds; rules over its age find no evidence without it. */
  readonly receivedTs?: number | undefined;
  readonly earlier?: EarlierSegments | undefined;
  /** Heads of the datasets that rules name; one that is left out gives no evidence. */
  readonly others?: readonly OtherDataset[] | undefined;
}

/** A judged source, while its rows still stand in a temporary table. */
export interface ValidatedSource {
  readonly source: OpenedSource;
  readonly loaded: LoadedSource;
  readonly rules: readonly RowRule[];
  readonly report: ValidationReport;
  /** Of the accepted rows. */
  readonly profile: DatasetProfile;
}

/** Report and profile of a source. Null where an ordered source had nothing beyond what was read before. */
export function validateSource(
  input: ValidateSourceInput,
  context: JobContext,
): Promise<Pick<ValidatedSource, 'report' | 'profile'> | null> {
  return withValidated(input, context, ({ report, profile }) => Promise.resolve({ report, profile }));
}

/**
 * Gives a judged source to `use`, with the session that holds its rows. Throws `PRN_DATASET_*` for a source that cannot be
 * read, `PRN_RESOURCE_INVALID` and `PRN_EXPRESSION_INVALID` for rules that cannot be asked.
 */
export async function withValidated<T>(
  input: ValidateSourceInput,
  context: JobContext,
  use: (validated: ValidatedSource, session: TableSession) => Promise<T>,
): Promise<T | null> {
  requireFittingRules(input);
  const source = await openSource({ ...input, format: input.spec.format }, context);
  try {
    if (source.files.length === 0) return null;
    context.progress({ message: 'source read' });
    return await inTime(input, context, (signal) =>
      context.tables.use(async (session) => {
        const validated = await validateOpened(input, { source, session, context });
        return use(validated, session);
      }, signal),
    );
  } finally {
    await source.remove();
  }
}

/** Rules may hold queries that never return: judging has as long as reading had. */
async function inTime<T>(
  { dataset, sourceUri, limits = DEFAULT_LIMITS }: ValidateSourceInput,
  { signal }: JobContext,
  judge: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(limits.maxSeconds * 1_000);
  try {
    return await judge(AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (signal.aborted || !deadline.aborted) throw error;
    const details = { uri: `${sourceUri}, judged by dataset ${dataset},`, seconds: limits.maxSeconds };
    throw new DomainError('PRN_DATASET_SOURCE_ENDLESS', details, { cause: error });
  }
}

function requireFittingRules({ dataset, spec }: ValidateSourceInput): void {
  const [problem] = expectationProblems(spec);
  if (problem !== undefined)
    throw new DomainError('PRN_RESOURCE_INVALID', { where: `Dataset ${dataset}`, problem, remedy: '' });
}

async function validateOpened(
  input: ValidateSourceInput,
  { source, session, context }: { source: OpenedSource; session: TableSession; context: JobContext },
): Promise<ValidatedSource> {
  const { dataset, spec, receivedTs = null } = input;
  await checkRuleTexts(session, { dataset, spec });
  const others = await loadOthers(session, input, context);
  const referenced = await loadKeys(session, spec, others);
  const rules = rowRules({ spec, receivedTs, referenced });
  const loaded = await loadSource(session, source.files, { dataset, spec, rules });
  context.progress({ message: 'rows judged' });
  const earlier = await readEarlier(input, context);
  const facts = { dataset, spec, receivedTs, rules, others, loaded, ...earlier };
  const { report, profile } = await judgeRows(session, facts, context);
  return { source, loaded, rules, report, profile };
}

/** Relations with the current rows of other datasets, by name. */
async function loadOthers(
  session: TableSession,
  { spec, others = [] }: ValidateSourceInput,
  { artifacts }: JobContext,
): Promise<Map<string, string>> {
  const named = new Set(spec.expectations.flatMap(datasetsOf));
  const relations = new Map<string, string>();
  for (const [index, other] of others.entries()) {
    if (!named.has(other.dataset)) continue;
    const view = `other_${index}`;
    const rows = datasetRelation(other.spec, await localSegments(artifacts, other.segments));
    await session.execute(
      `create or replace temp view ${view} as select * from ${rows} where ${ROW.supersededTs} is null`,
    );
    relations.set(other.dataset, view);
  }
  return relations;
}

async function loadKeys(
  session: TableSession,
  { expectations }: DatasetSpec,
  others: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const tables = new Map<string, string>();
  for (const [index, { name, references }] of expectations.entries()) {
    const relation = references === undefined ? undefined : others.get(references.dataset);
    if (references === undefined || relation === undefined) continue;
    const table = `referenced_${index}`;
    await session.execute(loadReferences(references, { table, relation }));
    tables.set(name, table);
  }
  return tables;
}

interface Earlier {
  /** The last segments, oldest first, as many as some rule asks for. */
  readonly earlier: readonly DatasetProfile[];
  readonly head: DatasetProfile | null;
  readonly previousReport: ValidationReport | null;
}

async function readEarlier({ spec, earlier }: ValidateSourceInput, { artifacts }: JobContext): Promise<Earlier> {
  if (earlier === undefined || earlier.profiles.length === 0) return { earlier: [], head: null, previousReport: null };
  const needsHead = spec.expectations.some(({ distribution }) => distribution?.against === 'head');
  const reach = Math.max(1, ...spec.expectations.map(segmentsBefore));
  const wanted = needsHead ? earlier.profiles : earlier.profiles.slice(-reach);
  const profiles: DatasetProfile[] = [];
  for (const reference of wanted) profiles.push(await getJson(artifacts, reference, DatasetProfile));
  const [first, ...rest] = profiles;
  return {
    earlier: profiles.slice(-reach),
    head: needsHead && first !== undefined ? rest.reduce(mergeProfiles, first) : null,
    previousReport: await getJson(artifacts, earlier.report, ValidationReport),
  };
}
