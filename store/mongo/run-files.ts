/** Files of training runs: compare-and-set on the attempt, so that one that was replaced leaves nothing behind. */
import { RunFiles } from '../../domain/run-files.js';
import type { RunFilesStore } from '../contracts/run-files.js';
import { type Database, int64, withoutId } from './database.js';

export function createRunFilesStore(database: Database): RunFilesStore {
  const runs = database.collection('run_files');
  return {
    async open({ runId, tokenDigest, inputs, untilTs }) {
      await runs.updateOne(
        { _id: runId },
        {
          $setOnInsert: { runId, outputs: [] },
          $set: {
            // Attempts are counted from 1 again by whoever got the new token, as after a reset of the workflow.
            attempt: 0,
            tokenDigests: [tokenDigest],
            closed: false,
            untilTs: int64(untilTs),
            expireAt: new Date(untilTs / 1_000),
          },
          $addToSet: { inputs: { $each: [...inputs] } },
        },
        { upsert: true },
      );
    },
    async get(runId) {
      const found = await runs.findOne({ _id: runId });
      if (found === null) return null;
      const { expireAt: _expireAt, ...record } = withoutId(found);
      return RunFiles.parse({ ...record, untilTs: Number(record['untilTs']) });
    },
    async add(runId, output) {
      const { matchedCount } = await runs.updateOne(
        { _id: runId, closed: false, attempt: { $lte: output.attempt } },
        { $set: { attempt: output.attempt }, $addToSet: { outputs: output } },
      );
      return matchedCount === 1;
    },
    async close(runId) {
      await runs.updateOne({ _id: runId }, { $set: { closed: true, tokenDigests: [] } });
    },
  };
}
