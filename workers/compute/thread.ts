/** Entry of a compute thread: opens engines of its own, then serves the product's jobs. */
import { parentPort, workerData } from 'node:worker_threads';
import { JOBS } from '../../activities/jobs/index.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { createCollectionReader } from '../../store/mongo/collection-reader.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { boostingThreads } from './boosting-threads.js';
import type { ComputeEnvironment } from './messages.js';
import { serveJobs } from './thread-loop.js';

if (parentPort === null) throw new Error('workers/compute/thread.js runs as a thread of the compute pool only');

// The border: the pool passes exactly this object as worker data.
const environment = workerData as ComputeEnvironment;
const tables = await openTableEngine({
  dataDirectories: [environment.artifactFolder, ...environment.readableFolders],
  spillDirectory: environment.spillFolder,
  memoryLimit: `${environment.tableMemoryMb}MB`,
  threads: environment.tableThreads,
});
// Read here and not passed in, so that no connection string travels through workflows.
const secretOf = (name: string): string | undefined => process.env[name];
const { mongodb } = environment;
serveJobs(parentPort, JOBS, {
  tables,
  artifacts: openFileArtifacts(environment.artifactFolder),
  boosting: boostingThreads({ threads: environment.boostingThreads }),
  ...(mongodb && { collections: createCollectionReader({ ...mongodb, secretOf }) }),
});
