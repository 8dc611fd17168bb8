/** CPU body of the check in production: served feature vectors against what history gives for their moments. */
import type { Bundle, FrozenView } from '../../domain/bundle.js';
import type { FeatureValue } from '../../domain/feature-view.js';
import type { ModelInput } from '../../domain/features.js';
import { useName } from '../../domain/model.js';
import {
  judgeServed,
  type RowRank,
  type ServedDifference,
  type ServedRead,
  type ServedVector,
  type ServedVerdict,
} from '../../domain/served-vector.js';
import { FIRST_PUSHED_ROW, WITHDRAWN_COLUMN } from '../../ml/features/feature-row-sql.js';
import { skewText } from '../../ml/features/skew/compare.js';
import { SKEW_ROW } from '../../ml/features/skew/matrix-sql.js';
import type { HeldView } from '../../ml/features/skew/observed-sql.js';
import { askedRelation, historicalRowsSql, servedRowsSql } from '../../ml/features/skew/served-sql.js';
import { valueAt } from '../../scoring/feature-lookup.js';
import type { OnlineRow } from '../../store/contracts/features.js';
import type { TableSession } from '../../store/contracts/tables.js';
import type { ViewChunks } from './build-training-dataset.js';
import type { JobContext } from './context.js';
import { onlineRowOf } from './feature-row.js';

export interface ServedVersion {
  readonly version: number;
  readonly bundle: Pick<Bundle, 'plan' | 'views'>;
  /** Chunks of each view, of the revision that the bundle froze, that stand: they tell what was true at any time. */
  readonly chunks: readonly ViewChunks[];
  /** Those of data that was replaced since: in them served rows are recognised, and nothing else is read. */
  readonly replaced: readonly ViewChunks[];
}

export interface CheckServedFeaturesInput {
  readonly vectors: readonly ServedVector[];
  readonly versions: readonly ServedVersion[];
  /** A row that is due for longer than this is overdue rather than late, microseconds. */
  readonly maxLateMicros: number;
}

export interface CheckServedFeaturesResult {
  /** Values by verdict. */
  readonly counts: Readonly<Record<ServedVerdict, number>>;
  /** All that are neither equal nor merely late, up to a bound. */
  readonly differences: readonly ServedDifference[];
  /** Longest time for which a row that was served late had been due, microseconds. */
  readonly latestMicros: number;
}

const MAX_DIFFERENCES = 100;

interface Compared {
  readonly difference: ServedDifference;
  readonly lateMicros: number;
}

export async function checkServedFeatures(
  { vectors, versions, maxLateMicros }: CheckServedFeaturesInput,
  context: JobContext,
): Promise<CheckServedFeaturesResult> {
  const counts: Record<ServedVerdict, number> = {
    equal: 0,
    late: 0,
    overdue: 0,
    early: 0,
    unverifiable: 0,
    different: 0,
  };
  const differences: ServedDifference[] = [];
  let latestMicros = 0;
  await context.tables.use(async (session) => {
    for (const version of versions) {
      for (const view of version.bundle.views) {
        for (const compared of await compareView(session, { vectors, version, view }, context)) {
          const { difference, lateMicros } = timely(compared, maxLateMicros);
          counts[difference.verdict] += 1;
          latestMicros = Math.max(latestMicros, lateMicros);
          if (['overdue', 'early', 'different'].includes(difference.verdict)) differences.push(difference);
        }
        context.progress({ message: `version ${version.version}: ${useName(view)} recomputed` });
      }
    }
  }, context.signal);
  return { counts, differences: differences.slice(0, MAX_DIFFERENCES), latestMicros };
}

function timely(compared: Compared, maxLateMicros: number): Compared {
  const { difference, lateMicros } = compared;
  if (difference.verdict !== 'late' || lateMicros <= maxLateMicros) return compared;
  return { lateMicros, difference: { ...difference, verdict: 'overdue' } };
}

interface AskedView {
  readonly vectors: readonly ServedVector[];
  readonly version: ServedVersion;
  readonly view: FrozenView;
}

async function compareView(
  session: TableSession,
  { vectors, version, view }: AskedView,
  { artifacts }: JobContext,
): Promise<Compared[]> {
  const asked = vectors
    .filter((vector) => vector.version === version.version)
    .flatMap((vector) => vector.reads.filter(({ use }) => use === useName(view)).map((read) => ({ vector, read })))
    .filter(({ read }) => read.keys.length === view.keys.length);
  if (asked.length === 0) return [];
  const relation = askedRelation(
    asked.map(({ vector: { eventTs }, read: { keys, row } }) => ({ keys, row, eventTs })),
    view.keys.map(({ key, type }) => ({ name: key, type })),
  );
  const [standing, replaced] = [
    await heldView(artifacts, view, version.chunks),
    await heldView(artifacts, view, version.replaced),
  ];
  const read = (held: HeldView, sql: typeof servedRowsSql) =>
    held.chunks.length === 0 ? new Map<number, HistoricRow>() : rowsOf(session, sql(held, relation), view);
  const offline = await read(standing, historicalRowsSql);
  const twins = new Map([...(await read(replaced, servedRowsSql)), ...(await read(standing, servedRowsSql))]);
  const inputs = version.bundle.plan.inputs.filter(
    ({ source }) => source.kind === 'view' && useName(source) === useName(view),
  );
  return asked.flatMap(({ vector, read }, index) =>
    inputs
      .filter(({ name }) => name in read.values)
      .map((input) =>
        compareValue({ vector, read, view, input }, { offline: offline.get(index), twin: twins.get(index) }),
      ),
  );
}

async function heldView(
  artifacts: JobContext['artifacts'],
  { view, keys }: FrozenView,
  views: readonly ViewChunks[],
): Promise<HeldView> {
  const { chunks = [], withdraws = false } = views.find((each) => each.view === view) ?? {};
  return {
    chunks: await Promise.all(chunks.map(async ({ table }) => ({ path: await artifacts.localPath(table) }))),
    keys: keys.map(({ key, type }) => ({ key, type, column: key })),
    withdraws,
  };
}

/** A row as history has it, with when it was taken away. */
interface HistoricRow extends OnlineRow {
  readonly withdrawnTs: number | null;
}

async function rowsOf(session: TableSession, sql: string, view: FrozenView): Promise<Map<number, HistoricRow>> {
  const about = { keys: view.keys.map(({ key }) => key), features: view.features };
  const rows = await session.rows(sql);
  return new Map(
    rows.map((row) => {
      const withdrawn = row[WITHDRAWN_COLUMN] ?? null;
      const withdrawnTs = withdrawn === null ? null : Number(withdrawn);
      return [Number(row[SKEW_ROW.slice(1, -1)]), { ...onlineRowOf(row, about), withdrawnTs }];
    }),
  );
}

function compareValue(
  asked: { vector: ServedVector; read: ServedRead; view: FrozenView; input: ModelInput },
  { offline, twin }: { offline: HistoricRow | undefined; twin: HistoricRow | undefined },
): Compared {
  const { vector, read, view, input } = asked;
  const { predictionId, version, eventTs, readTs } = vector;
  const feature = input.source.kind === 'view' ? input.source.feature : input.name;
  const at = (row: OnlineRow | undefined): FeatureValue =>
    fedAs(input, valueAt(row ?? null, { feature, eventTs, maxAgeMicros: view.maxAgeMicros }).value);
  const served = { value: read.values[input.name] ?? null, row: read.row };
  const recomputed = { value: at(offline), row: rankOf(offline) };
  const withdrawnTs = twin?.withdrawnTs ?? null;
  const verdict = judgeServed({
    served,
    offline: recomputed,
    ...(twin !== undefined && { twin: at(twin) }),
    withdrawn: withdrawnTs !== null && withdrawnTs <= eventTs,
    pushed: read.row !== null && read.row.seq >= FIRST_PUSHED_ROW,
  });
  const difference: ServedDifference = {
    verdict,
    predictionId,
    version,
    input: input.name,
    view: view.view,
    feature,
    keys: read.keys,
    eventTs,
    readTs,
    served: textOf(served.value),
    recomputed: textOf(recomputed.value),
    servedRow: served.row,
    offlineRow: recomputed.row,
  };
  const dueTs = withdrawnTs ?? offline?.knownTs ?? readTs;
  return { difference, lateMicros: verdict === 'late' ? Math.max(0, readTs - dueTs) : 0 };
}

/** A stored value as the graph is fed with it. */
function fedAs({ datatype }: ModelInput, value: FeatureValue): FeatureValue {
  if (value === null || value === '') return null;
  if (datatype === 'BYTES') return String(value);
  return datatype === 'FP32' ? Math.fround(Number(value)) : Number(value);
}

function rankOf(row: OnlineRow | undefined): RowRank | null {
  return row === undefined ? null : { eventTs: row.eventTs, knownTs: row.knownTs, seq: row.seq };
}

function textOf(value: FeatureValue): string {
  return typeof value === 'boolean' ? String(value) : skewText(value ?? undefined);
}
