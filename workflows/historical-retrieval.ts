/** Features of past moments: pins what is read, joins the spine chunk by chunk and view by view, and keeps one file. */
import { CancellationScope, proxyActivities, setCurrentDetails } from '@temporalio/workflow';
import { activityOptions } from './activity-options.js';
import type {
  HistoricalRetrievalInput,
  HistoricalRetrievalResult,
  JoinedPart,
  RetrievalActivities,
  RetrievalComputeActivities,
  RetrievalPart,
} from './contracts/historical-retrieval.js';
import { failureFacts } from './failures.js';
import { setKeywords } from './search-attributes.js';

/** Rows of the spine that are joined at once; more where there would be too many parts for one message. */
const ROWS_PER_PART = 1_000_000;
const MAX_PARTS = 40;

export async function historicalRetrieval(input: HistoricalRetrievalInput): Promise<HistoricalRetrievalResult> {
  setKeywords({ MlStage: 'retrieving' });
  const steps = stepsOf(input);
  try {
    const result = await retrieve(input, steps);
    await steps.completeRetrieval({ retrievalId: input.retrievalId, result });
    setCurrentDetails(card(`${result.rows} rows, result ${result.resultId}.`));
    setKeywords({ MlStage: 'closed', MlOutcome: 'completed' });
    return { resultId: result.resultId, rows: result.rows };
  } catch (error) {
    const facts = failureFacts(error);
    // Also when it is cancelled: a record that says `running` for ever would be waited for.
    await CancellationScope.nonCancellable(() => steps.failRetrieval({ retrievalId: input.retrievalId, error: facts }));
    setCurrentDetails(card(`It failed: ${facts.message}`));
    setKeywords({ MlStage: 'closed', MlOutcome: 'failed' });
    throw error;
  }
}

type Steps = ReturnType<typeof stepsOf>;

function stepsOf({ timing }: Pick<HistoricalRetrievalInput, 'timing'>) {
  const { compute, io } = activityOptions(timing);
  const keep = (summary: string) => proxyActivities<RetrievalActivities>({ ...io, summary });
  const work = (summary: string) => proxyActivities<RetrievalComputeActivities>({ ...compute, summary });
  return {
    planRetrieval: keep('Pin views and versions').planRetrieval,
    loadRetrievalSpine: work('Read the rows that are asked about').loadRetrievalSpine,
    joinRetrievalView: work('Join a view').joinRetrievalView,
    assembleRetrieval: work('Put the answer together').assembleRetrieval,
    completeRetrieval: keep('Keep the answer').completeRetrieval,
    failRetrieval: keep('Keep why it failed').failRetrieval,
  };
}

async function retrieve({ retrievalId, request }: HistoricalRetrievalInput, steps: Steps) {
  const { plan, views } = await steps.planRetrieval({ retrievalId, request });
  const spine = await steps.loadRetrievalSpine({ plan, request });
  const parts: JoinedPart[] = [];
  const planned = partsOf(spine.rows, views);
  for (const [index, part] of planned.entries()) {
    setCurrentDetails(card(`${spine.rows} rows; part ${index + 1} of ${planned.length}.`));
    parts.push(await steps.joinRetrievalView({ plan, spine: spine.table, part }));
  }
  return steps.assembleRetrieval({ plan, spine, parts });
}

/** Rows are numbered from 1. */
function partsOf(rows: number, views: number): RetrievalPart[] {
  const size = Math.max(ROWS_PER_PART, Math.ceil((rows * views) / MAX_PARTS));
  const parts: RetrievalPart[] = [];
  for (let fromRow = 1; fromRow <= rows; fromRow += size)
    for (let view = 0; view < views; view += 1)
      parts.push({ view, fromRow, toRow: Math.min(rows, fromRow + size - 1) });
  return parts;
}

function card(text: string): string {
  return `### Historical retrieval\n\n${text}`;
}
