import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseRunFilter, parseRunOrder } from '../../../domain/run-search/parse.js';
import type { Metric } from '../../../domain/tracking.js';
import type { ExperimentStore } from '../../../store/contracts/experiments.js';
import type { RunBatch, RunStore } from '../../../store/contracts/runs.js';
import { sha256Hex } from '../../../store/contracts/digests.js';
import { type Database, openDatabase } from '../../../store/mongo/database.js';
import { createExperimentStore } from '../../../store/mongo/experiments.js';
import { createRunStore } from '../../../store/mongo/runs.js';
import { openTestDatabase, type TestDatabase } from '../../support/mongo.js';

const letters = (text: string): string[] => text.split('');
const START = 1_700_000_000_000_000;
const SECOND = 1_000_000;

/** One database for all of this file: each test has an experiment of its own. */
describe('runs', () => {
  let test: TestDatabase;
  let database: Database;
  let experiments: ExperimentStore;
  let runs: RunStore;
  let now = START;
  let experimentId = '';
  let made = 0;

  beforeAll(async () => {
    test = await openTestDatabase();
    database = await openDatabase({ uri: test.uri, database: test.name });
    experiments = createExperimentStore(database, { now: () => now });
    runs = createRunStore(database, { now: () => now, sha256Hex });
  });
  beforeEach(async () => {
    now = START;
    made += 1;
    experimentId = (await experiments.create({ name: `experiment ${made}`, tags: [] })).experimentId;
  });
  afterAll(async () => {
    await database.close();
    await test.drop();
  });

  async function open(name: string, changes: { startTs?: number; batch?: RunBatch } = {}): Promise<string> {
    const runId = createHash('md5').update(`${experimentId} ${name}`).digest('hex');
    const { startTs = START, batch } = changes;
    await runs.create({ runId, experimentId, name, userId: 'mira', status: 'RUNNING', startTs, tags: [] });
    if (batch !== undefined) await runs.log(runId, batch, null);
    return runId;
  }
  const point = (key: string, value: number, [step, timestampMs] = [0, 1]): Metric => ({
    key,
    value,
    step,
    timestampMs,
  });
  const codeOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'done',
      (error: { code?: string }) => error.code,
    );

  describe('that are logged to', () => {
    it('keep every point in the order of arrival, each once, and show the latest by step, time and value', async () => {
      const runId = await open('a');
      await runs.log(
        runId,
        { metrics: [point('loss', 3, [1, 30]), point('loss', 2, [2, 20]), point('auc', 0.5)] },
        null,
      );
      // The clock of the writer went back, and the first answer was lost.
      await runs.log(runId, { metrics: [point('loss', 2, [2, 20]), point('loss', 9, [2, 10])] }, null);
      await runs.log(runId, { metrics: [point('loss', 1, [0, 99]), point('loss', 1, [0, 99])] }, null);
      const history = await runs.history(runId, 'loss', { after: 0, limit: 10 });
      expect(history.map(({ seq, step, timestampMs, value }) => [seq, step, timestampMs, value])).toEqual([
        [1, 1, 30, 3],
        [2, 2, 20, 2],
        [4, 2, 10, 9],
        [5, 0, 99, 1],
      ]);
      expect(await runs.get(runId)).toMatchObject({
        metricSeq: 5,
        metrics: [point('auc', 0.5), point('loss', 2, [2, 20])],
      });
    });

    it('keep what is no finite number, and keys of any text', async () => {
      const keys = ['a.b', '$set', '%2E', '0', '__proto__', 'größe/量 🌱', 'constructor'];
      const metrics = keys.map((key, index) => point(key, [Number.NaN, Infinity, -Infinity][index % 3] ?? 0));
      const params = keys.map((key) => ({ key, value: `${key}!` }));
      const runId = await open('a', { batch: { metrics, params, tags: params } });
      await runs.log(runId, { metrics }, null);
      const run = await runs.get(runId);
      const byKey = (left: { key: string }, right: { key: string }) => (left.key < right.key ? -1 : 1);
      expect(run?.metrics).toEqual([...metrics].sort(byKey));
      expect(run?.params).toEqual([...params].sort(byKey));
      expect(run?.tags).toEqual([...params, { key: 'mlflow.runName', value: 'a' }].sort(byKey));
      expect(run?.metricSeq).toBe(keys.length);
      for (const key of keys) {
        const history = await runs.history(runId, key, { after: 0, limit: 10 });
        expect(history.map((each) => each.key)).toEqual([key]);
        const found = await search({ filter: `params."${key}" = '${key}!'` });
        expect(found.names).toEqual(['a']);
      }
    });

    it('read a long history page by page, of one key and of all', async () => {
      const runId = await open('a');
      for (let call = 0; call < 3; call += 1) {
        const steps = Array.from({ length: 500 }, (_value, index) => call * 500 + index);
        await runs.log(
          runId,
          { metrics: steps.flatMap((step) => [point('a', step, [step, step]), point('b', step, [step, step])]) },
          null,
        );
      }
      const read = async (page: (after: number) => Promise<readonly { readonly seq: number; value: number }[]>) => {
        const all: { readonly seq: number; value: number }[] = [];
        for (let after = 0; ; after = all.at(-1)?.seq ?? 0) {
          const next = await page(after);
          if (next.length === 0) return all;
          all.push(...next);
        }
      };
      const ofKey = await read((after) => runs.history(runId, 'b', { after, limit: 333 }));
      expect(ofKey.map(({ value }) => value)).toEqual(Array.from({ length: 1_500 }, (_value, step) => step));
      const ofAll = await read((after) => runs.points(runId, { after, limit: 777 }));
      expect(ofAll.map(({ seq }) => seq)).toEqual(Array.from({ length: 3_000 }, (_value, index) => index + 1));
    });

    it('write a batch whole or not at all', async () => {
      const runId = await open('a', { batch: { params: [{ key: 'depth', value: '6' }] } });
      const batch = {
        metrics: [point('a', 1)],
        params: [{ key: 'depth', value: '7' }],
        tags: [{ key: 't', value: 'x' }],
      };
      expect(await codeOf(runs.log(runId, batch, null))).toBe('PRN_RUN_PARAM_CHANGED');
      expect(await runs.get(runId)).toMatchObject({
        metrics: [],
        metricSeq: 0,
        params: [{ key: 'depth', value: '6' }],
      });
      expect(await runs.history(runId, 'a', { after: 0, limit: 1 })).toEqual([]);
      const twice = {
        params: [
          { key: 'x', value: '1' },
          { key: 'x', value: '2' },
        ],
      };
      expect(await codeOf(runs.log(runId, twice, null))).toBe('PRN_RUN_PARAM_CHANGED');
      expect(await codeOf(runs.log(runId, { params: [{ key: 'depth', value: '6' }] }, null))).toBe('done');
    });

    it('number the points of writers at the same moment without gaps', async () => {
      const runId = await open('a');
      const writers = Array.from({ length: 6 }, (_value, writer) =>
        runs.log(runId, { metrics: [point('same', 1), point(`own-${writer}`, writer)] }, null),
      );
      await Promise.all(writers);
      const points = await runs.points(runId, { after: 0, limit: 100 });
      expect(points.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
      expect(points.filter(({ key }) => key === 'same')).toHaveLength(1);
    });

    it('have one name, by field and by tag, and tags that go', async () => {
      const runId = await open('a', { batch: { tags: [{ key: 'team', value: 'ops' }] } });
      await runs.log(
        runId,
        {
          tags: [
            { key: 'mlflow.runName', value: 'b' },
            { key: 'team', value: null },
          ],
        },
        null,
      );
      expect(await runs.get(runId)).toMatchObject({ name: 'b', tags: [{ key: 'mlflow.runName', value: 'b' }] });
      expect(await runs.update(runId, { name: 'c' }, null)).toMatchObject({ name: 'c', runId });
      expect(await runs.get(runId)).toMatchObject({ name: 'c', tags: [{ key: 'mlflow.runName', value: 'c' }] });
    });

    it('leave room for the others to everything, and always for what the installation says and for the end', async () => {
      const big = 'x'.repeat(8_000);
      const texts = (prefix: string, count: number) =>
        Array.from({ length: count }, (_value, index) => ({ key: `${prefix}${index}`, value: big }));
      const runId = await open('a', { batch: { tags: texts('mine', 390) } });
      expect(await codeOf(runs.log(runId, { tags: texts('other', 4) }, null))).toBe('PRN_RUN_FULL');
      expect(await codeOf(runs.log(runId, { tags: [{ key: 'mine1', value: null }, ...texts('new', 1)] }, null))).toBe(
        'done',
      );
      expect(await codeOf(runs.log(runId, { tags: texts('perennial.', 10) }, null))).toBe('done');
      expect(await codeOf(runs.log(runId, { params: texts('p', 390) }, null))).toBe('done');
      expect(await codeOf(runs.log(runId, { params: texts('q', 10) }, null))).toBe('PRN_RUN_FULL');
      const keys = Array.from({ length: 11_000 }, (_value, index) => point(`${'k'.repeat(240)}${index}`, 1));
      expect(await codeOf(runs.log(runId, { metrics: keys }, null))).toBe('PRN_RUN_FULL');
      expect(await codeOf(runs.log(runId, { metrics: [point('loss', 1)] }, null))).toBe('done');
      const { epoch } = await runs.hold(runId, { owner: 'attempt 1', forMicros: SECOND });
      expect(await runs.update(runId, { status: 'FINISHED' }, epoch)).toMatchObject({ status: 'FINISHED' });

      for (const part of [1, 2, 3, 4]) await experiments.update(experimentId, { tags: texts(`part ${part} `, 100) });
      expect(await codeOf(experiments.update(experimentId, { tags: texts('more', 1) }))).toBe('PRN_EXPERIMENT_FULL');
      expect(await codeOf(experiments.update(experimentId, { tags: [{ key: 'part 1 0', value: null }] }))).toBe('done');
    });

    it('keep datasets once, with what they were read for', async () => {
      const input = {
        name: 'flights',
        digest: 'abc',
        sourceType: 'perennial',
        source: 'dataset/flights/abc',
        schema: 's'.repeat(100_000),
        profile: null,
        tags: [{ key: 'mlflow.data.context', value: 'training' }],
      };
      const runId = await open('a', { batch: { inputs: [input] } });
      await open('b', { batch: { inputs: [{ ...input, digest: 'def' }] } });
      await runs.log(runId, { inputs: [input] }, null);
      expect((await runs.get(runId))?.inputs).toEqual([input]);
      const { names } = await search({
        filter: "datasets.name = 'flights' AND datasets.context LIKE 'train%' AND datasets.digest != 'def'",
      });
      expect(names).toEqual(['a']);
    });

    it('are refused once deleted, and found again when restored', async () => {
      const runId = await open('a');
      await runs.update(runId, { lifecycle: 'deleted' }, null);
      expect(await codeOf(runs.log(runId, { tags: [{ key: 'a', value: 'b' }] }, null))).toBe('PRN_RUN_DELETED');
      expect((await search({})).names).toEqual([]);
      expect((await search({ lifecycle: 'deleted' })).names).toEqual(['a']);
      await runs.update(runId, { lifecycle: 'active' }, null);
      expect((await search({})).names).toEqual(['a']);
    });
  });

  describe('with a writer', () => {
    const hold = (runId: string, owner: string, force = false) =>
      runs.hold(runId, { owner, forMicros: 60 * SECOND, force });

    it('refuse everybody else, and a holder whose run was taken over', async () => {
      const runId = await open('a');
      const first = await hold(runId, 'attempt 1');
      expect(first).toEqual({ owner: 'attempt 1', actor: null, epoch: 1, untilTs: START + 60 * SECOND, metrics: [] });
      const metrics = { metrics: [point('a', 1)] };
      expect(await codeOf(runs.log(runId, metrics, null))).toBe('PRN_RUN_STALE_WRITER');
      expect(await codeOf(runs.update(runId, { status: 'FINISHED' }, null))).toBe('PRN_RUN_STALE_WRITER');
      expect(await codeOf(hold(runId, 'attempt 2'))).toBe('PRN_RUN_HELD');
      const second = await hold(runId, 'attempt 2', true);
      expect(second.epoch).toBe(2);
      expect(await codeOf(runs.log(runId, metrics, 1))).toBe('PRN_RUN_STALE_WRITER');
      expect(await codeOf(runs.hold(runId, { owner: 'attempt 1', forMicros: 1, epoch: 1 }))).toBe(
        'PRN_RUN_STALE_WRITER',
      );
      expect(await codeOf(runs.log(runId, metrics, 2))).toBe('done');
      // Notes are anybody's.
      expect(await codeOf(runs.log(runId, { tags: [{ key: 'note', value: 'looks odd' }] }, null))).toBe('done');
      const closed = await runs.update(runId, { status: 'FINISHED' }, 2);
      expect(closed).toMatchObject({ status: 'FINISHED', endTs: START, writer: null });
      expect(await codeOf(runs.log(runId, { metrics: [point('a', 2)] }, 2))).toBe('PRN_RUN_STALE_WRITER');
    });

    it('are lost without a sign of life, for every reader, and alive again with one', async () => {
      const runId = await open('a');
      const { epoch } = await hold(runId, 'pipeline/p');
      now += 59 * SECOND;
      await runs.log(runId, { metrics: [point('a', 1)] }, epoch);
      now += 59 * SECOND;
      expect((await search({ filter: "status = 'RUNNING'" })).names).toEqual(['a']);
      now += 2 * SECOND;
      expect((await search({ filter: "status = 'RUNNING'" })).names).toEqual([]);
      const cause = 'lost: its writer pipeline/p gave no sign of life until 2023-11-14T22:15:19.000Z';
      expect(await runs.get(runId)).toMatchObject({ status: 'FAILED', cause, endTs: START + 119 * SECOND });
      // Nobody took over: the writer was only late.
      await runs.log(runId, { metrics: [point('a', 2, [1, 1])] }, epoch);
      expect(await runs.get(runId)).toMatchObject({ status: 'RUNNING', cause: null, endTs: null });
      now += 61 * SECOND;
      expect((await runs.get(runId))?.status).toBe('FAILED');
      const next = await hold(runId, 'attempt 2');
      expect([next.epoch, (await runs.get(runId))?.status]).toEqual([2, 'RUNNING']);
      expect(await codeOf(runs.log(runId, { metrics: [point('a', 3, [2, 1])] }, epoch))).toBe('PRN_RUN_STALE_WRITER');
    });

    it('tell who asks for no more than the run itself the same of it', async () => {
      const batch = { metrics: [point('a', 1)], params: [{ key: 'p', value: 'x' }] };
      const runId = await open('a', { batch });
      await hold(runId, 'worker');
      now += 61 * SECOND;
      const info = await runs.info(runId);
      expect(info).toMatchObject({ status: 'FAILED', metricSeq: 1, cause: expect.stringContaining('lost: ') });
      const { metrics, params, tags, inputs, ...same } = (await runs.many([runId]))[0] ?? {};
      expect([metrics, params, tags, inputs].map((list) => list?.length)).toEqual([1, 1, 1, 0]);
      expect(info).toEqual(same);
      expect(await runs.info('nobody')).toBeNull();
    });

    it('are found lost all at once, by one look a second', async () => {
      const [left, right, late] = [await open('left'), await open('right'), await open('late')];
      await hold(left, 'worker 1');
      await hold(right, 'worker $2');
      // Not a moment at which a test before looked.
      now += 75 * SECOND;
      const lost = await runs.many([left, right]);
      expect(lost.map(({ status, cause }) => `${status} ${cause?.slice(0, 25)}`)).toEqual([
        'FAILED lost: its writer worker 1',
        'FAILED lost: its writer worker $',
      ]);
      await runs.hold(late, { owner: 'worker 3', forMicros: 1 });
      now += SECOND / 2;
      expect((await runs.get(late))?.status).toBe('RUNNING');
      now += SECOND / 2;
      expect((await runs.get(late))?.status).toBe('FAILED');
    });

    it('are taken by one of two who come at the same moment', async () => {
      const runId = await open('a');
      const answers = await Promise.all([codeOf(hold(runId, 'left')), codeOf(hold(runId, 'right'))]);
      expect(new Set(answers)).toEqual(new Set(['PRN_RUN_HELD', 'done']));
    });

    it('are closed by who started them, whoever holds them, with the runs nested in them', async () => {
      const [parent, child, done] = [await open('parent'), await open('child'), await open('done')];
      for (const runId of [child, done])
        await runs.log(runId, { tags: [{ key: 'mlflow.parentRunId', value: parent }] }, null);
      await runs.update(done, { status: 'FINISHED' }, null);
      await hold(parent, 'worker');
      await hold(child, 'worker');
      await runs.close(parent, { status: 'KILLED', cause: 'cancelled by mira' });
      await runs.close(parent, { status: 'FAILED', cause: 'late' });
      const ended = await runs.many([parent, child, done]);
      expect(ended.map(({ status, cause }) => [status, cause])).toEqual([
        ['KILLED', 'cancelled by mira'],
        ['KILLED', 'cancelled by mira'],
        ['FINISHED', null],
      ]);
    });
  });

  async function search(asked: {
    filter?: string;
    order?: readonly string[];
    limit?: number;
    after?: string | null;
    lifecycle?: 'active' | 'deleted';
  }): Promise<{ names: string[]; next: string | null }> {
    const { filter = '', order = [], limit = 100, after = null, lifecycle = 'active' } = asked;
    const found = await runs.search({
      experimentIds: [experimentId],
      conditions: parseRunFilter(filter),
      order: order.map(parseRunOrder),
      lifecycle,
      limit,
      after,
    });
    return { names: found.runs.map(({ name }) => name), next: found.next };
  }

  /** The names of all pages of this size. */
  async function pages(order: readonly string[], limit: number, filter = ''): Promise<string[]> {
    const names: string[] = [];
    for (let after: string | null = null; ;) {
      const page = await search({ filter, order, limit, after });
      names.push(...page.names);
      if (page.next === null) return names;
      after = page.next;
    }
  }

  describe('that are searched for', () => {
    /** name → (loss, auc, depth); the later in the list, the later it started. */
    const TABLE: readonly (readonly [string, number | null, number | null, string | null])[] = [
      ['a', 1, 0.5, 'x'],
      ['b', 1, 0.7, 'ä'],
      ['c', 2, null, 'Z'],
      ['d', Number.NaN, 0.7, null],
      ['e', null, 0.7, 'x'],
      ['f', Infinity, 0.1, '🌱'],
      ['g', -Infinity, 0.7, '\uFFFD'],
      ['h', Number.NaN, null, 'x'],
      ['i', null, null, null],
      ['j', 1, 0.7, 'x'],
    ];

    async function fill(): Promise<void> {
      for (const [index, [name, loss, auc, depth]] of TABLE.entries()) {
        const metrics = [...(loss === null ? [] : [point('loss', loss)]), ...(auc === null ? [] : [point('auc', auc)])];
        const params = depth === null ? [] : [{ key: 'depth', value: depth }];
        await open(name, { startTs: START + index * SECOND, batch: { metrics, params } });
      }
    }

    it('come in the order asked for, what is missing last in both directions, in pages of any size', async () => {
      await fill();
      const expected: Readonly<Record<string, readonly string[]>> = {
        '': letters('jihgfedcba'),
        'metrics.loss': [...letters('gjbacf'), ...letters('hd'), ...letters('ie')],
        'metrics.loss DESC': [...letters('fcjbag'), ...letters('hd'), ...letters('ie')],
        'metrics.auc DESC|metrics.loss': [...letters('gjbd'), 'e', 'a', 'f', 'c', 'h', 'i'],
        'metrics.auc|metrics.loss DESC|start_time': [...letters('fa'), ...letters('bjg'), 'd', 'e', 'c', 'h', 'i'],
        // By bytes of UTF-8, as MongoDB has it: a leaf (four bytes) after the replacement sign (three).
        'params.depth': ['c', ...letters('jhea'), 'b', 'g', 'f', ...letters('id')],
        'params.depth DESC|metrics.auc': ['f', 'g', 'b', ...letters('aje'), 'h', 'c', ...letters('di')],
        'run_name DESC': letters('jihgfedcba'),
        start_time: letters('abcdefghij'),
        'end_time DESC': letters('jihgfedcba'),
      };
      for (const [order, names] of Object.entries(expected)) {
        const fields = order === '' ? [] : order.split('|');
        for (const limit of [1, 3, 10])
          expect([order, limit, await pages(fields, limit)]).toEqual([order, limit, names]);
      }
    });

    it('fulfil every condition; a run without the field fulfils none', async () => {
      await fill();
      const names = async (filter: string): Promise<string> => (await search({ filter })).names.sort().join('');
      expect(await names('metrics.loss = 1')).toBe('abj');
      expect(await names('metrics.loss != 1')).toBe('cdfgh');
      expect(await names('metrics.loss > 1')).toBe('cf');
      expect(await names('metrics.loss <= 1')).toBe('abgj');
      expect(await names('metrics.loss < 1')).toBe('g');
      expect(await names('metrics.loss >= 1 AND metrics.auc > 0.6')).toBe('bj');
      expect(await names("params.depth = 'x' AND metrics.auc >= 0.7")).toBe('ej');
      expect(await names("params.depth != 'x'")).toBe('bcfg');
      expect(await names("params.depth IN ('x', 'Z')")).toBe('acehj');
      expect(await names("params.depth NOT IN ('x', 'Z')")).toBe('bfg');
      expect(await names("params.depth LIKE 'z'")).toBe('');
      expect(await names("params.depth ILIKE 'z'")).toBe('c');
      expect(await names(`start_time > ${(START + 7 * SECOND) / 1_000}`)).toBe('ij');
      expect(await names("run_name IN ('a', 'b') AND status = 'RUNNING' AND user_id = 'mira'")).toBe('ab');
      expect(await names('end_time > 0')).toBe('');
      expect(await names("params.nothing = 'x'")).toBe('');
    });

    it('match patterns as a text: nothing in them is a regular expression', async () => {
      const values = ['a.b', 'axb', 'a\nb', 'abcab', 'a_b', '100% (x|y)*', ''];
      for (const value of values)
        await open(value === '' ? 'empty' : value, { batch: { params: [{ key: 'p', value }] } });
      const names = async (pattern: string): Promise<string[]> =>
        (await search({ filter: `params.p LIKE '${pattern}'` })).names.sort();
      expect(await names('a.b')).toEqual(['a.b']);
      expect(await names('a_b')).toEqual(['a\nb', 'a.b', 'a_b', 'axb']);
      expect(await names('%')).toHaveLength(values.length);
      expect(await names('')).toEqual(['empty']);
      expect(await names('a%b')).toEqual(['a\nb', 'a.b', 'a_b', 'abcab', 'axb']);
      expect(await names('%b%a%')).toEqual(['abcab']);
      expect(await names('100_ (x|y)*')).toEqual(['100% (x|y)*']);
      expect(await names('%ab%ab%ab')).toEqual([]);
    });

    it('are ordered by fields that no run has without more queries for each further field than for the first', async () => {
      await fill();
      let queries = 0;
      const counting = (name: string) => {
        const collection = database.collection(name);
        if (name !== 'runs') return collection;
        return new Proxy(collection, {
          get(target, property) {
            if (property === 'find') queries += 1;
            const value: unknown = Reflect.get(target, property);
            return typeof value === 'function' ? (value.bind(target) as unknown) : value;
          },
        });
      };
      const counted = createRunStore({ ...database, collection: counting }, { now: () => now, sha256Hex });
      const queriesOf = async (fields: number): Promise<number> => {
        queries = 0;
        const order = Array.from({ length: fields }, (_value, index) => parseRunOrder(`metrics.nobody_has_${index}`));
        const asked = { experimentIds: [experimentId], conditions: [], lifecycle: 'active', limit: 20 } as const;
        const found = await counted.search({ ...asked, order, after: null });
        expect(found.runs.map(({ name }) => name).join('')).toBe('jihgfedcba');
        return queries;
      };
      const [one, five, ten] = [await queriesOf(1), await queriesOf(5), await queriesOf(10)];
      expect([five - one, ten - one]).toEqual([4 * 3, 9 * 3]);
    });

    it('do not let a pattern run for ever', async () => {
      await open('long', { batch: { params: [{ key: 'p', value: 'a'.repeat(6_000) }] } });
      // Backtracking would go on longer than any time-out of a test.
      const { names } = await search({ filter: `params.p LIKE '${'%a'.repeat(50)}%b'` });
      expect(names).toEqual([]);
    });

    it('are refused a page of another search', async () => {
      await fill();
      const { next } = await search({ order: ['metrics.loss'], limit: 2 });
      const code = (asked: Parameters<typeof search>[0]) => codeOf(search(asked));
      expect(await code({ order: ['metrics.loss'], limit: 5, after: next })).toBe('done');
      for (const asked of [{ order: ['metrics.auc'] }, { order: ['metrics.loss'], filter: 'metrics.loss > 1' }, {}])
        expect(await code({ ...asked, after: next })).toBe('PRN_RUN_PAGE_INVALID');
      for (const after of ['rubbish', '', Buffer.from('{"search":1}').toString('base64url')])
        expect(await code({ after })).toBe('PRN_RUN_PAGE_INVALID');
    });

    it('meet each run once while others begin', async () => {
      await fill();
      const first = await search({ limit: 4 });
      await open('new', { startTs: START + 60 * SECOND });
      const second = await search({ limit: 100, after: first.next });
      expect([...first.names, ...second.names].join('')).toBe('jihgfedcba');
    });
  });

  describe('in experiments', () => {
    it('have experiments with numbers as ids and unique names, those of deleted ones included', async () => {
      expect(Number(experimentId)).toBeGreaterThan(0);
      const { name } = (await experiments.get(experimentId)) ?? { name: '' };
      await experiments.update(experimentId, { lifecycle: 'deleted', tags: [{ key: 'a.b', value: 'c' }] });
      expect(await codeOf(experiments.create({ name, tags: [] }))).toBe('PRN_EXPERIMENT_EXISTS');
      expect(await experiments.byName(name)).toMatchObject({
        lifecycle: 'deleted',
        tags: [{ key: 'a.b', value: 'c' }],
      });
      expect(await codeOf(open('late'))).toBe('PRN_EXPERIMENT_NOT_FOUND');
      expect(await codeOf(experiments.update('9999', { name: 'x' }))).toBe('PRN_EXPERIMENT_NOT_FOUND');
      const other = await experiments.create({ name: `other ${made}`, tags: [] });
      expect(await codeOf(experiments.update(other.experimentId, { name }))).toBe('PRN_EXPERIMENT_EXISTS');
    });

    it('are made once when many ask at the same moment', async () => {
      const found = await Promise.all(Array.from({ length: 5 }, () => experiments.ensure('shared')));
      expect(new Set(found.map((experiment) => experiment.experimentId)).size).toBe(1);
      expect(await experiments.get('0')).toMatchObject({ experimentId: '0', name: 'Default', lifecycle: 'active' });
    });

    it('are listed page by page, newest first', async () => {
      const page = { lifecycle: null, limit: 2 } as const;
      const seen: string[] = [];
      for (let after: string | null = null; ; after = seen.at(-1) ?? null) {
        const next = await experiments.list({ ...page, after });
        if (next.length === 0) break;
        seen.push(...next.map((each) => each.experimentId));
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen).toContain(experimentId);
    });
  });
});
