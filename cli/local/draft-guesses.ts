/** Guesses about a draft that need its rows: which time is the event's, which columns tell rows apart, what repeats. */
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { DraftColumn } from './dataset-draft.js';

const USUAL_EVENT_TIMES = [
  /^event_?(ts|time|timestamp)$/i,
  /^(ts|timestamp|time|datetime|date)$/i,
  /(^|_)(occurred|happened|departed|ordered|started|event)/i,
];
/** Such columns say when something was written, not when it happened. */
const KNOWLEDGE_NAMES = /(created|updated|modified|ingested|loaded|inserted|known|received|written|processed)/i;

export interface Guess<T> {
  readonly value: T;
  readonly review: string;
}

/** Null where no column holds only times. `rows` is the table of typed values. */
export function guessEventTime(columns: readonly DraftColumn[]): Guess<DraftColumn> | null {
  const times = columns.filter(({ type, evidence }) => type === 'timestamp' && evidence.given > 0);
  const full = times.filter(({ nullable }) => !nullable);
  const candidates = full.length > 0 ? full : times;
  const ranked = [...candidates].sort((left, right) => rank(left) - rank(right));
  const [first, ...others] = ranked;
  if (first === undefined) return null;
  const empty = first.nullable
    ? `; ${first.evidence.rows - first.evidence.given} rows have none and would be set aside`
    : '';
  const rest = others.length === 0 ? 'the only column of times' : `or ${others.map(({ name }) => name).join(', ')}`;
  return { value: first, review: `${rest}${empty}` };
}

function rank({ name }: DraftColumn): number {
  if (KNOWLEDGE_NAMES.test(name)) return USUAL_EVENT_TIMES.length + 1;
  const usual = USUAL_EVENT_TIMES.findIndex((pattern) => pattern.test(name));
  return usual < 0 ? USUAL_EVENT_TIMES.length : usual;
}

/** Columns of times that are never before the event: they may say when a row became known. */
export async function laterTimes(
  session: TableSession,
  { table, columns, eventTime }: { table: string; columns: readonly DraftColumn[]; eventTime: DraftColumn },
): Promise<string[]> {
  const others = columns.filter(
    ({ type, nullable, name }) => type === 'timestamp' && !nullable && name !== eventTime.name,
  );
  if (others.length === 0) return [];
  const time = quoteIdentifier(eventTime.name);
  const early = others.map(
    ({ name }, index) => `count(*) filter (where ${quoteIdentifier(name)} < ${time}) as early_${index}`,
  );
  const [row] = await session.rows(`select ${early.join(', ')} from ${table}`);
  return others.filter((_column, index) => Number(row?.[`early_${index}`]) === 0).map(({ name }) => name);
}

const ID_NAMES = /(^|_)(id|key|code|uuid|number|no|nr)$|^(id|key)(_|$)|Id$/;
const MOST_CANDIDATES = 12;
const MOST_IN_PAIRS = 6;
/** Estimates are a few percent off, so only what is clearly repeated is not counted exactly. */
const CLEARLY_REPEATED = 0.9;

/**
 * The first column, else pair of columns, that together with the event time no two rows share. A column that needs a later
 * time beside to do so is taken too: its rows are restated.
 */
export async function guessKeys(
  session: TableSession,
  about: { table: string; columns: readonly DraftColumn[]; eventTime: DraftColumn; laterTimes: readonly string[] },
): Promise<Guess<readonly string[]>> {
  const { table, columns, eventTime, laterTimes: later } = about;
  const usable = columns.filter(({ type, nullable }) => (type === 'string' || type === 'integer') && !nullable);
  const isId = ({ name }: DraftColumn): boolean => ID_NAMES.test(name);
  const ranked = [
    ...usable.filter(isId),
    ...usable.filter((column) => !isId(column) && column.type === 'string'),
    ...usable.filter((column) => !isId(column) && column.type === 'integer'),
  ].slice(0, MOST_CANDIDATES);
  const unique = (names: readonly string[]): Promise<boolean> =>
    isUnique(session, table, [...names, eventTime.name].map(quoteIdentifier));
  const ids = ranked.filter(isId).map(({ name }) => name);
  if (await unique([])) {
    const id = await firstVarying(session, table, ids);
    if (id === undefined) return { value: [], review: 'no two rows share an event time, so none restates another' };
    return { value: [id], review: 'by its name; the event time alone tells all rows apart already' };
  }
  for (const { name } of ranked) if (await unique([name])) return { value: [name], review: apart(eventTime) };
  for (const id of ids)
    for (const time of later)
      if (await unique([id, time]))
        return {
          value: [id],
          review: `rows that share it and ${eventTime.name} are restatements: they differ in ${time}`,
        };
  const inPairs = ranked.filter((column) => isId(column) || column.type === 'string').slice(0, MOST_IN_PAIRS);
  for (const [index, { name: first }] of inPairs.entries())
    for (const { name: second } of inPairs.slice(index + 1))
      if (await unique([first, second])) return { value: [first, second], review: apart(eventTime) };
  return { value: [], review: 'no one or two columns tell all rows apart, so no row restates another' };
}

async function firstVarying(
  session: TableSession,
  table: string,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) {
    const value = quoteIdentifier(name);
    const [row] = await session.rows(`select min(${value}) is distinct from max(${value}) as varies from ${table}`);
    if (row?.['varies'] === true) return name;
  }
  return undefined;
}

function apart({ name }: DraftColumn): string {
  return `with ${name} all rows are told apart; a later row with the same is a restatement`;
}

async function isUnique(session: TableSession, table: string, columns: readonly string[]): Promise<boolean> {
  const list = columns.join(', ');
  const [estimate] = await session.rows(
    `select count(*) as rows, approx_count_distinct((${list})) as groups from ${table}`,
  );
  if (Number(estimate?.['groups']) < CLEARLY_REPEATED * Number(estimate?.['rows'])) return false;
  const repeated = await session.rows(`select 1 from ${table} group by ${list} having count(*) > 1 limit 1`);
  return repeated.length === 0;
}
