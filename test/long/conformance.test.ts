import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../store/mongo/database.js';
import { createFeatureStore } from '../../store/mongo/features.js';
import { openTableEngine } from '../../store/tables/engine.js';
import { drawFrom, drawInstance, FEATURES, type Instance } from '../conformance/instance.js';
import { answerOnline } from '../conformance/online.js';
import { answer } from '../conformance/oracle.js';
import { answerByTables, type TableBench } from '../conformance/tables.js';
import { openTestDatabase, type TestDatabase } from '../support/mongo.js';

const INSTANCES = 100_000;
const PER_ROUND = 10_000;
/** Beyond the seeds of `npm test`. */
const FIRST_SEED = 1_000_000;

let bench: TableBench;
let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'perennial-conformance-'));
  bench = {
    folder,
    tables: await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill') }),
  };
  test = await openTestDatabase();
  database = await openDatabase({ uri: test.uri, database: test.name });
});

afterAll(async () => {
  await bench.tables.close();
  await rm(bench.folder, { recursive: true, force: true });
  await database.close();
  await test.drop();
});

function roundOf(from: number): Instance[] {
  return Array.from({ length: PER_ROUND }, (_instance, index) => drawInstance(FIRST_SEED + from + index));
}

function verdictsOf({ rows, questions, rule }: Instance) {
  return questions.map((question) => FEATURES.map(({ name: feature }) => answer(question, { rows, rule, feature })));
}

it(`finds no drawn world of ${INSTANCES} that the tables answer otherwise than the plain rule`, async () => {
  for (let from = 0; from < INSTANCES; from += PER_ROUND) {
    const instances = roundOf(from);
    const layout = {
      draw: drawFrom(from),
      chunks: 1 + ((from / PER_ROUND) % 4),
      fewKeys: from % (2 * PER_ROUND) === 0,
    };
    const found = await answerByTables(bench, { instances, features: FEATURES }, layout);
    const different = instances.filter((instance, index) => {
      const expected = verdictsOf(instance).map((verdicts) => verdicts.map(({ value }) => value));
      return !isDeepStrictEqual(found[index], expected);
    });
    expect(different.slice(0, 3)).toEqual([]);
  }
});

it(`finds no drawn world of ${INSTANCES} that the online store answers otherwise than the plain rule`, async () => {
  for (let from = 0; from < INSTANCES; from += PER_ROUND) {
    await database.collection('online_conformance').deleteMany({});
    const instances = roundOf(from).map((instance): Instance => {
      const questions = instance.questions.filter(({ time }) => time !== null);
      return { ...instance, questions, rule: { ...instance.rule, knowledge: 'as-known' } };
    });
    const found = await answerOnline(createFeatureStore(database), { instances, features: FEATURES }, drawFrom(from));
    const different = instances.filter((instance, index) => !isDeepStrictEqual(found[index], verdictsOf(instance)));
    expect(different.slice(0, 3)).toEqual([]);
  }
});
