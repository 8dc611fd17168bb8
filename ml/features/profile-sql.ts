/** SQL of a profile: what the accepted rows of a source look like, column by column. */
import type { DatasetColumn, DatasetSpec } from '../../domain/dataset.js';
import { quoteIdentifier } from './expression/sql.js';

export interface ColumnProfileSql {
  readonly column: DatasetColumn;
  readonly statistics: string;
  /** The 20 most frequent texts; null for other columns. */
  readonly top: string | null;
}

/**
 * Statistics over the relation `judged`: `count`, `nulls`, `distinct_values` (HyperLogLog, a few percent off), `min`,
 * `max`, `mean`, `standard_deviation` (of the population). The last two are taken in the order of the rows: a sum of
 * floats depends on its order, and the profile of the same source must be the same artefact each time. Values whose
 * squares a double cannot hold are left out of the standard deviation.
 */
export function profileColumns(spec: DatasetSpec): ColumnProfileSql[] {
  return spec.columns.map((column) => {
    const value = quoteIdentifier(column.name);
    const isNumber = column.type !== 'string' && column.type !== 'boolean';
    const ordered = `${value}::double order by __row`;
    const moments = isNumber
      ? `min(${value})::double as min, max(${value})::double as max, avg(${ordered}) as mean, stddev_pop(${ordered}) filter (where abs(${value}::double) < 1e150) as standard_deviation`
      : 'null as min, null as max, null as mean, null as standard_deviation';
    const statistics = `select count(*) as count, count(*) - count(${value}) as nulls, approx_count_distinct(${value}) as distinct_values, ${moments} from judged where not __aside`;
    const top =
      column.type === 'string'
        ? `select ${value} as value, count(*) as count from judged where not __aside and ${value} is not null group by 1 order by 2 desc, 1 limit 20`
        : null;
    return { column, statistics, top };
  });
}
