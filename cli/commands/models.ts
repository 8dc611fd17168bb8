/** `pipelines`, `versions`, `champion`, `rollback`, `pause`, `resume`. */
import type { Command } from 'commander';
import { apiPath, withQuery } from '../path.js';
import { act, show, wholeNumber, withCommonOptions } from './command.js';

/** A pipeline as a line of a table. */
export const PIPELINES = {
  columns: {
    PIPELINE: 'pipelineId',
    MODEL: 'model',
    TRIGGER: 'trigger',
    STAGE: 'stage',
    OUTCOME: 'outcome',
    VERSION: 'version',
    STARTED: 'startedTs',
    REASONS: 'reasons',
  },
};
const VERSIONS = {
  columns: {
    VERSION: 'version',
    STAGE: 'stage',
    GATES: 'gates',
    AUC: 'metrics.roc_auc.value',
    'LOG LOSS': 'metrics.log_loss.value',
    'CALIBRATION GAP': 'metrics.calibration_gap.value',
    ACCURACY: 'metrics.accuracy.value',
    RMSE: 'metrics.rmse.value',
    TRIGGER: 'trigger',
    CREATED: 'createdTs',
    BY: 'createdBy',
  },
};

export function registerModelCommands(program: Command): void {
  const pipelines = program.command('pipelines').description('training pipelines');
  withCommonOptions(pipelines.command('list [model]').description('newest first')).action(
    show((model) => withQuery('/v1/pipelines', { model }), PIPELINES),
  );
  withCommonOptions(pipelines.command('show <id>').description('one pipeline')).action(
    show((id = '') => apiPath`/v1/pipelines/${id}`),
  );

  withCommonOptions(program.command('versions <model>').description('versions with stages and metrics')).action(
    show((model = '') => apiPath`/v1/models/${model}/versions`, VERSIONS),
  );
  withCommonOptions(
    program.command('evidence <model> <version>').description('metrics and gate results of a version'),
  ).action(show((model = '', version = '') => apiPath`/v1/models/${model}/versions/${version}/evidence`));
  withCommonOptions(program.command('lineage <model> <version>').description('what a version was made from')).action(
    show((model = '', version = '') => apiPath`/v1/models/${model}/versions/${version}/lineage`),
  );
  withCommonOptions(
    program
      .command('champion <model>')
      .description('who is in production, or was')
      .option('--at <time>', 'moment, ISO 8601'),
  ).action(
    act(
      ({ api }, [model = ''], { at }) =>
        api.get(withQuery(apiPath`/v1/models/${model}/champion`, { at: typeof at === 'string' ? at : undefined })),
      {
        columns: {
          MODEL: 'model',
          VERSION: 'version',
          PREVIOUS: 'previousVersion',
          FROM: 'validFrom',
          TO: 'validTo',
          REASON: 'reason',
          BY: 'actor',
          EVIDENCE: 'evidenceDigest',
        },
      },
    ),
  );
  withCommonOptions(
    program
      .command('rollback <model>')
      .description('restore the champion before this one')
      .requiredOption('--reason <text>', 'why')
      .option('--to <version>', 'an archived version', wholeNumber),
  ).action(
    act(({ api }, [model = ''], { reason, to }) =>
      api.post(apiPath`/v1/models/${model}/rollbacks`, { reason, ...(to !== undefined && { toVersion: to }) }),
    ),
  );

  for (const [name, paused] of [
    ['pause', true],
    ['resume', false],
  ] as const) {
    withCommonOptions(
      program
        .command(`${name} <model>`)
        .description(`${name} the training of a model`)
        .option('--reason <text>', 'why', ''),
    ).action(act(({ api }, [model = ''], { reason }) => api.post('/v1/pauses', { model, paused, reason })));
  }
}
