/** The summary of the story: one table for the reader, one object for `--json`. */
import { Alerts, Endpoint, Pipelines, Quarantine, Rollouts, Verification, Versions, Windows } from './wire.js';
import { approvalsOf } from './pipeline-chapter.js';
import { day, ENDPOINT, iso, MODEL, type World } from './world.js';

export interface StorySummary {
  readonly versions: readonly { readonly number: number; readonly stage: string; readonly metrics: unknown }[];
  readonly pipelines: readonly {
    readonly id: string;
    readonly trigger: string;
    readonly outcome: string;
    readonly reasons: readonly string[];
  }[];
  readonly approvals: readonly {
    readonly version: number;
    readonly decision: string;
    readonly actor: string;
    readonly channel: string;
    readonly authenticated: boolean;
  }[];
  readonly windows: number;
  readonly alerts: readonly {
    readonly monitor: string;
    readonly windowEnd: string;
    readonly effect: number;
    readonly statistic: number | null;
  }[];
  readonly predictions: number;
  readonly groundTruth: number;
  readonly quarantined: number;
  readonly rollouts: readonly {
    readonly id: string;
    readonly version: number;
    readonly steps: readonly string[];
    readonly outcome: string;
  }[];
  readonly auditVerified: boolean;
}

export async function summarise(world: World): Promise<StorySummary> {
  const { api, show, addresses } = world;
  const versions = Versions.parse(await api.get(`/v1/models/${MODEL}/versions`)).items.toReversed();
  const pipelines = Pipelines.parse(await api.get(`/v1/pipelines?model=${MODEL}`)).items.toReversed();
  const windows = Windows.parse(await api.get(`/v1/endpoints/${ENDPOINT}/windows?limit=1000`)).items;
  const alerts = Alerts.parse(await api.get(`/v1/alerts?endpoint=${ENDPOINT}`)).items.toReversed();
  const endpoint = Endpoint.parse(await api.get(`/v1/endpoints/${ENDPOINT}`));
  const quarantine = Quarantine.parse(await api.get('/v1/quarantine?dataset=flights')).items;
  const rollouts = Rollouts.parse(await api.get(`/v1/endpoints/${ENDPOINT}/rollouts`)).items.toReversed();
  const { valid: auditVerified } = Verification.parse(await api.get('/v1/audit/verification'));
  const approvals = (await approvalsOf(world)).toReversed().flatMap(({ decisions }) => decisions);

  const summary: StorySummary = {
    versions: versions.map(({ version, stage, metrics }) => ({ number: version, stage, metrics })),
    pipelines: pipelines.map(({ pipelineId, trigger, outcome, reasons }) => ({
      id: pipelineId,
      trigger,
      outcome,
      reasons,
    })),
    approvals: approvals.map(({ version, decision, actor, channel, authenticated }) => ({
      version,
      decision,
      actor,
      channel,
      authenticated,
    })),
    windows: windows.length,
    alerts: alerts.map(({ monitor, windowEnd, effect, statistic }) => ({
      monitor,
      windowEnd: iso(windowEnd),
      effect,
      statistic,
    })),
    predictions: endpoint.predictions,
    groundTruth: endpoint.groundTruth,
    quarantined: quarantine.reduce((sum, { rows }) => sum + rows, 0),
    rollouts: rollouts.map(({ rolloutId, version, steps, state }) => ({
      id: rolloutId,
      version,
      steps: steps.map(({ kind, weight, verdict }) => `${kind} ${weight} %: ${verdict ?? 'open'}`),
      outcome: state,
    })),
    auditVerified,
  };
  for (const line of table(
    summary,
    alerts.map(({ monitor, windowEnd }) => `${monitor} on ${day(windowEnd)}`),
  ))
    show.fact(line);
  show.fact('');
  show.fact(`API and its documents  ${addresses.apiUrl ?? ''}/docs`);
  show.fact(`Temporal Web UI        ${addresses.webUiUrl ?? 'not started'}`);
  show.fact(`Serving                ${addresses.servingUrl ?? ''}/v2/models/${ENDPOINT}`);
  show.fact(`Admin key              ${addresses.adminKeyFile}`);
  return summary;
}

function table(summary: StorySummary, alertTexts: readonly string[]): string[] {
  const row = (name: string, value: string): string => `${name.padEnd(14)} ${value}`;
  return [
    ...summary.versions.map(({ number, stage }) => row(`version ${number}`, stage)),
    ...summary.pipelines.map(({ trigger, outcome }, index) => row(`pipeline ${index + 1}`, `${trigger} → ${outcome}`)),
    ...summary.rollouts.map(({ version, steps, outcome }) =>
      row(`rollout v${version}`, `${steps.join(', ')} → ${outcome}`),
    ),
    row(
      'decisions',
      summary.approvals
        .map(({ version, decision, actor, channel }) => `v${version} ${decision} by ${actor} (${channel})`)
        .join('; '),
    ),
    row('windows', String(summary.windows)),
    row('alerts', alertTexts.join('; ') || 'none'),
    row('predictions', `${summary.predictions}, ${summary.groundTruth} with ground truth`),
    row('quarantined', String(summary.quarantined)),
    row('audit chain', summary.auditVerified ? 'verified' : 'BROKEN'),
  ];
}
