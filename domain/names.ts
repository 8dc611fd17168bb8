/** Names of resources and the help for mistyped ones. */
import { z } from 'zod';

/** Words that every plain object knows already: a record by such a name would find what nobody put there. */
const isFree = (name: string): boolean => !Object.hasOwn(Object.prototype, name);
const TAKEN = 'this word is reserved; choose another';

/** A resource name: lower case letters, digits and hyphens, at most 63 characters, safe in URLs, ids and file names. */
export const Name = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9-]{0,62}$/,
    'expected lower-case letters, digits and hyphens, at most 63, starting with a letter or digit',
  )
  .refine(isFree, TAKEN)
  .meta({ examples: ['flight-delay'] });
export type Name = z.infer<typeof Name>;

/** A column or feature name: what SQL and ONNX both accept without quoting surprises. */
export const ColumnName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, 'expected a column name: letters, digits and underscores')
  .refine(isFree, TAKEN);
export type ColumnName = z.infer<typeof ColumnName>;

const LONGEST_TYPED = 100;

/** The known name nearest to a mistyped one (Levenshtein distance at most a third of its length, at least 2), if any. */
export function nearestName(typed: string, known: readonly string[]): string | undefined {
  // The cost grows with the square of the length, and no name is that long.
  if (typed.length > LONGEST_TYPED) return undefined;
  const limit = Math.max(2, Math.floor(typed.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const name of known) {
    const distance = editDistance(typed.toLowerCase(), name.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) best = { name, distance };
  }
  return best?.name;
}

/** A hint such as ` (did you mean "flights"?)` for error templates, or nothing. */
export function didYouMean(typed: string, known: readonly string[]): string {
  const nearest = nearestName(typed, known);
  return nearest === undefined ? '' : ` (did you mean "${nearest}"?)`;
}

function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_value, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const substitution = (previous[column - 1] ?? 0) + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[right.length] ?? 0;
}
