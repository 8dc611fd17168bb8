import { describe, expect, it } from 'vitest';
import { isRunFull, RUN_FILE_LIMITS, type RunFiles } from '../../domain/run-files.js';

function left(count: number, bytes: number): RunFiles {
  const sha256 = 'a'.repeat(64);
  const file = { uri: `artifact://sha256/${sha256}`, sha256, bytes, mediaType: 'application/octet-stream' };
  const outputs = Array.from({ length: count }, () => ({ name: 'state.tar', attempt: 1, file }));
  return { runId: 'r1', tokenDigests: [], inputs: [], outputs, attempt: 1, closed: false, untilTs: 0 };
}

describe('the files that trainers leave with a run', () => {
  it('are bounded in number and in bytes', () => {
    expect(isRunFull(left(RUN_FILE_LIMITS.files - 1, 0), 100)).toBe(false);
    expect(isRunFull(left(RUN_FILE_LIMITS.files, 0), 100)).toBe(true);
    expect(isRunFull(left(3, 133), 100)).toBe(false);
    expect(isRunFull(left(4, 100), 100)).toBe(true);
  });
});
