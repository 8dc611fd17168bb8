/** CPU body of publication: the newest row of each entity in the chunks that are not online yet, as one table. */
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { quoteIdentifier, quoteText } from '../../ml/features/expression/sql.js';
import { WITHDRAWN_COLUMN } from '../../ml/features/feature-row-sql.js';
import type { JobContext } from './context.js';

export interface GatherPublicationInput {
  readonly tables: readonly ArtifactRef[];
  /** Names of the entity's keys; none for a view without entity. */
  readonly keys: readonly string[];
  /** True where rows of some tables say that they were taken away. */
  readonly withdraws: boolean;
}

export async function gatherPublication(
  { tables: refs, keys, withdraws }: GatherPublicationInput,
  { artifacts, tables, signal }: JobContext,
): Promise<{ table: ArtifactRef; rows: number }> {
  const files = await Promise.all(refs.map(async (ref) => quoteText(await artifacts.localPath(ref))));
  const path = await artifacts.scratchPath('parquet');
  const rows = await tables.use(async (session) => {
    await session.execute(`copy (${newestRows(files, { keys, withdraws })}) to ${quoteText(path)} (format parquet)`);
    const [counted] = await session.rows(`select count(*) as rows from read_parquet(${quoteText(path)})`);
    return Number(counted?.['rows'] ?? 0);
  }, signal);
  return { table: await artifacts.adopt(path, MEDIA_TYPES.parquet), rows };
}

/** In order of the keys, so that a slice is the same rows whenever it is read. */
function newestRows(
  files: readonly string[],
  { keys, withdraws }: Pick<GatherPublicationInput, 'keys' | 'withdraws'>,
): string {
  const stored = `read_parquet([${files.join(', ')}], union_by_name = true)`;
  const source = withdraws ? `(select * from ${stored} where ${WITHDRAWN_COLUMN} is null)` : stored;
  const rank = 'order by event_ts desc, known_ts desc, seq desc';
  if (keys.length === 0) return `select * from ${source} ${rank} limit 1`;
  const quoted = keys.map(quoteIdentifier).join(', ');
  return `select unnest(arg_max(r, {e: event_ts, k: known_ts, s: seq})) from ${source} r group by ${quoted} order by ${quoted}`;
}
