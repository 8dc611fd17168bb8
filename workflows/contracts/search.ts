/** Activities of a search for parameters. Its plan, the log of its trials and its report are artefacts. */
import type { ArtifactRef } from '../../domain/artifact.js';
import type { ExternalRun } from '../../domain/external-training.js';
import type { SearchEnd, TrialOutcome } from '../../domain/search.js';
import type { TrainerParameters } from '../../domain/trainer.js';

export interface ProposedTrial {
  /** JSON artefact with the `SearchPlan`. */
  readonly plan: ArtifactRef;
  readonly index: number;
  readonly parameters: TrainerParameters;
}

export interface PreparedSearch {
  /** JSON artefact with the `SearchPlan`. */
  readonly plan: ArtifactRef;
  /** Trials beside trial 0, which has the declared parameters. */
  readonly trials: number;
  readonly parallel: number;
  readonly patience: number | null;
  readonly timeBudgetMs: number | null;
  /** As people read it. */
  readonly metric: string;
}

export interface SearchActivities {
  /**
   * The parameters of a trial, from the trials before it. `log` is what the proposal before gave; `ended` are those trials
   * that count since then.
   */
  proposeTrial(input: {
    plan: ArtifactRef;
    log: ArtifactRef | null;
    index: number;
    ended: readonly TrialOutcome[];
  }): Promise<{ readonly parameters: TrainerParameters; readonly log: ArtifactRef }>;
  /** Chooses, and ends the runs of trials that did not come to an end. Throws `PRN_SEARCH_FAILED` where none did. */
  concludeSearch(input: {
    plan: ArtifactRef;
    log: ArtifactRef;
    ended: readonly TrialOutcome[];
    /** Trials behind this one do not count. */
    through: number;
    end: SearchEnd;
  }): Promise<{ /** JSON artefact with the `SearchReport`. */ readonly report: ArtifactRef; readonly reason: string }>;
}

export interface SearchComputeActivities {
  /** Puts training rows aside to judge trials on, and computes the features of all trials. */
  prepareSearch(input: { snapshot: ArtifactRef; dataset: ArtifactRef }): Promise<PreparedSearch>;
  /** Fits a built-in trainer and scores the rows that were put aside. A trial that has ended is not fitted again. */
  runTrial(trial: ProposedTrial): Promise<TrialOutcome>;
  /** Asks a trainer elsewhere for the model of a trial. */
  prepareTrial(trial: ProposedTrial): Promise<ExternalRun>;
  /** Runs the model that it left on the rows that were put aside. */
  scoreTrial(trial: ProposedTrial & { run: ExternalRun; answer: ArtifactRef }): Promise<TrialOutcome>;
}
