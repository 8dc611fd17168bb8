/** What a person must know about an answer before they believe it: leaks, and rows that nobody could see. */
import { micros, toIso } from '../../domain/time.js';
import { datasetRelation, ROW } from '../../ml/features/dataset-sql.js';
import type { TableSession } from '../../store/contracts/tables.js';
import { LEAK_WARNING } from '../leak-warning.js';
import type { IngestedTables, LocalDataset } from './dataset-tables.js';
import type { Knowledge } from './feature-views.js';

/** One sentence for each dataset with rows that became known only after the last spine row. */
export async function knowledgeWarnings(
  session: TableSession,
  about: { ingested: IngestedTables; spine: { readonly lastTime: number | null }; knowledge: Knowledge },
): Promise<string[]> {
  const { ingested, spine, knowledge } = about;
  if (knowledge === 'latest') return [LEAK_WARNING];
  const { lastTime } = spine;
  if (lastTime === null) return [];
  const warnings: string[] = [];
  for (const dataset of ingested.datasets.values()) {
    const relation = datasetRelation(dataset.spec, dataset.files);
    const [counts] = await session.rows(
      `select count(*) as rows, count(*) filter (where ${ROW.knownTs} > ${lastTime}) as unseen from ${relation}`,
    );
    const [rows, unseen] = [Number(counts?.['rows'] ?? 0), Number(counts?.['unseen'] ?? 0)];
    if (unseen > 0) warnings.push(unseenWarning(dataset, { rows, unseen, lastTime }));
  }
  return warnings;
}

function unseenWarning(
  { name, spec, commits }: LocalDataset,
  { rows, unseen, lastTime }: { rows: number; unseen: number; lastTime: number },
): string {
  const last = `the last spine row (${toIso(micros(lastTime))})`;
  if (spec.knowledge.from === 'commit')
    return (
      `${unseen} of ${rows} rows of ${name} are invisible to every spine row: the dataset says \`knowledge: {from: commit}\`, ` +
      `so they are known from now on, which is after ${last}. If they were known earlier, declare it, such as ` +
      `\`knowledge: {from: event, delay: 1h}\` or \`{from: column, column: created_ts}\`; --latest-knowledge shows what leaks otherwise.`
    );
  const restated = commits > 1 ? ' Rows that a later --table restates are known from now on only.' : '';
  return `${unseen} of ${rows} rows of ${name} became known only after ${last}, so no row sees them.${restated}`;
}
