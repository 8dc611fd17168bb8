/** `approvals`, `rollout`, `monitor`, `alerts`, `audit`, `keys`. */
import type { Command } from 'commander';
import { apiPath, withQuery } from '../path.js';
import { act, show, wholeNumber, withCommonOptions } from './command.js';

const APPROVALS = {
  columns: {
    APPROVAL: 'approvalId',
    MODEL: 'model',
    VERSION: 'version',
    OUTCOME: 'outcome',
    'REQUESTED BY': 'requestedBy',
    OPENED: 'openedTs',
    DEADLINE: 'deadlineTs',
  },
};
const ROLLOUTS = {
  columns: {
    ROLLOUT: 'rolloutId',
    MODEL: 'model',
    FROM: 'fromVersion',
    TO: 'version',
    STATE: 'state',
    REASON: 'reason',
    STARTED: 'startedTs',
  },
};
const WINDOWS = {
  columns: {
    'WINDOW END': 'windowEnd',
    VERSION: 'version',
    REV: 'revision',
    ROWS: 'metrics.rows',
    LABELLED: 'metrics.labelled',
    AUC: 'metrics.rocAuc',
    'LOG LOSS': 'metrics.logLoss',
    'CALIBRATION GAP': 'metrics.calibrationGap',
    PSI: 'metrics.psiPrediction',
    ERRORS: 'metrics.errorRate',
    'P99 MS': 'metrics.latencyP99Ms',
  },
};
const ALERTS = {
  columns: {
    ALERT: 'alertId',
    MONITOR: 'monitor',
    SEVERITY: 'severity',
    VERSION: 'version',
    'WINDOW END': 'windowEnd',
    EFFECT: 'effect',
    T: 'statistic',
    OUTCOME: 'outcome',
  },
};

export function registerOperationCommands(program: Command): void {
  const approvals = program.command('approvals').description('what waits for a person');
  withCommonOptions(approvals.command('list [model]').description('newest first')).action(
    show((model) => withQuery('/v1/approvals', { model }), APPROVALS),
  );
  withCommonOptions(
    approvals.command('show <id>').description('one approval, its decisions, the signal that would decide it'),
  ).action(show((id = '') => apiPath`/v1/approvals/${id}`));
  for (const decision of ['approve', 'reject'] as const) {
    withCommonOptions(
      approvals
        .command(`${decision} <id>`)
        .description(`${decision} as the person your key belongs to`)
        .option('--reason <text>', 'why; required to reject', ''),
    ).action(
      act(({ api }, [id = ''], { reason }) => api.post(apiPath`/v1/approvals/${id}/decisions`, { decision, reason }), {
        columns: { DECISION: 'decision', VERSION: 'version', BY: 'actor', 'NOT COUNTED BECAUSE': 'because' },
      }),
    );
  }
  withCommonOptions(
    approvals.command('token <id>').description('one-time token that proves your signal from the Temporal Web UI'),
  ).action(act(({ api }, [id = '']) => api.post(apiPath`/v1/approvals/${id}/tokens`)));

  const rollout = program.command('rollout').description('rollouts of an endpoint');
  withCommonOptions(rollout.command('list <endpoint>').description('newest first')).action(
    show((endpoint = '') => apiPath`/v1/endpoints/${endpoint}/rollouts`, ROLLOUTS),
  );
  withCommonOptions(rollout.command('status <id>').description('one rollout with its steps')).action(
    show((id = '') => apiPath`/v1/rollouts/${id}`),
  );
  withCommonOptions(
    rollout.command('abort <id>').description('roll back now').requiredOption('--reason <text>', 'why'),
  ).action(act(({ api }, [id = ''], { reason }) => api.post(apiPath`/v1/rollouts/${id}/abort`, { reason })));
  withCommonOptions(
    rollout
      .command('pass <id>')
      .description('let a step pass that is held for lack of evidence')
      .argument('<step>', 'its index, from 0', wholeNumber),
  ).action(
    act(({ api }, [id = '', step = '']) => api.post(apiPath`/v1/rollouts/${id}/approvals`, { step: Number(step) })),
  );

  const monitor = program.command('monitor').description('closed windows');
  withCommonOptions(monitor.command('windows <endpoint>').description('one line a window, oldest first')).action(
    show((endpoint = '') => apiPath`/v1/endpoints/${endpoint}/windows`, WINDOWS),
  );

  const alerts = program.command('alerts').description('findings somebody must act on');
  withCommonOptions(alerts.command('list [endpoint]').description('newest first')).action(
    show((endpoint) => withQuery('/v1/alerts', { endpoint }), ALERTS),
  );
  withCommonOptions(alerts.command('ack <id>').description('say that you have seen it')).action(
    act(({ api }, [id = '']) => api.post(apiPath`/v1/alerts/${id}/acknowledgements`), ALERTS),
  );

  const audit = program.command('audit').description('the audit record');
  withCommonOptions(audit.command('list').description('newest first')).action(
    show(() => '/v1/audit', { columns: { AT: 'at', ACTOR: 'actor', ACTION: 'action', SUBJECT: 'subject' } }),
  );
  withCommonOptions(
    audit.command('verify').description('recompute every chain; exit code 1 when one is broken'),
  ).action(
    act(
      async ({ api }) => {
        const body = (await api.get('/v1/audit/verification')) as { valid: boolean; chains: unknown[] };
        if (!body.valid) process.exitCode = 1;
        return { items: body.chains };
      },
      { columns: { CHAIN: 'scope', VALID: 'valid', ENTRIES: 'entries', 'BROKEN AT': 'seq', PROBLEM: 'problem' } },
    ),
  );

  const keys = program.command('keys').description('API keys');
  withCommonOptions(keys.command('list').description('without their secrets')).action(
    show(() => '/v1/keys', {
      columns: { KEY: 'keyId', NAME: 'name', ROLE: 'role', CREATED: 'createdTs', REVOKED: 'revoked' },
    }),
  );
  withCommonOptions(
    keys
      .command('create <name>')
      .description('shown once')
      .requiredOption('--role <role>', 'viewer, contributor, approver, operator or admin'),
  ).action(
    act(({ api }, [name = ''], { role }) => api.post('/v1/keys', { name, role }), {
      columns: { KEY: 'keyId', NAME: 'name', ROLE: 'role', SECRET: 'key' },
    }),
  );
  withCommonOptions(keys.command('revoke <id>').description('at once')).action(
    act(({ api }, [id = '']) => api.delete(apiPath`/v1/keys/${id}`)),
  );
}
