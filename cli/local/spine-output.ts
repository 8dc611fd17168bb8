/** The spine's own columns in the answer: what the file says, in the types that the output has. */
import type { ColumnEvidence } from '../../ml/features/column-evidence.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import type { SourceColumn } from '../../ml/features/spine-sql.js';
import type { OutputEnding } from '../output-ending.js';

export interface KeptColumn extends SourceColumn {
  readonly evidence: ColumnEvidence | undefined;
  /** Stays text, whatever it looks like. */
  readonly isText: boolean;
  /** The file has only text. */
  readonly untyped: boolean;
}

/** Text in text stays as it is. Elsewhere text that is plainly numbers or truth values becomes such, all else stays text. */
export function keptSql(column: KeptColumn, ending: OutputEnding): string {
  const { name, sourceType, untyped, isText, evidence } = column;
  const raw = quoteIdentifier(name);
  if (sourceType === 'JSON') {
    const isMixed = evidence === undefined || isMixedJson(evidence);
    return isMixed ? raw : `(${raw} ->> '$')::${plainType(evidence)} as ${raw}`;
  }
  const isTextOnly = ending === 'csv' || ending === 'tsv';
  if (untyped && !isTextOnly && !isText && evidence !== undefined) return `${raw}::${plainType(evidence)} as ${raw}`;
  // JSON has no word for NaN and the infinities.
  const isJson = ending === 'json' || ending === 'ndjson' || ending === 'jsonl';
  if (isJson && /^(FLOAT|DOUBLE)$/.test(sourceType)) return `case when isfinite(${raw}) then ${raw} end as ${raw}`;
  return raw;
}

/** Values of several kinds, nested ones, and numbers that only JSON can hold stay JSON. */
function isMixedJson({ nested, huge, texts, given }: ColumnEvidence): boolean {
  return nested > 0 || huge > 0 || (texts > 0 && texts < given);
}

function plainType({ given, nan, huge, whole, numbers, booleans }: ColumnEvidence): string {
  if (given === 0 || nan > 0 || huge > 0) return 'varchar';
  if (whole === given) return 'bigint';
  if (numbers === given) return 'double';
  return booleans === given ? 'boolean' : 'varchar';
}
