/** What happens to answered rows after their answer went out: shadow versions score them too, then they are logged. */
import type { ServedVector } from '../domain/served-vector.js';
import { scoreWidth } from '../domain/task.js';
import { inShape } from '../scoring/task-scores.js';
import type { PredictionLog, Reservation } from './prediction-log.js';
import type { RoutedRows } from './routed-rows.js';
import { rowsWhere, scatter, type ScoredRows } from './row-scoring.js';
import { sampleVectors } from './served-vectors.js';

export interface AnsweredRows extends ScoredRows {
  readonly rows: RoutedRows;
  readonly reservation: Reservation;
  readonly decision: Uint16Array;
  readonly latencyMs: number;
}

export interface ShadowScoring {
  /** Takes over rows and the hold on their versions; returns at once, never throws. */
  finish(answered: AnsweredRows): void;
  /** Rows that shadow versions did not score because too many were waiting. */
  skippedRows(): number;
}

/** More rows than this waiting for shadow scores, and further ones are logged without. */
const MAX_WAITING_ROWS = 20_000;

export function createShadowScoring(
  log: PredictionLog,
  options: { readonly maxWaitingRows?: number; readonly onProblem: (error: unknown) => void },
): ShadowScoring {
  const { maxWaitingRows = MAX_WAITING_ROWS, onProblem } = options;
  let waitingRows = 0;
  let skippedRows = 0;

  const scoreAndLog = async (answered: AnsweredRows): Promise<void> => {
    const scores = await scoreShadows(answered.rows).catch((error: unknown) => {
      onProblem(error);
      return NO_SCORES;
    });
    logAnswered(log, answered, scores);
  };
  return {
    finish(answered) {
      const { live, request } = answered.rows;
      const release = (): void => {
        for (const version of live.versions.values()) version.release();
      };
      const hasShadow = live.state.routes.shadow.length > 0;
      if (!hasShadow || waitingRows + request.rows > maxWaitingRows) {
        if (hasShadow) skippedRows += request.rows;
        release();
        logAnswered(log, answered, NO_SCORES);
        return;
      }
      waitingRows += request.rows;
      setImmediate(() => {
        void scoreAndLog(answered)
          .catch(onProblem)
          .finally(() => {
            waitingRows -= request.rows;
            release();
          });
      });
    },
    skippedRows: () => skippedRows,
  };
}

interface ShadowScores {
  /** By version: the scores of the rows that another version answered, NaN elsewhere and where it failed. */
  readonly shadow: Readonly<Record<string, Float32Array>>;
  /** What the shadow versions were fed with, of the sampled rows. */
  readonly vectors: readonly ServedVector[];
}

const NO_SCORES: ShadowScores = { shadow: {}, vectors: [] };

async function scoreShadows(rows: RoutedRows): Promise<ShadowScores> {
  const { live, request, version, shape } = rows;
  const width = scoreWidth(shape);
  const shadow: Record<string, Float32Array> = {};
  const vectors: ServedVector[] = [];
  for (const number of live.state.routes.shadow) {
    const loaded = live.versions.get(number);
    const positions = rowsWhere(version, (each) => each !== number);
    if (loaded?.bundle.task !== shape.task || positions.length === 0) continue;
    const all = positions.length === request.rows;
    const fed = { rows: all ? null : positions };
    const feeds = loaded.features.assemble({ ...rows, ...fed });
    vectors.push(...sampleVectors(rows, loaded, { ...fed, feeds }));
    const scores = await loaded.score(feeds, positions.length).catch(() => new Float32Array());
    const column = new Float32Array(request.rows * width).fill(Number.NaN);
    const shaped = inShape(scores, loaded.bundle, shape);
    if (shaped.length === positions.length * width) scatter(shaped, positions, column);
    shadow[String(number)] = column;
  }
  return { shadow, vectors };
}

function logAnswered(
  log: PredictionLog,
  { rows, reservation, scores, decision, latencyMs, inputs, texts, served }: AnsweredRows,
  { shadow, vectors }: ShadowScores,
): void {
  const { live, request, eventTs, version, predictionIds, shape } = rows;
  log.append(reservation, {
    endpoint: live.endpoint,
    model: live.state.routes.model ?? '',
    routeRev: live.state.routes.rev,
    predictionIds,
    eventTs,
    version,
    ...shape,
    scores,
    decision,
    latencyMs: new Float32Array(request.rows).fill(latencyMs),
    error: new Uint8Array(request.rows),
    shadow,
    inputs,
    texts,
    served: [...(served ?? []), ...vectors],
  });
}
