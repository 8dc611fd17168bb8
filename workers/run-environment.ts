/** What the runs of this worker say of where they were made. */
import { version as duckdbVersion } from '@duckdb/node-api';
import { env } from 'onnxruntime-node';
import type { RunEnvironment } from '../domain/pipeline-run.js';

export function runEnvironment(codeRevision: string | undefined): RunEnvironment {
  const { node: onnxruntime } = env.versions;
  return {
    codeRevision: codeRevision ?? null,
    engines: {
      node: process.versions.node,
      duckdb: duckdbVersion(),
      ...(onnxruntime !== undefined && { onnxruntime }),
      platform: `${process.platform}-${process.arch}`,
    },
  };
}
