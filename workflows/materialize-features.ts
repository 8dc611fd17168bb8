/**
 * Brings a feature view up to date: backfill and increment alike. Chunks are computed several at once and each is kept as
 * soon as it is verified; the view counts as further only when all of them are, and online.
 */
import { continueAsNew, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import { activityOptions } from './activity-options.js';
import type {
  FeatureActivities,
  FeatureComputeActivities,
  MaterializedVersion,
  MaterializeFeaturesInput,
  MaterializeFeaturesResult,
} from './contracts/features.js';
import { setKeywords } from './search-attributes.js';
import { inFlight } from './steps/in-flight.js';

/** The payload of a plan stays below 16 KB; after the last plan the history is long enough for one run. */
const LIMITS = { chunksPerPlan: 64, plansPerRun: 16 };
const CHUNKS_AT_ONCE = 4;
/** Rows that one activity brings online: some seconds of work. */
const ROWS_PER_PUBLICATION = 50_000;
const PUBLICATIONS_AT_ONCE = 2;

export async function materializeFeatures(input: MaterializeFeaturesInput): Promise<MaterializeFeaturesResult> {
  const steps = stepsOf(input);
  setKeywords({ MlStage: 'materializing' });
  const { view, through = null } = input;
  const done = { chunks: input.resumed?.chunks ?? 0, rows: input.resumed?.rows ?? 0 };
  const at = input.resumed?.at ?? (await steps.pinMaterialization({ view, through }));
  const drained = await steps.drainPushedRows({ view });
  done.chunks += drained.chunks;
  done.rows += drained.rows;
  await computeChunks({ input, steps, at, done });
  const publication = await steps.gatherPublication({ at });
  const onlineRows = publication?.rows ?? 0;
  if (publication !== null) {
    setCurrentDetails(
      `### Feature view ${view}\n\n${done.chunks} chunks are kept; bringing ${onlineRows} rows online.`,
    );
    await inFlight(slices(onlineRows), PUBLICATIONS_AT_ONCE, async (rows) => {
      await steps.publishRows({ at, publication, ...rows });
    });
  }
  const { commitSeq } = await steps.finishMaterialization({ at, publication });
  setCurrentDetails(
    `### Feature view ${view}\n\nUp to date: ${done.chunks} chunks, ${done.rows} rows, ${onlineRows} of them online.`,
  );
  setKeywords({ MlStage: 'closed', MlOutcome: 'completed' });
  return { ...done, onlineRows, commitSeq };
}

type Steps = ReturnType<typeof stepsOf>;

function stepsOf({ timing }: Pick<MaterializeFeaturesInput, 'timing'>) {
  const { compute, io, waiting } = activityOptions(timing);
  const call = (summary: string) => proxyActivities<FeatureActivities>({ ...io, summary });
  const work = (summary: string) => proxyActivities<FeatureComputeActivities>({ ...compute, summary });
  const long = (summary: string) => proxyActivities<FeatureActivities>({ ...waiting, summary });
  return {
    pinMaterialization: call('Fix what is read').pinMaterialization,
    drainPushedRows: long('Move pushed rows into history').drainPushedRows,
    planMaterialization: long('Find missing and outdated chunks').planMaterialization,
    materializeChunk: work('Compute a chunk of feature rows').materializeChunk,
    commitChunk: call('Keep the chunk').commitChunk,
    gatherPublication: work('Gather the newest row of each entity').gatherPublication,
    publishRows: long('Bring rows online').publishRows,
    finishMaterialization: long('Say how far the view is').finishMaterialization,
  };
}

/** Plans and computes until nothing is missing; what was kept is not planned again. */
async function computeChunks(run: {
  input: MaterializeFeaturesInput;
  steps: Steps;
  at: MaterializedVersion;
  done: { chunks: number; rows: number };
}): Promise<void> {
  const { input, steps, at, done } = run;
  const { chunksPerPlan, plansPerRun } = input.limits ?? LIMITS;
  for (let plans = 0; ; plans += 1) {
    if (plans === plansPerRun)
      await continueAsNew<(next: MaterializeFeaturesInput) => Promise<MaterializeFeaturesResult>>({
        ...input,
        resumed: { at, ...done },
      });
    const { chunks } = await steps.planMaterialization({ at, limit: chunksPerPlan });
    if (chunks.length === 0) return;
    await inFlight(chunks, CHUNKS_AT_ONCE, async (chunk) => {
      const computed = await steps.materializeChunk({ at, chunk });
      await steps.commitChunk({ chunk: computed });
      done.chunks += 1;
      done.rows += computed.rows;
      setCurrentDetails(
        `### Feature view ${input.view}\n\nComputing: ${done.chunks} chunks, ${done.rows} rows so far.`,
      );
    });
    if (chunks.length < chunksPerPlan) return;
  }
}

function slices(rows: number): { fromRow: number; toRow: number }[] {
  return Array.from({ length: Math.ceil(rows / ROWS_PER_PUBLICATION) }, (_unused, index) => ({
    fromRow: index * ROWS_PER_PUBLICATION,
    toRow: Math.min(rows, (index + 1) * ROWS_PER_PUBLICATION),
  }));
}
