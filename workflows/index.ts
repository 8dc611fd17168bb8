/** The workflow types of Perennial. Everything exported here becomes a type that histories refer to by name. */
export { driftWatch } from './drift-watch.js';
export { historicalRetrieval } from './historical-retrieval.js';
export { ingestDataset } from './ingest-dataset.js';
export { materializeFeatures } from './materialize-features.js';
export { modelLifecycle } from './model-lifecycle.js';
export { quarantineCase } from './quarantine-case.js';
export { rollout } from './rollout.js';
export { trainingPipeline } from './training-pipeline.js';
