import { describe, expect, it } from 'vitest';
import { evaluationMetrics, pipelineRunParams, runEndOf } from '../../domain/pipeline-run.js';
import { PipelineOutcome } from '../../domain/pipeline.js';
import { TrainerSpec } from '../../domain/trainer.js';
import { snapshotOf } from '../jobs/training-fixture.js';

describe('the run of a pipeline', () => {
  it('ends as its training did: what becomes of the version is no failure of the run', () => {
    const outcomesOf = (end: string | null) => PipelineOutcome.options.filter((outcome) => runEndOf(outcome) === end);
    expect(outcomesOf(null)).toEqual(['running']);
    expect(outcomesOf('FAILED')).toEqual(['failed', 'lost']);
    expect(outcomesOf('KILLED')).toEqual(['cancelled']);
    expect(outcomesOf('FINISHED')).toEqual(expect.arrayContaining(['promoted', 'rejected_by_gates', 'rolled_back']));
  });

  it('names metrics as gates do, and no metric that has no number', () => {
    const estimate = { lower: 0.3, upper: 0.5, confidence: 0.95, method: 'bca', state: 'ok' } as const;
    const metrics = { log_loss: { ...estimate, value: 0.4 }, ks: { ...estimate, value: null } };
    expect(evaluationMetrics(metrics)).toEqual({ log_loss: 0.4 });
  });

  it('says which trainer it was, wherever it runs', () => {
    const snapshot = snapshotOf();
    const trainerOf = (trainer: object) =>
      pipelineRunParams({ ...snapshot, spec: { ...snapshot.spec, trainer: TrainerSpec.parse(trainer) } })[0]?.value;
    expect([
      trainerOf({ kind: 'linear' }),
      trainerOf({ kind: 'python', name: 'lightgbm' }),
      trainerOf({ kind: 'command', command: 'fit' }),
    ]).toEqual(['linear', 'python/lightgbm', 'command/fit']);
  });
});
