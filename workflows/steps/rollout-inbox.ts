/** Messages of a rollout: progress of time, alarms, a person's abort, and leave to pass a held step. */
import { log, setHandler } from '@temporalio/workflow';
import {
  AbortMessage,
  abortSignal,
  ApproveStepMessage,
  approveStepSignal,
  GuardrailBreachedMessage,
  guardrailBreachedSignal,
  ObserveMessage,
  observeSignal,
} from '../messages.js';

export interface RolloutInbox {
  /** Highest watermark told so far, microseconds. */
  watermark: number | null;
  breach: GuardrailBreachedMessage | null;
  abort: AbortMessage | null;
  readonly approvedSteps: Set<number>;
}

export function receiveRolloutMessages(): RolloutInbox {
  const inbox: RolloutInbox = { watermark: null, breach: null, abort: null, approvedSteps: new Set() };
  setHandler(
    observeSignal,
    (body: unknown) => {
      const parsed = ObserveMessage.safeParse(body);
      if (parsed.success) inbox.watermark = Math.max(inbox.watermark ?? parsed.data.watermark, parsed.data.watermark);
    },
    { description: 'Sent by the drift watch: {watermark} in microseconds of event time' },
  );
  setHandler(
    guardrailBreachedSignal,
    (body: unknown) => {
      const parsed = GuardrailBreachedMessage.safeParse(body);
      if (parsed.success) inbox.breach ??= parsed.data;
    },
    { description: 'Sent by the drift watch when a monitor alarms: {alertId, monitor, explanation}' },
  );
  setHandler(
    abortSignal,
    (body: unknown) => {
      const parsed = AbortMessage.safeParse(body);
      if (parsed.success) inbox.abort ??= parsed.data;
      else log.warn('ignored an abort signal that does not fit', { problem: parsed.error.message });
    },
    { description: 'Roll back now: {requestId, actor, reason}' },
  );
  setHandler(
    approveStepSignal,
    (body: unknown) => {
      const parsed = ApproveStepMessage.safeParse(body);
      if (parsed.success) inbox.approvedSteps.add(parsed.data.step);
      else log.warn('ignored an approveStep signal that does not fit', { problem: parsed.error.message });
    },
    { description: 'Let a step pass that is held for lack of evidence: {requestId, actor, step}' },
  );
  return inbox;
}
