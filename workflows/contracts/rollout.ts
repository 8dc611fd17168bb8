/** Activities of a rollout. */
import type { EndpointController } from '../../domain/endpoint.js';
import type { RolloutState, RolloutStep } from '../../domain/rollout.js';

export interface RolloutInput {
  readonly rolloutId: string;
  readonly requestId: string;
  readonly model: string;
  readonly version: number;
  readonly endpoint: string;
  /** Champion and alias revision that the decision was made against. */
  readonly expectedChampion: number | null;
  readonly expectedAliasRevision: number;
  readonly actor: string;
  /** `restore` is a rollback: no steps, straight back to an archived version. */
  readonly kind: 'rollout' | 'restore';
  readonly timing: 'production' | 'test';
}

export type OpenedRollout =
  | {
      readonly status: 'opened';
      readonly controller: EndpointController;
      readonly fromVersion: number | null;
      readonly clock: 'wall' | 'event';
      readonly steps: readonly RolloutStep[];
      /** Step at which a repeated open goes on. */
      readonly watermark: number | null;
    }
  | { readonly status: 'waiting_for_endpoint'; readonly holder: string }
  | { readonly status: 'stale_evidence'; readonly reason: string };

export interface AppliedStep {
  readonly rev: number;
  /** On the endpoint's clock, after every live serving instance reported the revision. */
  readonly startedAt: number;
}

export interface StepJudgement {
  readonly action: 'rollback' | 'hold' | 'proceed';
  readonly reasons: readonly string[];
}

export interface RolloutActivities {
  /** Takes control of the endpoint and plans the steps; waits by result, not by failure. */
  openRollout(input: RolloutInput & { readonly workflowId: string }): Promise<OpenedRollout>;
  /** Writes the routes of a step (the promotion itself when traffic reaches 100 %) and waits until serving applied them. */
  applyStep(input: {
    rollout: RolloutInput;
    controller: EndpointController;
    fromVersion: number | null;
    step: RolloutStep;
  }): Promise<AppliedStep>;
  /** Ends a rollout: routes back to the champion, or the champion restored when it had been replaced already. */
  restoreRoutes(input: {
    rollout: RolloutInput;
    controller: EndpointController;
    fromVersion: number | null;
    promoted: boolean;
    reason: string;
  }): Promise<{ readonly restored: boolean }>;
  /** Last word: shadow off, control released, state and reason kept. */
  closeRollout(input: {
    rollout: RolloutInput;
    controller: EndpointController | null;
    state: RolloutState;
    reason: string;
  }): Promise<void>;
}

export interface RolloutComputeActivities {
  /** Measures the rows of this step's revision and judges them; evidence and verdict are kept. */
  judgeStep(input: {
    rolloutId: string;
    step: RolloutStep;
    rev: number;
    startedAt: number;
    /** Now on the endpoint's clock. */
    now: number;
  }): Promise<StepJudgement>;
}

export interface RolloutResult {
  readonly state: RolloutState;
  readonly reason: string;
}
