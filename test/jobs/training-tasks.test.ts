import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTrainingDataset, type BuildTrainingDatasetInput } from '../../activities/jobs/build-training-dataset.js';
import { type ModelRows, readAvailableRows, readModelRows } from '../../activities/jobs/model-rows.js';
import { samplingUnit } from '../../activities/jobs/sampling-unit.js';
import { requireCategories } from '../../activities/jobs/training-categories.js';
import { classesOf } from '../../activities/jobs/training-labels.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { DatasetSpec } from '../../domain/dataset.js';
import { EvaluationSpec } from '../../domain/evaluation.js';
import { ModelSpec } from '../../domain/model.js';
import { splitBounds } from '../../domain/split.js';
import { MICROS_PER_DAY as DAY } from '../../domain/time.js';
import type { TrainingDataset } from '../../domain/training.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { modelInputs } from '../../ml/features/model-inputs.js';
import { type JobBench, openJobBench } from './training-fixture.js';

const DATASET = DatasetSpec.parse({
  columns: [
    { name: 'ts', type: 'timestamp' },
    { name: 'customer', type: 'string', nullable: true },
    { name: 'amount', type: 'float', nullable: true },
    { name: 'kind', type: 'string', nullable: true },
    { name: 'grade', type: 'integer' },
    { name: 'late', type: 'boolean' },
  ],
  eventTime: 'ts',
  knowledge: { from: 'event', delay: '0s' },
});
/** A hundred rows a day for ten days; i counts them from 0. */
const ROWS = `select (i * ${DAY / 100})::bigint as ts, 'c' || (i % 50) as customer, (i % 7)::real as amount,
  case i % 3 when 0 then 'red' when 1 then 'blue' else 'Ünder' end as kind, (i % 3)::bigint as grade, i % 2 = 0 as late, i
  from range(1000) t(i)`;

describe('a training dataset by task', () => {
  let bench: JobBench;

  beforeAll(async () => {
    bench = await openJobBench();
  });

  afterAll(() => bench.close());

  async function segmentOf(replaced: string): Promise<ArtifactRef> {
    const path = await bench.context.artifacts.scratchPath('parquet');
    const rows = `select * exclude (i) ${replaced === '' ? '' : `replace (${replaced})`}, ts as __known_ts, i as __seq from (${ROWS})`;
    await bench.context.tables.use((session) =>
      session.execute(`copy (${rows}) to ${quoteText(path)} (format parquet)`),
    );
    return bench.context.artifacts.adopt(path, MEDIA_TYPES.parquet);
  }

  /** `replaced` changes columns of {@link ROWS}, in SQL. */
  async function build(spec: object, replaced = ''): Promise<TrainingDataset> {
    const model = ModelSpec.parse({
      endpoint: 'e',
      spine: { dataset: 'd', eventTime: 'ts' },
      features: [{ request: 'amount' }],
      split: { holdout: '3d' },
      trainer: { kind: 'gbdt' },
      ...spec,
    });
    const snapshot: BuildTrainingDatasetInput['snapshot'] = {
      pipelineId: 'p',
      model: 'm',
      modelRevision: 1,
      spec: model,
      spine: { dataset: 'd', revision: 1, versionId: 'v', commitSeq: 1 },
      views: [],
      asOf: 10 * DAY,
      split: splitBounds(model, 10 * DAY, 0),
      champion: null,
      aliasRevision: 0,
      knowledge: 'declared',
    };
    const segments = [{ table: await segmentOf(replaced), commitSeq: 1, commitKnownTs: 0 }];
    const { inputs } = modelInputs(model, DATASET, []);
    const input = { snapshot, dataset: DATASET, segments, viewChunks: [], inputs, uses: [] };
    return buildTrainingDataset(input, bench.context);
  }

  const rowsOf = (part: ArtifactRef): Promise<ModelRows> => readModelRows(bench.context, part, ['amount']);
  const label = (expression: string) => ({ label: { expression, availableAfter: '0s' } });

  it('names the classes of the training part by code unit, and labels are their positions', async () => {
    const dataset = await build({ task: 'multiclass', ...label('kind') });
    expect(dataset.classes).toEqual(['blue', 'red', 'Ünder']);
    const { labels } = await rowsOf(dataset.holdout);
    // The holdout begins with row 700, and 700 mod 3 is 1: blue, Ünder, red.
    expect([...labels.subarray(0, 4)]).toEqual([0, 2, 1, 0]);
    expect(dataset).toMatchObject({ trainRows: 600, holdoutRows: 300 });
  });

  it.each([
    ['grade', ['0', '1', '2']],
    ['late', ['false', 'true']],
    ['grade > 0', ['false', 'true']],
  ])('takes %s for classes as text', async (expression, classes) => {
    expect((await build({ task: 'multiclass', ...label(expression) })).classes).toEqual(classes);
  });

  it('keeps the value of a regression, and leaves out rows without a finite one', async () => {
    const infinite = `case when i % 200 = 0 then 'inf'::real else amount end as amount`;
    const dataset = await build(
      { task: 'regression', ...label('amount * 2'), features: [{ request: 'grade' }] },
      infinite,
    );
    // Rows 0, 200 and 400 in training, 800 in the holdout; row 600 is purged.
    expect(dataset).toMatchObject({ trainRows: 597, holdoutRows: 299, refused: { label: 4, weight: 0 }, classes: [] });
  });

  it('takes numbers that float32 does not hold for infinite ones, and no weights that vanish in it', async () => {
    const huge = `case i when 0 then 1e300 when 1 then -1e300 when 2 then 1e-60 else 1 end as amount`;
    const features = [{ request: 'amount' }];
    const dataset = await build({ task: 'binary', ...label('late'), features }, huge);
    const { columns } = await rowsOf(dataset.train);
    expect([...(columns['amount'] ?? [])].slice(0, 4)).toEqual([Infinity, -Infinity, 0, 1]);
    const weighed = await build({ task: 'binary', ...label('late'), weight: { expression: 'amount' } }, huge);
    expect(weighed.refused.weight).toBe(3);
    const numbers = await build({ task: 'regression', ...label('amount') }, huge);
    expect(numbers.refused.label).toBe(2);
  });

  it('drops rows of a class that training never saw while they are few', async () => {
    const rare = `case when i in (800, 801) then 'green' else kind end as kind`;
    const dataset = await build({ task: 'multiclass', ...label('kind') }, rare);
    expect(dataset).toMatchObject({ holdoutRows: 298, refused: { unknownClass: 2 } });
    const many = `case when i >= 990 then 'green' else kind end as kind`;
    await expect(build({ task: 'multiclass', ...label('kind') }, many)).rejects.toMatchObject({
      code: 'PRN_TRAINING_UNKNOWN_CLASS',
      message: expect.stringContaining('10 of 300 holdout rows have a class that no training row has, such as green'),
    });
  });

  it('weighs rows, and leaves out those with no weight above 0', async () => {
    const weight = { weight: { expression: 'amount' } };
    const odd = `case i when 1 then null when 2 then 'inf'::real when 3 then -1 else amount end as amount`;
    const dataset = await build({ task: 'binary', ...label('late'), ...weight }, odd);
    const { weights, rows } = await rowsOf(dataset.train);
    // Every seventh row weighs 0: 86 of the first 600 and 43 of the last 300; and three odd ones.
    expect(dataset.refused.weight).toBe(86 + 43 + 3);
    expect([rows, Math.min(...(weights ?? []))]).toEqual([511, 1]);
    expect((await rowsOf((await build({ task: 'binary', ...label('late') })).train)).weights).toBeUndefined();
  });

  it('puts whole groups on one side, the same ones when rows are added', async () => {
    const spec = { task: 'binary', ...label('late'), split: { group: 'customer', holdout: 0.3 } };
    const dataset = await build(spec);
    const [train, holdout] = [await rowsOf(dataset.train), await rowsOf(dataset.holdout)];
    const held = new Set(holdout.groups);
    expect(train.groups?.some((group) => held.has(group))).toBe(false);
    expect([train.rows, holdout.rows]).toEqual([34 * 20, 16 * 20]);
    const fewer = await build({ ...spec, split: { ...spec.split, from: '1970-01-06T00:00:00Z' } });
    expect(new Set((await rowsOf(fewer.holdout)).groups)).toEqual(held);
    // From Python's hashlib: int(md5(f"perennial.split|{len(k)}:{k}").hexdigest()[:8], 16) < round(0.3 * 2**32).
    expect([...held].toSorted().join(' ')).toBe('c0 c1 c11 c13 c15 c17 c18 c23 c30 c31 c32 c39 c41 c42 c43 c46');
  });

  it('draws each group once more where a search puts groups aside, by another hash', async () => {
    const spec = { task: 'binary', ...label('late'), split: { group: 'customer', holdout: 0.3 } };
    const plain = await build(spec);
    const columnsOf = async (part: ArtifactRef) => {
      const given = await readAvailableRows(bench.context, part, { names: ['amount'], optional: [':inner', 'amount'] });
      return Object.keys(given.columns);
    };
    expect(await columnsOf(plain.train)).toEqual(['amount']);
    const search = { trials: 1, over: { depth: [4] } };
    const { train } = await build({ ...spec, trainer: { kind: 'gbdt', search } });
    expect(await columnsOf(train)).toEqual(['amount', ':inner']);
    const rows = await readModelRows(bench.context, train, [':inner']);
    expect(rows.groups).toEqual((await rowsOf(plain.train)).groups);
    const draws = new Map<string, Set<number>>();
    for (const [row, group] of (rows.groups ?? []).entries())
      draws.set(group, (draws.get(group) ?? new Set()).add(Number(rows.columns[':inner']?.[row])));
    expect([...draws.values()].every(({ size }) => size === 1)).toBe(true);
    // From Python's hashlib: int(md5("perennial.split.inner|2:c3").hexdigest()[:8], 16) / 2**32.
    expect([...(draws.get('c3') ?? [])][0]).toBeCloseTo(0.053745664, 6);
    const aside = [...draws.values()].filter((values) => [...values].every((draw) => draw < 0.3)).length;
    expect(aside).toBeGreaterThan(draws.size * 0.15);
    expect(aside).toBeLessThan(draws.size * 0.45);
  });

  it('puts rows on a side by the hash of a key, and leaves out rows without one', async () => {
    const missing = `case when i % 100 = 0 then null else customer end as customer`;
    const split = { hash: ['customer', 'grade'], holdout: 0.5 };
    const dataset = await build({ task: 'binary', ...label('late'), split }, missing);
    expect(dataset.refused.splitKey).toBe(10);
    // Counted with Python's hashlib as above, over "perennial.split|3:c10|1:0" and the like.
    expect([dataset.trainRows, dataset.holdoutRows]).toEqual([463, 527]);
  });

  it('draws rows with the same key together for intervals, and single rows where no key repeats', async () => {
    const unitOf = async (hash: string[]) => {
      const split = { hash, holdout: 0.5 };
      const { train, holdout } = await build({ task: 'binary', ...label('late'), split });
      expect((await rowsOf(train)).groups).toBeUndefined();
      const rows = await rowsOf(holdout);
      const { blocks } = samplingUnit({ evaluation: EvaluationSpec.parse({}), split }, rows);
      return { ...blocks, keys: new Set(rows.groups).size, rows: rows.rows };
    };
    const repeated = await unitOf(['customer', 'grade']);
    // 50 customers, each in three grades.
    expect(repeated).toMatchObject({ kind: 'group', count: repeated.keys });
    expect(repeated.keys).toBeLessThan(150);
    const unique = await unitOf(['ts']);
    expect(unique).toMatchObject({ kind: 'row', count: unique.rows });
  });

  it.each<[string, object, string, string]>([
    ['a single class', { task: 'binary', ...label('grade >= 0') }, '', 'PRN_TRAINING_ONE_CLASS'],
    ['a single class of several', { task: 'multiclass', ...label('kind') }, `'red' as kind`, 'PRN_TRAINING_ONE_CLASS'],
    ['a constant target', { task: 'regression', ...label('amount * 0') }, '', 'PRN_TRAINING_CONSTANT_TARGET'],
    ['a binary label that is no outcome', { task: 'binary', ...label('amount / 7') }, '', 'PRN_TRAINING_INVALID_LABEL'],
    ['fractions for classes', { task: 'multiclass', ...label('amount / 7') }, '', 'PRN_TRAINING_INVALID_LABEL'],
    ['a time to predict', { task: 'regression', ...label('ts') }, '', 'PRN_EXPRESSION_INVALID'],
    ['a text to regress on', { task: 'regression', ...label('kind') }, '', 'PRN_EXPRESSION_INVALID'],
    [
      'an identifier for a class',
      { task: 'multiclass', ...label('kind') },
      `i::varchar as kind`,
      'PRN_TRAINING_UNKNOWN_CLASS',
    ],
    [
      'labels that are known only after the cut',
      { task: 'binary', label: { expression: 'late', availableAfter: '30d' } },
      '',
      'PRN_TRAINING_NO_ROWS',
    ],
    [
      'no weight above 0',
      { task: 'binary', ...label('late'), weight: { expression: '0 - amount' } },
      '',
      'PRN_TRAINING_NO_ROWS',
    ],
    ['no label at all', { task: 'multiclass', ...label('kind') }, `null::varchar as kind`, 'PRN_TRAINING_NO_ROWS'],
  ])('refuses %s', async (...[, spec, replaced, code]) => {
    await expect(build(spec, replaced)).rejects.toMatchObject({ code });
  });

  it('says how an empty part came to be empty', async () => {
    const spec = { task: 'binary', ...label('late'), weight: { expression: 'amount * 0' } };
    await expect(build(spec)).rejects.toThrow(
      '600 of them known at 1970-01-11T00:00:00.000Z, 600 of the 600 labelled ones on this side refused for their weight',
    );
  });

  it('refuses an identifier as a feature', async () => {
    await bench.context.tables.use(async (session) => {
      const relation = (rows: number, texts: number): string =>
        `(select 'id-' || (i % ${texts}) as id, 'x' as other from range(${rows}) t(i))`;
      const inputs = ['id', 'other'].map((name) => ({ name, datatype: 'BYTES' as const }));
      await requireCategories(session, relation(1_500_000, 500_000), inputs);
      await expect(requireCategories(session, relation(1_500_000, 1_500_000), inputs)).rejects.toMatchObject({
        code: 'PRN_TRAINING_TOO_MANY_CATEGORIES',
        details: { input: 'id' },
      });
    });
  });

  it('refuses more classes than a model may have', async () => {
    await bench.context.tables.use(async (session) => {
      await session.execute('create temp table labels as select i::varchar as label from range(1001) t(i)');
      await expect(classesOf(session, 'labels', 'multiclass')).rejects.toMatchObject({
        code: 'PRN_TRAINING_TOO_MANY_CLASSES',
      });
    });
  });
});
