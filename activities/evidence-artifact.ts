/** The evidence of a decision as an artefact, under the digest that an approval is bound to. */
import type { ArtifactRef } from '../domain/artifact.js';
import { canonicalJson } from '../domain/canonical-json.js';
import type { Evidence } from '../domain/evaluation.js';
import type { EvaluatedModel } from '../domain/training.js';
import type { ArtifactStore } from '../store/contracts/artifacts.js';
import { sha256Hex } from '../store/contracts/digests.js';
import { putJson } from '../store/contracts/json-artifacts.js';

/** Stores an `EvaluatedModel`, once all that is known of the evidence is in it. */
export function keepEvidence(artifacts: ArtifactStore, evidence: Evidence): Promise<ArtifactRef> {
  const evaluated: EvaluatedModel = { evidence, evidenceDigest: sha256Hex(canonicalJson(evidence)) };
  return putJson(artifacts, evaluated);
}
