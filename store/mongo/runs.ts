/** Runs: every change is one transaction that writes the run's own document, so that changes of a run have one order. */
import type { Document } from 'mongodb';
import { DomainError } from '../../domain/errors.js';
import type { Sha256Hex } from '../../domain/ids.js';
import { isLost, requireActive, requireWriter } from '../../domain/run-writer.js';
import { isOver, NAME_TAG, type Run } from '../../domain/tracking.js';
import type { RunChanges, RunStore } from '../contracts/runs.js';
import type { Database, StoredDocument } from './database.js';
import { int64 } from './database.js';
import { createRunChanges, revival, signOfLife } from './run-changes.js';
import { fieldOf, newRunDocument, readRun, readRunInfo } from './run-documents.js';
import { createRunHistory } from './run-history.js';
import { createRunHolding } from './run-holding.js';
import { createRunLogging } from './run-logging.js';
import { searchRuns } from './run-search.js';

const WITHOUT_RECORDS = { metrics: 0, latest: 0, params: 0, tags: 0, inputs: 0 } as const;

export interface RunStoreDependencies {
  /** Wall time in microseconds. */
  readonly now: () => number;
  readonly sha256Hex: Sha256Hex;
}

export function createRunStore(database: Database, { now, sha256Hex }: RunStoreDependencies): RunStore {
  const runs = database.collection('runs');
  const history = createRunHistory(database);
  const change = createRunChanges(database);
  const log = createRunLogging(database, { history, change, now });
  const holding = createRunHolding(database, { change, now });
  const whole = (documents: readonly StoredDocument[]) => withDatasets(database, documents);
  const one = async (document: StoredDocument): Promise<Run> => {
    const [run] = await whole([document]);
    if (run === undefined) throw new DomainError('PRN_RUN_NOT_FOUND', { runId: document._id });
    return run;
  };

  return {
    async create(run) {
      const experiment = await database.collection('experiments').findOne({ _id: run.experimentId });
      if (experiment === null || experiment['lifecycle'] === 'deleted') {
        const hint = experiment === null ? '' : ' any more: it is deleted; restore it first';
        throw new DomainError('PRN_EXPERIMENT_NOT_FOUND', { experiment: run.experimentId, hint });
      }
      const { _id, ...document } = newRunDocument(run);
      const stored = await runs.findOneAndUpdate(
        { _id },
        { $setOnInsert: document },
        { upsert: true, returnDocument: 'after' },
      );
      return one(stored ?? { _id, ...document });
    },
    async get(runId) {
      await holding.endLost();
      const found = await runs.findOne({ _id: runId });
      return found === null ? null : one(found);
    },
    async info(runId) {
      const look = () => runs.findOne({ _id: runId }, { projection: WITHOUT_RECORDS });
      const found = await look();
      if (found === null) return null;
      const info = readRunInfo(found);
      if (info.status !== 'RUNNING' || info.writer === null || info.writer.untilTs >= now()) return info;
      await holding.endLost();
      return readRunInfo((await look()) ?? found);
    },
    async many(runIds) {
      await holding.endLost();
      const found = await whole(await runs.find({ _id: { $in: [...runIds] } }).toArray());
      const byId = new Map(found.map((run) => [run.runId, run]));
      return runIds.map((runId) => {
        const run = byId.get(runId);
        if (run === undefined) throw new DomainError('PRN_RUN_NOT_FOUND', { runId });
        return run;
      });
    },
    async search(search) {
      await holding.endLost();
      const { documents, next } = await searchRuns(database, search, sha256Hex);
      return { runs: await whole(documents), next };
    },
    async update(runId, changes, epoch) {
      return readRunInfo(await change(runId, (document) => updateOf(document, { changes, epoch, now: now() })));
    },
    log: async (runId, batch, epoch) => readRunInfo(await log(runId, batch, epoch)),
    history: (runId, key, page) => history.read(runId, { ...page, key }),
    points: (runId, page) => history.read(runId, page),
    hold: holding.hold,
    close: holding.close,
  };
}

function updateOf(
  document: StoredDocument,
  { changes, epoch, now }: { changes: RunChanges; epoch: number | null; now: number },
): Document {
  const run = readRunInfo(document);
  const { name, status, cause = null, endTs = now, lifecycle } = changes;
  if (status !== undefined) requireWriter(run, epoch);
  else if (lifecycle === undefined) requireActive(run);
  return {
    $set: {
      ...(lifecycle !== undefined && { lifecycle }),
      ...(name !== undefined && { name, [`tags.${fieldOf(NAME_TAG)}`]: name }),
      ...(status === undefined && epoch !== null && isLost(run) && revival),
      ...(status !== undefined && !isOver(status) && { status, cause, endTs: null, ...signOfLife(document, now) }),
      ...(status !== undefined && isOver(status) && { status, cause, endTs: int64(endTs), writer: null }),
    },
  };
}

/** Runs with what their inputs name, in the order given. */
async function withDatasets(database: Database, documents: readonly StoredDocument[]): Promise<Run[]> {
  const ids = new Set(
    documents.flatMap(({ inputs }) => (inputs as Document[]).map(({ datasetId }) => String(datasetId))),
  );
  const found =
    ids.size === 0
      ? []
      : await database
          .collection('run_datasets')
          .find({ _id: { $in: [...ids] } })
          .toArray();
  const datasets = new Map(found.map(({ _id, ...dataset }) => [_id, dataset]));
  return documents.map((document) => readRun(document, datasets));
}
