/** Texts as features: the most frequent ones get a code, but an identifier has nothing that repeats. */
import { DomainError } from '../../domain/errors.js';
import type { ModelInput } from '../../domain/features.js';
import { quoteIdentifier } from '../../ml/features/expression/sql.js';
import type { TableSession } from '../../store/contracts/tables.js';

/** More distinct texts than this are an identifier, and more than a process should hold. */
const MAX_TEXTS = 1_000_000;

/** Throws `PRN_TRAINING_TOO_MANY_CATEGORIES`; distinct texts are estimated, to a few percent. */
export async function requireCategories(
  session: TableSession,
  relation: string,
  inputs: readonly Pick<ModelInput, 'name' | 'datatype'>[],
): Promise<void> {
  const texts = inputs.filter(({ datatype }) => datatype === 'BYTES');
  if (texts.length === 0) return;
  const counts = texts.map(({ name }, index) => `approx_count_distinct(${quoteIdentifier(name)}) as "${index}"`);
  const [found = {}] = await session.rows(`select ${counts.join(', ')} from ${relation}`);
  for (const [index, { name }] of texts.entries()) {
    const categories = Number(found[index]);
    if (categories > MAX_TEXTS)
      throw new DomainError('PRN_TRAINING_TOO_MANY_CATEGORIES', { input: name, categories, limit: MAX_TEXTS });
  }
}
