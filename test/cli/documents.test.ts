import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readResources } from '../../cli/documents.js';

describe('documents from files', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('aliases that stand for gigabytes were refused without file and code', async () => {
    const levels = 'abcdefg'.split('');
    const lines = levels.map(
      (name, at) =>
        `${name}: &${name} [${Array<string>(9)
          .fill(at === 0 ? 'x' : `*${levels[at - 1] ?? ''}`)
          .join(', ')}]`,
    );
    const file = join(folder, 'bomb.yaml');
    await writeFile(file, `${lines.join('\n')}\n`);
    const refusal = { code: 'PRN_RESOURCE_INVALID', message: `${file}: Excessive alias count indicates a resource exhaustion attack` }; // prettier-ignore
    expect(() => readResources(file)).toThrow(expect.objectContaining(refusal) as Error);
  });
});
