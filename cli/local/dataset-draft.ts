/** From what was counted in a file to a draft of its Dataset: types, names, and what a person should look at. */
import { type ColumnType, isPlatformColumn } from '../../domain/dataset.js';
import { ColumnName } from '../../domain/names.js';
import type { ColumnEvidence } from '../../ml/features/column-evidence.js';
import type { SourceColumn } from '../../ml/features/spine-sql.js';

export interface DraftColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Its name in the file, where that cannot be a column's name. */
  readonly from?: string;
  readonly source: SourceColumn;
  readonly evidence: ColumnEvidence;
  /** What was guessed; null where the file says it plainly. */
  readonly review: string | null;
}

/** Share of the values from which a kind is worth naming although others do not fit. */
const MOSTLY = 0.95;

const TIME_NAMES = /(^|_)(ts|time|timestamp|datetime|date|at|on)$/i;

/** Types by all values: a type is concluded only if every value fits it. */
export function draftColumns(
  columns: readonly SourceColumn[],
  evidence: readonly ColumnEvidence[],
  untyped: boolean,
): DraftColumn[] {
  const names = freeNames(columns.map(({ name }) => name));
  return columns.flatMap((source, index) => {
    const [counts, name] = [evidence[index], names[index]];
    if (counts === undefined || name === undefined) return [];
    const { type, review } = concludeType(source, counts, untyped);
    const nullable = counts.given < counts.rows;
    return [
      { name, type, nullable, ...(name !== source.name && { from: source.name }), source, evidence: counts, review },
    ];
  });
}

interface Conclusion {
  readonly type: ColumnType;
  readonly review: string | null;
}

function concludeType({ name, sourceType }: SourceColumn, counts: ColumnEvidence, untyped: boolean): Conclusion {
  const { given, whole, huge, micros, numbers, infinite, codes, booleans, times, nested } = counts;
  const is = (type: ColumnType, review: string | null = null): Conclusion => ({ type, review });
  if (given === 0) return is('string', 'no row has a value, so the type is open');
  if (nested > 0)
    return is('string', `${sourceType === 'JSON' ? 'objects or lists' : `${sourceType} values`}, kept as text`);
  if (booleans === given) return is('boolean');
  if (times === given) return is('timestamp');
  if (micros === given && TIME_NAMES.test(name))
    return is('timestamp', 'whole numbers, read as microseconds since 1970');
  if (sourceType === 'VARCHAR' && !untyped) return is('string', mostlyReview(counts));
  if (whole === given && !/^(FLOAT|DOUBLE)/.test(sourceType)) return is('integer');
  if (huge > 0 && whole + huge === given)
    return is('string', 'whole numbers, some beyond 2^53, which a number cannot hold exactly');
  if (numbers === given) return is('float', whole === given ? 'all values are whole; integer would do' : null);
  if (infinite > 0 && numbers + infinite === given)
    return is('float', `${infinite} infinite values, which would be set aside`);
  if (codes > 0 && codes + numbers === given)
    return is('string', 'digits with leading zeros or signs: codes, not numbers');
  return is('string', mostlyReview(counts));
}

function mostlyReview({ given, numbers, times, booleans }: ColumnEvidence): string | null {
  const kinds = [
    { count: numbers, kind: 'numbers' },
    { count: times, kind: 'times' },
    { count: booleans, kind: 'true or false' },
  ];
  const found = kinds.find(({ count }) => count >= MOSTLY * given);
  return found === undefined ? null : `${found.count} of ${given} values are ${found.kind}; the others keep it a text`;
}

/** Names that SQL, ONNX and people can bear, each once whatever the case of its letters. */
export function freeNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name, index) => {
    const plain = isFree(name) ? name : slug(name, index);
    let free = plain;
    for (let number = 2; taken.has(free.toLowerCase()); number += 1) free = `${plain.slice(0, 58)}_${number}`;
    taken.add(free.toLowerCase());
    return free;
  });
}

function isFree(name: string): boolean {
  return ColumnName.safeParse(name).success && !isPlatformColumn(name);
}

function slug(name: string, index: number): string {
  const words = name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^_+|_+$/g, '')
    .slice(0, 60);
  const begun = /^\d/.test(words) ? `_${words}` : words;
  if (isFree(begun)) return begun;
  return begun === '' ? `column_${index + 1}` : `${begun}_`;
}
