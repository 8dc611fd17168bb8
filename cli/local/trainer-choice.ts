/** Another trainer than the document's, by the name that somebody gave on the command line. */
import { DomainError } from '../../domain/errors.js';
import { didYouMean, Name } from '../../domain/names.js';
import { BuiltInTrainer, type TrainerSpec } from '../../domain/trainer.js';

/**
 * The kind of a built-in trainer, or the name of one in Python. The document's own keeps its parameters, another one has
 * its defaults; the seed stays. Throws `PRN_TRAINER_UNKNOWN` for what can be no name.
 */
export function chooseTrainer(declared: TrainerSpec, named: string | undefined): TrainerSpec {
  if (named === undefined || named === trainerName(declared)) return declared;
  const { seed } = declared;
  const builtIn = BuiltInTrainer.safeParse(named);
  if (builtIn.success) return { kind: builtIn.data, parameters: {}, seed };
  if (Name.safeParse(named).success) return { kind: 'python', name: named, parameters: {}, seed };
  throw unknownTrainer(named, []);
}

/** What `--trainer` calls it. */
export function trainerName(trainer: TrainerSpec): string {
  if (trainer.kind === 'python') return trainer.name;
  return trainer.kind === 'command' ? trainer.command : trainer.kind;
}

/** `python` are the names that the Python trainers said they have. */
export function unknownTrainer(named: string, python: readonly string[]): DomainError {
  const known = [...BuiltInTrainer.options, ...python];
  const trainer = `${named}${didYouMean(named, known)}`;
  return new DomainError('PRN_TRAINER_UNKNOWN', { trainer, known: known.join(', ') });
}
