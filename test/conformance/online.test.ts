import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openDatabase } from '../../store/mongo/database.js';
import { createFeatureStore } from '../../store/mongo/features.js';
import { openTestDatabase, type TestDatabase } from '../support/mongo.js';
import { CASES } from './cases.js';
import { drawFrom, drawInstance, drawKeylessInstance, FEATURES, type Feature, type Instance } from './instance.js';
import { answerOnline } from './online.js';
import { answer, type Verdict } from './oracle.js';

/** `npm run test:long` draws many more. */
const INSTANCES = 5_000;

let test: TestDatabase;
let database: Database;

beforeAll(async () => {
  test = await openTestDatabase();
  database = await openDatabase({ uri: test.uri, database: test.name });
});

afterAll(async () => {
  await database.close();
  await test.drop();
});

function online(instances: readonly Instance[], features: readonly Feature[], seed: number) {
  return answerOnline(createFeatureStore(database), { instances, features }, drawFrom(seed));
}

function asKnown(instance: Instance): Instance {
  return { ...instance, rule: { ...instance.rule, knowledge: 'as-known' } };
}

function byOracle({ rows, questions, rule }: Instance): (Verdict[] | null)[] {
  return questions.map((question) =>
    question.time === null ? null : FEATURES.map(({ name: feature }) => answer(question, { rows, rule, feature })),
  );
}

describe('the online store', () => {
  it.each(CASES.filter(({ rule }) => rule.knowledge === 'as-known'))('$name', async (given) => {
    await database.collection('online_conformance').deleteMany({});
    const [found] = await online([given], given.features, 1);
    const expected = given.expected.map((verdict, index) => (given.questions[index]?.time === null ? null : [verdict]));
    expect(found).toEqual(expected);
  });

  it(`answers ${INSTANCES} drawn worlds as the plain rule does, status by status, whatever the order of writes`, async () => {
    await database.collection('online_conformance').deleteMany({});
    // A store has one state: what came to be known later cannot be asked of it.
    const instances = Array.from({ length: INSTANCES }, (_instance, seed) => asKnown(drawInstance(seed)));
    const found = await online(instances, FEATURES, 7);
    const different = instances.flatMap((instance, index) => {
      const expected = byOracle(instance);
      return isDeepStrictEqual(found[index], expected) ? [] : [{ instance, found: found[index], expected }];
    });
    expect(different.slice(0, 3)).toEqual([]);
    const statuses = new Set(found.flat(2).map((verdict) => verdict?.status));
    expect(statuses).toContain('OUTSIDE_MAX_AGE');
    expect(statuses).toContain('NULL_VALUE');
  }, 120_000);

  it('answers drawn worlds of views that hold for everybody', async () => {
    for (let seed = 0; seed < 60; seed += 1) {
      const instance = drawKeylessInstance(seed);
      for (const question of instance.questions) {
        await database.collection('online_conformance').deleteMany({});
        const alone = asKnown({ ...instance, questions: [question] });
        expect((await online([alone], FEATURES, seed))[0]).toEqual(byOracle(alone));
      }
    }
  });
});
