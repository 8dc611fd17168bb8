/** Collects decisions from the first workflow task on; the main flow works them off one by one. */
import { log, setHandler } from '@temporalio/workflow';
import { decideQuarantineSignal, QuarantineDecisionMessage } from '../messages.js';

/** Beyond this many unworked messages new ones are dropped: nobody sends them in good faith. */
const QUEUE_LIMIT = 1_000;

export type QuarantineInbox = QuarantineDecisionMessage[];

export function receiveQuarantineDecisions(): QuarantineInbox {
  const inbox: QuarantineInbox = [];
  setHandler(
    decideQuarantineSignal,
    (body: unknown) => {
      const parsed = QuarantineDecisionMessage.safeParse(body);
      if (!parsed.success)
        log.warn('ignored a decideQuarantine signal that does not fit', { problem: parsed.error.message });
      else if (inbox.length >= QUEUE_LIMIT) log.warn('ignored a decideQuarantine signal: too many are waiting');
      else inbox.push(parsed.data);
    },
    {
      description: 'Release, fix or discard rows: {decisionId, action, reason, rules?, rows?, upload?, actor?, token?}',
    },
  );
  return inbox;
}
