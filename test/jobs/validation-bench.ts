/** A sandbox with one landing folder: judges small sources by expectations. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { validateSource, type ValidateSourceInput } from '../../activities/jobs/validate-source.js';
import type { JobContext } from '../../activities/jobs/context.js';
import { DatasetSpec } from '../../domain/dataset.js';
import type { RuleResult, ValidationReport } from '../../domain/validation.js';
import type { DatasetProfile } from '../../domain/profile.js';
import { openFileArtifacts } from '../../store/artifacts/file.js';
import { openTableEngine } from '../../store/tables/engine.js';

export interface Judged {
  readonly report: ValidationReport;
  readonly profile: DatasetProfile;
  rule(name: string): RuleResult;
}

export type Extras = Partial<Pick<ValidateSourceInput, 'receivedTs' | 'earlier' | 'others'>>;

export async function openValidationBench(threads = 2) {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  for (const name of ['landing', 'artifacts', 'spill']) await mkdir(join(folder, name));
  const artifacts = openFileArtifacts(join(folder, 'artifacts'));
  const dataDirectories = [join(folder, 'artifacts')];
  const tables = await openTableEngine({ dataDirectories, spillDirectory: join(folder, 'spill'), threads });
  const context: JobContext = {
    tables,
    artifacts,
    progress: () => undefined,
    signal: new AbortController().signal,
  };
  const landing = join(folder, 'landing');
  return {
    context,
    artifacts,
    landing,
    async write(name: string, content: string | Uint8Array): Promise<string> {
      await writeFile(join(landing, name), content);
      return join(landing, name);
    },
    async judge(content: string | Uint8Array, spec: object, extras: Extras = {}): Promise<Judged> {
      const path = join(landing, 'source.csv');
      await writeFile(path, content);
      const parsed = DatasetSpec.parse({ format: 'csv', maxQuarantined: 0.9, ...spec });
      const input = { dataset: 'probe', spec: parsed, sourceUri: path, sourceFolders: [landing], ...extras };
      const found = await validateSource(input, context);
      if (found === null) throw new Error('the source has nothing');
      const rule = (name: string): RuleResult => {
        const result = found.report.rules.find((each) => each.name === name);
        if (result === undefined) throw new Error(`no result of ${name}`);
        return result;
      };
      return { ...found, rule };
    },
    async close(): Promise<void> {
      await tables.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
