/** Historical retrievals and what became of them. */
import type { Retrieval } from '../../domain/historical-retrieval.js';

export interface RetrievalStore {
  /** Inserts once per `retrievalId`; a repeat returns the stored one. */
  open(retrieval: Retrieval): Promise<Retrieval>;
  update(
    retrievalId: string,
    changes: Partial<Pick<Retrieval, 'state' | 'plan' | 'result' | 'error' | 'endedTs'>>,
  ): Promise<void>;
  get(retrievalId: string): Promise<Retrieval | null>;
  /** Newest first. */
  list(limit: number): Promise<Retrieval[]>;
}
