import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTableEngine } from '../../store/tables/engine.js';
import { CASES } from './cases.js';
import { drawFrom, drawInstance, drawKeylessInstance, FEATURES, type Instance } from './instance.js';
import { answer } from './oracle.js';
import { answerByTables, type TableBench } from './tables.js';

/** `npm run test:long` draws many more. */
const INSTANCES = 5_000;
const KEYLESS_INSTANCES = 60;

let bench: TableBench;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-conformance-'));
  bench = {
    folder,
    tables: await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill') }),
  };
});

afterAll(async () => {
  await bench.tables.close();
  await rm(bench.folder, { recursive: true, force: true });
});

/** Every second layout leaves rows of other keys out first, which is another plan. */
const layoutOf = (seed: number, chunks: number) => ({ draw: drawFrom(seed), chunks, fewKeys: seed % 2 === 1 });

function byOracle({ rows, questions, rule }: Instance) {
  return questions.map((question) =>
    FEATURES.map(({ name: feature }) => answer(question, { rows, rule, feature }).value),
  );
}

describe('the plain rule', () => {
  it.each(CASES)('$name', ({ rows, rule, questions, expected }) => {
    expect(questions.map((question) => answer(question, { rows, rule, feature: 'value' }))).toEqual(expected);
  });
});

describe('the join over Parquet chunks', () => {
  it.each(CASES)('$name', async (given) => {
    for (const chunks of [1, 2, given.rows.length]) {
      const { features, expected } = given;
      const answers = await answerByTables(bench, { instances: [given], features }, layoutOf(chunks, chunks));
      expect(answers).toEqual([expected.map(({ value }) => [value])]);
    }
  });

  it(`answers ${INSTANCES} drawn worlds as the plain rule does, whatever the order of rows and the number of chunks`, async () => {
    const instances = Array.from({ length: INSTANCES }, (_instance, seed) => drawInstance(seed));
    for (const chunks of [3, 2]) {
      const answers = await answerByTables(bench, { instances, features: FEATURES }, layoutOf(chunks, chunks));
      const different = instances.flatMap((instance, index) => {
        const [found, expected] = [answers[index], byOracle(instance)];
        return isDeepStrictEqual(found, expected) ? [] : [{ instance, found, expected }];
      });
      expect(different.slice(0, 3)).toEqual([]);
    }
    // Drawn worlds that had nothing to say would prove nothing.
    const values = instances.flatMap((instance) => byOracle(instance).flat());
    expect(values.filter((value) => value !== null).length).toBeGreaterThan(values.length / 10);
  }, 60_000);

  it('answers drawn worlds of views that hold for everybody', async () => {
    const instances = Array.from({ length: KEYLESS_INSTANCES }, (_instance, seed) => drawKeylessInstance(seed));
    const answers = await answerByTables(bench, { instances, features: FEATURES }, layoutOf(2, 2));
    expect(answers).toEqual(instances.map(byOracle));
  });
});
