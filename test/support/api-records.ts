/** One record of everything the API shows, as the workflows would have left it: two versions, the first in production. */
import { unjudgedEvidence } from '../../domain/evaluation.js';
import type { EvaluationMetrics } from '../../domain/metrics.js';
import type { ArtifactRef } from '../../domain/artifact.js';
import type { FrozenView } from '../../domain/bundle.js';
import type { ModelProfile } from '../../domain/model-profile.js';
import { parseResource } from '../../domain/resource-errors.js';
import { inApplyOrder } from '../../domain/resource-references.js';
import { MICROS_PER_DAY, MICROS_PER_HOUR, parseIso } from '../../domain/time.js';
import type { DatasetProfile } from '../../domain/profile.js';
import type { ValidationReport } from '../../domain/validation.js';
import { profileNumbers, profileTexts } from '../../ml/profile/profile-values.js';
import type { Stores } from '../../store/contracts/index.js';
import { putJson } from '../../store/contracts/json-artifacts.js';
import type { ModelCard } from '../../domain/model-card.js';
import type { Judged } from '../../domain/pipeline.js';
import { snapshotOf } from '../jobs/training-fixture.js';
import type { SkewCertificate } from '../../domain/skew-certificate.js';
import type { NewModelVersion } from '../../store/contracts/registry.js';
import { writeQuarantineTable } from './quarantine-table.js';
import { smallResources } from './small-flights.js';

export const MODEL = 'flight-delay';
export const UPLOAD = '0123456789abcdef0123';
export const RUN = '0123456789abcdef0123456789abcdef';
export const T0 = parseIso('2001-03-01T00:00:00Z');

const ref: ArtifactRef = {
  uri: `artifact://sha256/${'0'.repeat(64)}`,
  sha256: '0'.repeat(64),
  bytes: 1,
  mediaType: 'application/json',
};
const metrics: EvaluationMetrics = Object.fromEntries(
  Object.entries({ roc_auc: 0.7125, log_loss: 0.4321, calibration_gap: -0.0123, accuracy: 0.8 }).map(
    ([name, value]) => [
      name,
      { value, lower: value - 0.01, upper: value + 0.01, confidence: 0.95, method: 'bca', state: 'ok' },
    ],
  ),
);

const PROFILE: DatasetProfile = {
  rows: 4,
  firstEventTs: T0,
  lastEventTs: T0 + MICROS_PER_HOUR,
  ingestLag: { edges: [0], counts: [0, 4] },
  columns: [
    profileNumbers({ name: 'delay', type: 'float' }, [1, 2, 3, Number.NaN]),
    profileTexts('origin', ['ATL', 'ORD', 'ATL', null]),
  ],
};

const REPORT: ValidationReport = {
  outcome: 'accepted',
  rows: 1_000,
  quarantined: 3,
  severity: 'warning',
  failures: [],
  warnings: ['plausible: 3 of 1000 rows (0.3 %) fail, expected >= -120, such as -1116'],
  rules: [
    {
      name: 'plausible',
      ruleVersion: '0123456789ab',
      level: 'row',
      severity: 'warning',
      action: 'drop',
      verdict: 'quarantined',
      rows: 1_000,
      missing: 0,
      failing: 3,
      failingPercent: 0.3,
      failingPercentOfGiven: 0.3,
      observed: 0.997,
      threshold: '>= -120',
      samples: [{ value: '-1116', count: 3 }],
      offenders: [{ row: 7, key: '{"departed_ts":"2001-03-01 00:00:00"}' }],
      query: "select source_row, raw from quarantine where list_contains(failed_rules, 'plausible')",
      mostDifferent: null,
      previous: null,
      suggestion: { path: 'spec.expectations[plausible].range.min', from: -120, to: -1116 },
      message: 'plausible: 3 of 1000 rows (0.3 %) fail, expected >= -120, such as -1116',
    },
  ],
  sampleCap: 20,
};

/** Declares the flights example and leaves one of each record behind. */
export async function leaveRecords(stores: Stores): Promise<void> {
  const resources = inApplyOrder(smallResources().map((document) => parseResource(document, 'test')));
  for (const resource of resources) await stores.resources.apply({ resource, actor: 'admin' });
  await stores.endpoints.ensure(MODEL, 'event');
  await leaveData(stores);
  await leaveRetrieval(stores);
  await leaveVersions(stores);
  await leaveApproval(stores);
  await leaveMonitoring(stores);
  await leaveRequests(stores);
  await leaveRun(stores);
}

async function leaveData({ datasets, features, uploads, artifacts }: Stores): Promise<void> {
  const put = (value: unknown) => artifacts.put(new TextEncoder().encode(JSON.stringify(value)), 'application/json');
  const judged = { report: await put(REPORT), profile: await put(PROFILE) };
  const times = { minEventTs: T0, maxEventTs: T0 + MICROS_PER_HOUR, minKnownTs: T0, maxKnownTs: T0 + MICROS_PER_HOUR };
  const source = {
    sourceUri: '/data/flights.parquet',
    sourceSha256: '1'.repeat(64),
    files: [],
    inputs: [],
    highWater: null,
  };
  const segment = { segmentId: 'segment-1', dataset: 'flights', ...source, accepted: 997, quarantined: 3, ...times };
  const raw = { date: 'never', delay: '-1116' };
  const brokenRules = ['departed_ts-is-timestamp', 'plausible-delay'];
  const aside = [3, 5, 900].map((row) => ({ row, raw, failed: brokenRules }));
  const quarantineTable = await writeQuarantineTable(artifacts, aside);
  const tables = { table: ref, quarantineTable, brokenRules, ...judged };
  const committed = await datasets.commitSegment({
    segment: { ...segment, ...tables, knowledge: 'declared' },
    revision: 1,
    actor: 'contributor',
    now: T0 + MICROS_PER_DAY,
    ingestionId: 'first',
    replaces: false,
  });
  const { versionId, commitSeq } = committed.version;
  const kept = { uploadedTs: T0, keepUntilTs: T0 + 7 * MICROS_PER_DAY };
  const upload = {
    uploadId: UPLOAD,
    dataset: 'flights',
    filename: 'flights.csv',
    file: ref,
    uploadedBy: 'contributor',
  };
  await uploads.save({ ...upload, ...kept });
  const request = { dataset: 'flights', sourceUri: source.sourceUri, requestedBy: 'contributor' };
  const counts = { commitSeq, versionId, accepted: 997, quarantined: 3, warnings: ['one warning'] };
  const span = { startedTs: T0, endedTs: T0 + MICROS_PER_HOUR };
  await datasets.saveIngestion({
    ingestionId: 'first',
    ...request,
    ...counts,
    ...span,
    state: 'committed',
    report: judged.report,
    error: null,
  });
  const cuts = { fromCut: T0, toCut: T0 + MICROS_PER_DAY };
  const origin = { datasetVersionId: versionId, commitSeq, viewRevision: 1 };
  await features.commitChunk({ view: 'origin-traffic', chunkId: 'chunk-1', ...origin, ...cuts, rows: 6, table: ref });
  await features.advance({
    view: 'origin-traffic',
    viewRevision: 1,
    throughCut: cuts.toCut,
    commitSeq,
    sinceSeq: 1,
    seq: 1,
  });
}

const CERTIFICATE: SkewCertificate = {
  certificateVersion: 1,
  model: MODEL,
  planDigest: 'p',
  graphSha256: 'g',
  corpora: [{ corpus: 'edge', rows: 1 }],
  batchRows: [1, 3, 7, 1],
  engines: { duckdb: 'v1.5.6', onnxruntime: '1.30.0', node: '20.20.0' },
  cpu: 'unknown',
  features: [
    {
      feature: 'distance',
      expression: 'distance',
      exactness: 'exact',
      limitUlp: 0,
      comparisons: 4,
      mismatches: 1,
      maxUlp: null,
      firstMismatch: {
        corpus: 'observed',
        row: 0,
        batchRows: 1,
        offline: 'missing',
        online: '-0',
        about: { departed_ts: '978912000000000' },
        offlineInputs: { distance: 'missing' },
        onlineInputs: { distance: '-0' },
      },
    },
  ],
};

async function leaveRetrieval({ retrievals }: Stores): Promise<void> {
  await retrievals.open({
    retrievalId: 'retrieval-1',
    requestedBy: 'admin',
    state: 'completed',
    knowledge: 'as-known',
    leaks: false,
    request: ref,
    plan: ref,
    result: {
      resultId: '4'.repeat(20),
      table: ref,
      rows: 2,
      features: [{ name: 'late_rate_7d', type: 'float', nulls: 1 }],
      unusable: [{ column: 'origin', rows: 1 }],
    },
    error: null,
    startedTs: T0,
    endedTs: T0 + MICROS_PER_HOUR,
  });
}

const CARD: ModelCard = {
  cardVersion: 1,
  model: MODEL,
  task: 'binary',
  outcome: 'passed',
  reasons: [],
  sources: { evidence: ref, snapshot: ref, dataset: ref },
  tables: [
    {
      title: 'Metrics on the holdout',
      note: '',
      headings: ['metric', 'value'],
      rows: [
        ['ROC AUC', { value: 0.7125, unit: 'number', source: 'evidence', path: 'evidence.metrics.roc_auc.value' }],
      ],
    },
  ],
  plots: {},
};

async function leaveVersions({ registry, endpoints, artifacts }: Stores): Promise<void> {
  const certificate = await artifacts.put(new TextEncoder().encode(JSON.stringify(CERTIFICATE)), 'application/json');
  const card = await artifacts.put(new TextEncoder().encode(JSON.stringify(CARD)), 'application/json');
  for (const requestId of ['first', 'second']) {
    const { version } = await registry.registerVersion({ ...candidate(requestId), card });
    const skew = {
      certificateId: 'c',
      certificate,
      features: 1,
      comparisons: 4,
      mismatches: 1,
      problems: ['distance'],
    };
    await registry.setSkew({ model: MODEL, version, skew: { ...skew, verdict: 'invalid' }, actor: 'pipeline' });
    const change = { model: MODEL, version, from: 'none', to: 'staging' } as const;
    await registry.setStage({ ...change, actor: 'pipeline', reason: 'gates passed' });
  }
  const { controller } = await endpoints.acquire(MODEL, 'rollout/first');
  await endpoints.promote({
    requestId: 'first',
    endpoint: MODEL,
    model: MODEL,
    version: 1,
    expectedChampion: null,
    expectedAliasRevision: 0,
    controller,
    shadow: [],
    reason: 'rollout',
    actor: 'approver',
    at: T0,
  });
  await endpoints.release(MODEL, controller);
  await leaveRollout(endpoints);
}

async function leaveRollout(endpoints: Stores['endpoints']): Promise<void> {
  const step = { rev: 2, startedAt: T0, endedAt: T0 + MICROS_PER_DAY };
  await endpoints.saveRollout({
    rolloutId: 'second',
    endpoint: MODEL,
    model: MODEL,
    version: 2,
    fromVersion: 1,
    requestId: 'second',
    workflowId: 'rollout/second',
    spec: { canary: [{ weight: 10, for: '2d' }], bake: '1d', minRows: 100, noEvidence: 'hold', guardrails: [] },
    state: 'canary',
    steps: [
      { index: 0, kind: 'shadow', weight: 0, ...step, verdict: 'proceed: all guardrails are satisfied' },
      { index: 1, kind: 'canary', weight: 10, rev: 3, startedAt: T0 + MICROS_PER_DAY, endedAt: null, verdict: null },
    ],
    judgedAt: T0 + MICROS_PER_DAY + MICROS_PER_HOUR,
    reason: '',
    startedTs: T0,
    endedTs: null,
  });
}

const FROZEN: FrozenView = {
  view: 'origin-traffic',
  revision: 1,
  keys: [{ key: 'origin', type: 'string', request: 'origin' }],
  features: ['late_rate_7d'],
  types: { late_rate_7d: 'float' },
  maxAgeMicros: null,
};

function candidate(requestId: string): NewModelVersion {
  return {
    model: MODEL,
    requestId,
    bundle: {
      bundleVersion: 2,
      model: MODEL,
      task: 'binary',
      classes: [],
      graphs: [ref],
      request: [{ name: 'distance', datatype: 'FP32', nullable: false }],
      eventTime: 'departed_ts',
      views: [FROZEN],
      plan: {
        inputs: [
          { name: 'distance', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'distance' } },
        ],
        features: [{ name: 'distance', expression: 'distance' }],
        encodings: [],
      },
      decisionThreshold: 0.5,
      goldenRows: ref,
      referenceProfile: ref,
    },
    bundleDigest: `bundle-${requestId}`,
    evidence: {
      ...unjudgedEvidence('binary', ref),
      rows: 1_000,
      blocks: { kind: 'day', count: 14 },
      metrics,
      baselineMetrics: { 'rateBy(hour)': metrics },
    },
    evidenceDigest: `evidence-${requestId}`,
    lineage: {
      pipelineId: requestId,
      requestId,
      trigger: 'manual',
      modelRevision: 1,
      spine: { dataset: 'flights', versionId: 'v', commitSeq: 1 },
      views: [],
      trainingDatasetDigest: 'rows',
      trainRows: 9_000,
      holdoutRows: 1_000,
      trainFrom: T0 - 40 * MICROS_PER_DAY,
      trainTo: T0 - 15 * MICROS_PER_DAY,
      holdoutFrom: T0 - 14 * MICROS_PER_DAY,
      holdoutTo: T0,
      asOf: T0,
      knowledge: 'declared',
      seed: 7,
      parameters: { trees: 30 },
    },
    createdTs: T0,
    createdBy: 'pipeline',
  };
}

async function leaveApproval({ registry }: Stores): Promise<void> {
  await registry.openApproval({
    approvalId: 'second',
    model: MODEL,
    version: 2,
    workflowId: 'pipeline/no-longer-there',
    bundleDigest: 'bundle-second',
    evidenceDigest: 'evidence-second',
    policy: {
      quorum: 1,
      roles: ['approver', 'admin'],
      forbid: [],
      expiresAfter: '14d',
      remindEvery: '1d',
      allowUnauthenticated: false,
    },
    policyRevision: 1,
    requestedBy: 'contributor',
    openedTs: T0,
    deadlineTs: T0 + 14 * MICROS_PER_DAY,
    outcome: 'pending',
    closedTs: null,
  });
}

async function leaveMonitoring({ monitoring }: Stores): Promise<void> {
  const [windowStart, windowEnd] = [T0, T0 + MICROS_PER_DAY];
  const served: ModelProfile = {
    inputs: {
      rows: 2,
      firstEventTs: T0,
      lastEventTs: T0 + 1,
      ingestLag: null,
      columns: [profileNumbers({ name: 'distance', type: 'float' }, [100, 900])],
    },
    prediction: profileNumbers({ name: 'prediction', type: 'float' }, [0.25, 0.75]),
  };
  await monitoring.saveProfiles([
    { endpoint: MODEL, version: 1, windowStart, windowEnd, revision: 1, profile: served },
  ]);
  await monitoring.saveReports([
    {
      endpoint: MODEL,
      model: MODEL,
      version: 1,
      windowStart,
      windowEnd,
      revision: 1,
      primary: true,
      metrics: {
        rows: 400,
        labelled: 390,
        sumPrediction: 100,
        sumOutcome: 90,
        accuracy: 0.8,
        precision: 0.6,
        recall: 0.5,
        rocAuc: 0.7,
        logLoss: 0.45,
        calibrationGap: 0.0256,
        rmse: null,
        mae: null,
        psiPrediction: 0.0131,
        psiPredictionCritical: 0.03,
        psiInputs: { distance: 0.01 },
        latencyP50Ms: 1.5,
        latencyP99Ms: 4.25,
        errorRate: 0,
      },
      prediction: served.prediction,
      monitors: [],
      sealedTs: windowEnd,
    },
  ]);
  await monitoring.saveAlert({
    alertId: 'alert-1',
    endpoint: MODEL,
    model: MODEL,
    version: 1,
    monitor: 'flight-delay-calibration',
    metric: 'calibration_gap',
    severity: 'page',
    windowEnd,
    windowRevision: 1,
    effect: 0.0256,
    statistic: 4.2,
    explanation: 'calibration_gap 0.0256 over 400 rows, limit 0.02',
    action: 'retrain',
    outcome: 'retraining requested',
    raisedTs: windowEnd,
    acknowledgedBy: null,
  });
}

/** Artefacts of a candidate, from which its card is made. */
async function leaveJudged({ artifacts }: Stores): Promise<Judged> {
  const { evidence, evidenceDigest } = candidate('second');
  const dataset = { train: ref, holdout: ref, trainRows: 1, holdoutRows: 1, digest: 'd' };
  return {
    snapshot: await putJson(artifacts, snapshotOf()),
    dataset: await putJson(artifacts, dataset),
    evaluated: await putJson(artifacts, { evidence, evidenceDigest }),
  };
}

async function leaveRequests(stores: Stores): Promise<void> {
  const { lifecycles } = stores;
  const request = { requestId: 'second', reason: 'calibration', source: 'alert', requestedBy: 'drift-watch' } as const;
  await lifecycles.insertRequest(MODEL, { ...request, notBefore: T0, asOf: null, evidence: {} }, T0);
  await lifecycles.openPipeline({
    pipelineId: 'second',
    model: MODEL,
    workflowId: 'pipeline/second',
    requestId: 'second',
    trigger: 'alert',
    codeRevision: null,
    judged: await leaveJudged(stores),
    requestedBy: 'drift-watch',
    stage: 'awaiting_approval',
    outcome: 'running',
    reasons: [],
    version: 2,
    approvalId: 'second',
    rolloutId: null,
    startedTs: T0,
    startedAt: T0,
    closedTs: null,
  });
}

async function leaveRun({ experiments, runs }: Stores): Promise<void> {
  const { experimentId } = await experiments.ensure(MODEL);
  const tags = [{ key: 'team', value: 'ops' }];
  await runs.create({ runId: RUN, experimentId, name: 'second', userId: 'test', status: 'RUNNING', startTs: T0, tags });
  const input = {
    name: 'flights',
    digest: '1f',
    sourceType: 'perennial',
    source: 'flights',
    schema: null,
    profile: null,
  };
  await runs.log(
    RUN,
    {
      metrics: [{ key: 'log_loss', value: Number.NaN, step: 25, timestampMs: T0 / 1_000 }],
      params: [{ key: 'depth', value: '6' }],
      inputs: [{ ...input, tags: [{ key: 'mlflow.data.context', value: 'training' }] }],
    },
    null,
  );
  await runs.hold(RUN, { owner: 'pipeline/second', forMicros: MICROS_PER_DAY });
}
