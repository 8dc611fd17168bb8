/** `dataset infer`: drafts a Dataset from all rows of a file. Every guess is marked, for a person to look at. */
import { basename } from 'node:path';
import { DomainError } from '../../domain/errors.js';
import { didYouMean, Name } from '../../domain/names.js';
import { parseResource } from '../../domain/resource-errors.js';
import { typedColumn } from '../../ml/features/column-sql.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import { type DraftColumn, draftColumns } from './dataset-draft.js';
import { draftExpectations } from './draft-expectations.js';
import { guessEventTime, guessKeys, type Guess, laterTimes } from './draft-guesses.js';
import { type DatasetDraft, documentOf, renderDraft } from './draft-document.js';
import { withLocalEngine } from './engine.js';
import { readColumnEvidence, type SourceTable, withSourceTable } from './source-table.js';

export interface InferRequest {
  readonly file: string;
  /** Name of the dataset; made of the file's name if undefined. */
  readonly name?: string | undefined;
  readonly eventTime?: string | undefined;
  /** Also the least and greatest value of each column of numbers. */
  readonly ranges: boolean;
}

export interface InferredDataset {
  /** The draft as a document, valid for `apply`. */
  readonly document: unknown;
  /** The same with comments on what was guessed. */
  readonly yaml: string;
}

const RAW = '":raw_draft"';
const TYPED = '":draft"';

/** Throws `PRN_DATASET_UNINFERABLE` where no draft would be valid, and what the reader throws. */
export async function inferDataset(request: InferRequest): Promise<InferredDataset> {
  const draft = await withLocalEngine({}, (context) =>
    context.tables.use(
      (session) =>
        withSourceTable(request.file, { context, session }, (source) => draftOf(session, { request, source })),
      context.signal,
    ),
  );
  const document = documentOf(draft);
  parseResource(document, `the draft of ${request.file}`);
  return { document, yaml: renderDraft(draft) };
}

async function draftOf(
  session: TableSession,
  { request, source }: { request: InferRequest; source: SourceTable },
): Promise<DatasetDraft> {
  const { columns: found, untyped, file } = source;
  await session.execute(`create temp table ${RAW} as select * from ${source.relation}`);
  const evidence = await readColumnEvidence(session, RAW, found);
  const rows = evidence[0]?.rows ?? 0;
  const refuse = (problem: string): DomainError =>
    new DomainError('PRN_DATASET_UNINFERABLE', { file: request.file, problem });
  if (rows === 0) throw refuse('it has no rows, so nothing can be said about its columns');
  const drafted = draftColumns(found, evidence, untyped);
  const eventTime = eventTimeOf(request, drafted, refuse);
  // A row without its event time is set aside, whatever the column says.
  const columns = drafted.map((column) => (column === eventTime.value ? { ...column, nullable: false } : column));
  await session.execute(`create temp table ${TYPED} as select ${columns.map(typedSql).join(', ')} from ${RAW}`);
  await session.execute(`drop table ${RAW}`);
  const about = { table: TYPED, columns, eventTime: eventTime.value };
  const later = await laterTimes(session, about);
  return {
    name: nameOf(request),
    file: request.file,
    rows,
    format: file.format,
    columns,
    eventTime: { value: eventTime.value.name, review: eventTime.review },
    keys: await guessKeys(session, { ...about, laterTimes: later }),
    laterTimes: later,
    setAside: setAside(columns, eventTime.value),
    expectations: await draftExpectations(session, { ...about, ranges: request.ranges }),
  };
}

function eventTimeOf(
  { eventTime }: InferRequest,
  columns: readonly DraftColumn[],
  refuse: (problem: string) => DomainError,
): Guess<DraftColumn> {
  if (eventTime === undefined) {
    const guessed = guessEventTime(columns);
    if (guessed !== null) return guessed;
    throw refuse(
      `none of its columns holds times (${columns.map(({ name, type }) => `${name}: ${type}`).join(', ')}), and every dataset has an event time; add one, ISO 8601 or a Parquet timestamp`,
    );
  }
  const named = columns.find(({ name, from }) => name === eventTime || from === eventTime);
  if (named === undefined) {
    const names = columns.map(({ name }) => name);
    throw refuse(`it has no column ${eventTime}${didYouMean(eventTime, names)}; there are ${names.join(', ')}`);
  }
  if (named.type !== 'timestamp')
    throw refuse(
      `${named.evidence.times} of the ${named.evidence.given} values of ${eventTime} can be read as times, so it is no event time`,
    );
  return { value: named, review: 'as asked' };
}

/** At most so many rows: one can lack several values. */
function setAside(columns: readonly DraftColumn[], eventTime: DraftColumn): number {
  const infinite = columns.reduce((sum, { evidence }) => sum + evidence.infinite, 0);
  return infinite + eventTime.evidence.rows - eventTime.evidence.given;
}

function typedSql({ name, type, nullable, source }: DraftColumn): string {
  const { value } = typedColumn({ name, type, nullable }, quoteIdentifier(source.name), source.sourceType);
  return `${value} as ${quoteIdentifier(name)}`;
}

/** Throws `PRN_DATASET_UNINFERABLE` for a given name that is none. */
function nameOf({ name, file }: InferRequest): string {
  if (name !== undefined) {
    const parsed = Name.safeParse(name);
    if (parsed.success) return parsed.data;
    const problem = `"${name}" cannot be its name: ${parsed.error.issues[0]?.message ?? 'it is no name'}`;
    throw new DomainError('PRN_DATASET_UNINFERABLE', { file, problem });
  }
  const words = (basename(file).split('.')[0] ?? '')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  return Name.safeParse(words).success ? words : 'dataset';
}
