/** Who fits a model, with which settings: built-in trainers, Python over Temporal, commands. */
import { z } from 'zod';
import { Duration, durationMicros } from './duration.js';
import { Name } from './names.js';
import { MICROS_PER_DAY } from './time.js';
import { ParameterValue, SearchSpec } from './search-space.js';

/** Settings of a trainer by name; what they mean and which exist, the trainer says. */
export const TrainerParameters = z.record(z.string(), ParameterValue);
export type TrainerParameters = z.infer<typeof TrainerParameters>;

const TRAINING = {
  parameters: TrainerParameters.default({}),
  seed: z.number().int().nonnegative().default(1),
  /** Chooses among parameters before the model is fitted; those that are declared are tried as well. */
  search: SearchSpec.optional(),
};

const LONGEST_WALL_DAYS = 30;

/** What a command may use before it is ended. */
export const CommandLimits = z.strictObject({
  /** Wall time of one attempt. */
  wall: Duration.refine(
    (wall) => durationMicros(wall) <= LONGEST_WALL_DAYS * MICROS_PER_DAY,
    `an attempt takes ${LONGEST_WALL_DAYS} days at most`,
  ).default('1h'),
  cpuSeconds: z.number().int().positive().default(3_600),
  memoryMb: z.number().int().positive().default(2_048),
});
export type CommandLimits = z.infer<typeof CommandLimits>;

/** Trainers that run in the compute pool. */
export const BuiltInTrainer = z.enum(['gbdt', 'linear', 'baseline']);
export type BuiltInTrainer = z.infer<typeof BuiltInTrainer>;

/** Who fits the model: a built-in trainer, one registered with the Python worker, or an allow-listed command. */
export const TrainerSpec = z.discriminatedUnion('kind', [
  z.strictObject({ kind: BuiltInTrainer, ...TRAINING }),
  /** `name` as it is registered by `@trainer("name")`. */
  z.strictObject({ kind: z.literal('python'), name: Name, ...TRAINING }),
  /** `command` is a key of the worker's allow-list. */
  z.strictObject({
    kind: z.literal('command'),
    command: Name,
    limits: CommandLimits.prefault({}),
    ...TRAINING,
  }),
]);
export type TrainerSpec = z.infer<typeof TrainerSpec>;

export function isBuiltIn(trainer: TrainerSpec): trainer is Extract<TrainerSpec, { kind: BuiltInTrainer }> {
  return trainer.kind !== 'python' && trainer.kind !== 'command';
}
