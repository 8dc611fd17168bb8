/** CPU body of a skew certificate: edge cases and real rows through tables and through the version's own graph. */
import { cpus } from 'node:os';
import type { ArtifactRef } from '../../domain/artifact.js';
import type { Bundle } from '../../domain/bundle.js';
import { canonicalJson } from '../../domain/canonical-json.js';
import {
  type FeatureSkew,
  judgeSkew,
  planDigestOf,
  type SkewCertificate,
  type SkewSummary,
} from '../../domain/skew-certificate.js';
import { FEATURES_OUTPUT, featuresValueInfo } from '../../ml/features/plan.js';
import { addRows, type ComparedRows, openTally } from '../../ml/features/skew/compare.js';
import { edgeRows } from '../../ml/features/skew/edge-rows.js';
import { featureMatrixSql, rowsRelation, SKEW_ROW } from '../../ml/features/skew/matrix-sql.js';
import { createSession, ONNX_RUNTIME_VERSION, type OnnxSession } from '../../ml/onnx/session.js';
import { exposeOutput } from '../../ml/onnx/writer.js';
import { scoreInBatches } from '../../scoring/batch.js';
import type { Feeds } from '../../scoring/feature-plan.js';
import { sha256Hex } from '../../store/contracts/digests.js';
import type { ColumnData, TableSession } from '../../store/contracts/tables.js';
import { putJson } from '../../store/contracts/json-artifacts.js';
import type { JobContext } from './context.js';
import { joinedViews, type ObservedSource, offlineInputsSql, sampleSpine, servedInputs } from './observed-rows.js';

export type CertifySkewInput = ObservedSource;

export interface CertifySkewResult {
  readonly skew: SkewSummary;
}

/** Batch sizes below that of all rows at once: kernels treat single, odd and whole vectors differently. */
const BATCH_ROWS = [1, 3, 7] as const;
const OBSERVED_ROWS = 1_000;

type Corpus = Omit<ComparedRows, 'batchRows' | 'online'> & { readonly feeds: Feeds };

/**
 * The offline side is what training reads: the point-in-time join over the view's chunks, then SQL. The online side is
 * what serving runs: its look-up over what the online store held at each row's time, then the bytes of the version's
 * graph. The same version and data give the same certificate on the same machine.
 */
export async function certifySkew(input: CertifySkewInput, context: JobContext): Promise<CertifySkewResult> {
  const { tables, signal } = context;
  const { bundle } = input;
  const session = await createSession(await featureGraph(context, bundle));
  try {
    return await tables.use(async (table) => {
      const corpora = [await edgeCorpus(table, input), await observedCorpus(table, input, context)];
      let features = openTally(bundle.plan);
      for (const corpus of corpora) features = await compareBatches({ corpus, session, features }, context);
      const [engine] = await table.rows('select version() as version');
      const duckdb = String(engine?.['version'] ?? '');
      return { skew: await keepCertificate(context, { input, corpora, features, duckdb }) };
    }, signal);
  } finally {
    await session.release();
  }
}

/** The graph that computes the features, with them as an output: several graphs hand them on, one has them inside. */
async function featureGraph(
  { artifacts }: Pick<JobContext, 'artifacts'>,
  { graphs, plan }: Pick<Bundle, 'graphs' | 'plan'>,
): Promise<Uint8Array> {
  const [first, ...others] = graphs;
  const graph = await artifacts.get(first);
  return others.length > 0 ? graph : exposeOutput(graph, featuresValueInfo(plan));
}

async function edgeCorpus(table: TableSession, { bundle: { plan } }: CertifySkewInput): Promise<Corpus> {
  const generated = edgeRows(plan);
  const offline = await matrixOf(table, featureMatrixSql(plan, rowsRelation(generated)));
  const { rows, columns } = generated;
  return { corpus: 'edge', rows, offline, feeds: columns, offlineInputs: columns, onlineInputs: columns, about: {} };
}

async function observedCorpus(table: TableSession, source: CertifySkewInput, context: JobContext): Promise<Corpus> {
  const { plan } = source.bundle;
  const views = await joinedViews(context, source);
  await sampleSpine(table, context, { source, views, wanted: OBSERVED_ROWS });
  const relation = offlineInputsSql(plan, views);
  const offline = await matrixOf(table, featureMatrixSql(plan, relation));
  const joined = await table.columns(`select * exclude (${SKEW_ROW}) from ${relation} order by ${SKEW_ROW}`);
  const { rows, feeds, request } = await servedInputs(table, source.bundle, views);
  context.progress({ message: `${rows} rows joined and looked up` });
  return {
    corpus: 'observed',
    rows,
    offline,
    feeds,
    offlineInputs: Object.fromEntries(Object.entries(joined.columns).map(([name, { values }]) => [name, values])),
    onlineInputs: feeds,
    about: Object.fromEntries([...request.columns].map(([name, { values }]) => [name, values])),
  };
}

async function compareBatches(
  { corpus, session, features }: { corpus: Corpus; session: OnnxSession; features: FeatureSkew[] },
  { signal, progress }: JobContext,
): Promise<FeatureSkew[]> {
  const { feeds, ...compared } = corpus;
  let tally = features;
  for (const batchRows of corpus.rows === 0 ? [] : [...BATCH_ROWS, corpus.rows]) {
    const online = await scoreInBatches({
      session,
      columns: feeds,
      rows: corpus.rows,
      output: FEATURES_OUTPUT,
      width: features.length,
      batchRows,
      onBatch: (from) => {
        signal.throwIfAborted();
        if (from % 1_000 === 0) progress({ message: `${corpus.corpus} rows in batches of ${batchRows}: ${from}` });
      },
    });
    tally = addRows(tally, { ...compared, batchRows, online });
  }
  return tally;
}

/** Row-major, missing values as NaN. */
async function matrixOf(table: TableSession, sql: string): Promise<Float32Array> {
  const { rows, columns } = await table.columns(sql);
  const features: ColumnData[] = Object.values(columns);
  const matrix = new Float32Array(rows * features.length);
  for (const [index, { values }] of features.entries())
    for (let row = 0; row < rows; row += 1) matrix[row * features.length + index] = Number(values[row]);
  return matrix;
}

async function keepCertificate(
  { artifacts }: JobContext,
  found: { input: CertifySkewInput; corpora: readonly Corpus[]; features: FeatureSkew[]; duckdb: string },
): Promise<SkewSummary> {
  const { input, corpora, features, duckdb } = found;
  const { bundle } = input;
  const certificate: SkewCertificate = {
    certificateVersion: 1,
    model: bundle.model,
    planDigest: planDigestOf(bundle.plan, sha256Hex),
    graphSha256: bundle.graphs[0].sha256,
    corpora: corpora.map(({ corpus, rows }) => ({ corpus, rows })),
    batchRows: [...BATCH_ROWS, ...corpora.map(({ rows }) => Math.max(1, rows))],
    engines: { duckdb, onnxruntime: ONNX_RUNTIME_VERSION, node: process.versions.node },
    cpu: cpus()[0]?.model ?? 'unknown',
    features,
  };
  const ref: ArtifactRef = await putJson(artifacts, certificate);
  return summaryOf(certificate, ref);
}

function summaryOf(certificate: SkewCertificate, ref: ArtifactRef): SkewSummary {
  const { verdict, problems } = judgeSkew(certificate);
  const total = (count: (feature: FeatureSkew) => number): number =>
    certificate.features.reduce((sum, feature) => sum + count(feature), 0);
  return {
    certificateId: sha256Hex(canonicalJson(certificate)),
    certificate: ref,
    verdict,
    features: certificate.features.length,
    comparisons: total(({ comparisons }) => comparisons),
    mismatches: total(({ mismatches }) => mismatches),
    problems: [...problems],
  };
}
