/** Data before code: sources that are declared or given are ingested and judged, of others the last verdict counts. */
import { createHash } from 'node:crypto';
import type { DatasetSpec } from '../../domain/dataset.js';
import { ValidationReport } from '../../domain/validation.js';
import { memberOf } from '../client.js';
import { apiPath } from '../path.js';
import { upload } from '../upload.js';
import { follow, StoppedWaiting } from './follow.js';
import type { CiRun } from './run.js';
import type { DataVerdict } from './report.js';

/** A dataset among the documents, and the file that was given for it. */
export interface JudgedDataset {
  readonly dataset: string;
  readonly spec: DatasetSpec;
  readonly file: string | undefined;
}

/** Newest ingestions among which one is looked for that judged rows. */
const LOOKED_AT = 20;

/** Queries behind what they read, so that they see it. */
export function inReadingOrder(datasets: readonly JudgedDataset[]): JudgedDataset[] {
  const ordered: JudgedDataset[] = [];
  const waiting = [...datasets];
  while (waiting.length > 0) {
    const ready = waiting.findIndex(({ spec }) =>
      Object.values(spec.query?.from ?? {}).every((from) => !waiting.some(({ dataset }) => dataset === from)),
    );
    ordered.push(...waiting.splice(Math.max(0, ready), 1));
  }
  return ordered;
}

export async function judgeDataset(run: CiRun, judged: JudgedDataset): Promise<DataVerdict> {
  const { dataset } = judged;
  try {
    const ingestionId = await ingestionOf(run, judged);
    if (ingestionId === null) return nothingJudged(dataset);
    const what = `the ingestion ${ingestionId} of ${dataset}`;
    const ended = await follow(
      run.api,
      { path: apiPath`/v1/ingestions/${ingestionId}`, what, patience: run.patience },
      (body) => (memberOf(body, 'state') === 'running' ? undefined : body),
    );
    return await verdictOf(run, ended);
  } catch (error) {
    if (!(error instanceof StoppedWaiting)) throw error;
    return { ...nothingJudged(dataset), outcome: 'undecided', reasons: [error.message] };
  }
}

function nothingJudged(dataset: string): DataVerdict {
  const nothing = { source: null, ingestionId: null, rows: 0, quarantined: 0, rules: [] };
  const reasons = ['it declares no source and nothing was ingested; give rows with --table'];
  return { dataset, outcome: 'skipped', ...nothing, reasons };
}

/** Starts an ingestion, the same for the same revision; of a dataset without a source the newest one that there was. */
async function ingestionOf(run: CiRun, { dataset, spec, file }: JudgedDataset): Promise<string | null> {
  const { api, codeRevision } = run;
  const path = apiPath`/v1/datasets/${dataset}/ingestions`;
  if (file === undefined && spec.source === undefined && spec.query === undefined) {
    const items = memberOf(await api.get(`${path}?limit=${LOOKED_AT}`), 'items');
    // A failed one, as of a mistyped path, says nothing about rows.
    const judged: unknown = Array.isArray(items)
      ? items.find((item) => memberOf(item, 'state') !== 'failed')
      : undefined;
    return judged === undefined ? null : String(memberOf(judged, 'ingestionId'));
  }
  run.stage(`${dataset}: reading and judging ${file ?? 'its source'}`);
  const source = file === undefined ? {} : { source: (await upload(api, dataset, file)).source };
  const key = JSON.stringify([codeRevision, dataset, source]);
  const ingestionId = `ci-${createHash('sha256').update(key).digest('hex').slice(0, 20)}`;
  await api.post(path, { ingestionId, ...source });
  return ingestionId;
}

async function verdictOf({ api }: CiRun, ended: unknown): Promise<DataVerdict> {
  const [state, ingestionId] = [String(memberOf(ended, 'state')), String(memberOf(ended, 'ingestionId'))];
  const report =
    memberOf(ended, 'report') == null
      ? null
      : ValidationReport.parse(await api.get(apiPath`/v1/ingestions/${ingestionId}/report`));
  const message = memberOf(memberOf(ended, 'error'), 'message');
  const failures = report?.failures ?? [];
  return {
    dataset: String(memberOf(ended, 'dataset')),
    outcome: state === 'refused' ? 'refused' : state === 'failed' ? 'undecided' : 'passed',
    source: String(memberOf(ended, 'sourceUri')),
    ingestionId,
    rows: report?.rows ?? 0,
    quarantined: report?.quarantined ?? 0,
    rules: report?.rules ?? [],
    reasons: failures.length > 0 || typeof message !== 'string' ? failures : [message],
  };
}
