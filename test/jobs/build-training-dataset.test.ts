import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildTrainingDataset } from '../../activities/jobs/build-training-dataset.js';
import { frozenViewsOf, requestFieldsOf } from '../../activities/jobs/bundle-parts.js';
import { joinedViews, offlineInputsSql, sampleSpine, servedInputs } from '../../activities/jobs/observed-rows.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { Bundle } from '../../domain/bundle.js';
import { DatasetSpec } from '../../domain/dataset.js';
import { ModelSpec, viewUses } from '../../domain/model.js';
import { MICROS_PER_DAY as DAY, MISSING_TIME } from '../../domain/time.js';
import { TrainingSnapshot } from '../../domain/training.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { SKEW_ROW } from '../../ml/features/skew/matrix-sql.js';
import { modelInputs } from '../../ml/features/model-inputs.js';
import { type JobBench, openJobBench } from './training-fixture.js';

const DATASET = DatasetSpec.parse({
  columns: [
    { name: 'ts', type: 'timestamp' },
    { name: 'origin', type: 'integer' },
    { name: 'destination', type: 'integer' },
    { name: 'late', type: 'boolean' },
  ],
  eventTime: 'ts',
  knowledge: { from: 'event', delay: '0s' },
});

function specOf(features: unknown[]): ModelSpec {
  return ModelSpec.parse({
    task: 'binary',
    endpoint: 'delay',
    spine: { dataset: 'flights', keys: ['origin', 'destination'], eventTime: 'ts' },
    label: { expression: 'late', availableAfter: '0s' },
    features,
    split: { holdout: '2d' },
    trainer: { kind: 'gbdt' },
  });
}

const TWICE = [
  { view: 'airports', as: 'from', keys: { airport: 'origin' } },
  { view: 'airports', as: 'to', keys: { airport: 'destination' }, feature: 'rate' },
];

describe('a training dataset', () => {
  let bench: JobBench;
  let segment: ArtifactRef;
  let chunk: ArtifactRef;

  beforeAll(async () => {
    bench = await openJobBench();
    segment = await table(
      `select ts, 7 + (i % 2) as origin, 8 as destination, i % 3 = 0 as late, ts as __known_ts, i as __seq
       from (select i, (i * ${DAY})::bigint as ts from range(6) t(i))`,
    );
    // Airport 7 is known from day 1, closed from day 3 to 5; what is said of airport 8 on day 0 is known on day 4.
    chunk = await table(
      `select * from (values
        ('7', ${DAY}::bigint, ${DAY}::bigint, 1::bigint, false, 0.25::real, 'hub', ${DAY}::bigint, true),
        ('7', ${3 * DAY}, ${3 * DAY}, 2, true, null, null, null, null),
        ('7', ${5 * DAY}, ${5 * DAY}, 3, false, null, null, null, null),
        ('8', 0, ${4 * DAY}, 4, false, 0.75, 'spoke', 5, false),
        ('ORD', 0, 0, 5, false, 1, 'hub', 0, true)
      ) t(airport, event_ts, known_ts, seq, deleted, rate, kind, opened_ts, open)`,
    );
  });

  afterAll(() => bench.close());

  async function table(sql: string): Promise<ArtifactRef> {
    const path = await bench.context.artifacts.scratchPath('parquet');
    await bench.context.tables.use((session) =>
      session.execute(`copy (${sql}) to ${quoteText(path)} (format parquet)`),
    );
    return bench.context.artifacts.adopt(path, MEDIA_TYPES.parquet);
  }

  async function read(part: ArtifactRef): Promise<unknown[][]> {
    const path = quoteText(await bench.context.artifacts.localPath(part));
    const rows = await bench.context.tables.use((session) => session.rows(`select * from read_parquet(${path})`));
    return rows.map((row) => Object.values(row));
  }

  function snapshotOf(spec: ModelSpec): TrainingSnapshot {
    const features = ['rate', 'kind', 'opened_ts', 'open'].map((name) => ({ name, expression: name }));
    return TrainingSnapshot.parse({
      pipelineId: 'p1',
      model: 'delay',
      modelRevision: 1,
      spec,
      spine: { dataset: 'flights', revision: 1, versionId: 'v1', commitSeq: 1 },
      views: [
        {
          view: 'airports',
          revision: 1,
          spec: { dataset: 'airports', entity: 'airport', keys: { airport: 'code' }, features },
          entity: { keys: [{ name: 'airport', type: 'string' }] },
          types: { rate: 'float', kind: 'string', opened_ts: 'timestamp', open: 'boolean' },
          throughSeq: 1,
          datasetVersionId: 'v1',
        },
      ],
      asOf: 10 * DAY,
      split: { trainFrom: 0, trainTo: 4 * DAY, holdoutFrom: 4 * DAY, holdoutTo: 6 * DAY },
      champion: null,
      aliasRevision: 0,
      knowledge: 'declared',
    });
  }

  it('reads one view by two keys, every type of feature, no tombstones, and nothing before it was known', async () => {
    const snapshot = snapshotOf(specOf(TWICE));
    const plan = { ...modelInputs(snapshot.spec, DATASET, snapshot.views), encodings: [] };
    expect(plan.inputs.map(({ name, datatype }) => `${name} ${datatype}`)).toEqual([
      'from__rate FP32',
      'from__kind BYTES',
      'from__opened_ts INT64',
      'from__open FP32',
      'to__rate FP32',
    ]);
    const { train, holdout } = await buildTrainingDataset(
      {
        snapshot,
        dataset: DATASET,
        segments: [{ table: segment, commitSeq: 1, commitKnownTs: 0 }],
        viewChunks: [{ view: 'airports', chunks: [{ table: chunk, seq: 1 }] }],
        inputs: plan.inputs,
        uses: viewUses(snapshot.spec),
      },
      bench.context,
    );
    const missing = [null, '', MISSING_TIME, null];
    expect(await read(train)).toEqual([
      [0, 1, ...missing, null],
      [DAY, 0, ...missing, null],
      [2 * DAY, 0, 0.25, 'hub', DAY, 1, null],
      [3 * DAY, 1, ...missing, null],
    ]);
    expect(await read(holdout)).toEqual([
      [4 * DAY, 0, ...missing, 0.75],
      [5 * DAY, 0, 0.75, 'spoke', 5, 0, 0.75],
    ]);
    expect(frozenViewsOf(snapshot, plan)).toMatchObject([
      { view: 'airports', as: 'from', keys: [{ key: 'airport', type: 'string', request: 'origin' }] },
      {
        view: 'airports',
        as: 'to',
        keys: [{ key: 'airport', type: 'string', request: 'destination' }],
        types: { rate: 'float' },
      },
    ]);
  });

  it('is what serving looks up, also where keys have another type and two uses ask for one entity', async () => {
    // The aliases the other way round: the use that reads one feature comes last.
    for (const features of [TWICE, TWICE.toReversed()]) {
      const snapshot = snapshotOf(specOf(features));
      const plan = { ...modelInputs(snapshot.spec, DATASET, snapshot.views), encodings: [] };
      const views = frozenViewsOf(snapshot, plan);
      const bundle = Bundle.parse({
        bundleVersion: 2,
        model: 'delay',
        task: 'binary',
        classes: [],
        graphs: [segment],
        request: requestFieldsOf(snapshot, plan, views),
        eventTime: 'ts',
        views,
        plan,
        decisionThreshold: 0.5,
        goldenRows: segment,
        referenceProfile: segment,
      });
      const source = {
        snapshot,
        dataset: DATASET,
        segments: [{ table: segment, commitSeq: 1, commitKnownTs: 0 }],
        viewChunks: [{ view: 'airports', chunks: [{ table: chunk, seq: 1 }] }],
        bundle,
      };
      await bench.context.tables.use(async (session) => {
        const joins = await joinedViews(bench.context, source);
        await sampleSpine(session, bench.context, { source, views: joins, wanted: 100 });
        const offline = await session.columns(`select * from ${offlineInputsSql(plan, joins)} order by ${SKEW_ROW}`);
        const { rows, feeds } = await servedInputs(session, bundle, joins);
        expect(rows).toBe(6);
        for (const name of ['from__rate', 'from__kind', 'from__open', 'to__rate'])
          expect([name, Object.values(feeds[name] ?? [])]).toEqual([
            name,
            Object.values(offline.columns[name]?.values ?? []),
          ]);
        expect(Object.values(feeds['from__kind'] ?? []).filter((kind) => kind !== '')).toEqual(['hub', 'spoke']);
      });
    }
  });

  it('has the request as it was first made, and the label as it was restated', async () => {
    // Trip 1 is first known without a distance and with a wrong carrier; the label and corrections come on day 8.
    const commits = [
      `(1, 0, null, 'AA', null), (2, ${DAY}, 300, 'BB', false), (3, ${4 * DAY}, 500, 'BB', true),
       (4, ${2 * DAY}, 100, 'DD', false), (5, ${3 * DAY}, 200, 'DD', true)`,
      `(1, 0, 700, 'CC', true), (2, ${DAY}, 999, 'BB', true)`,
    ];
    const dataset = DatasetSpec.parse({
      columns: [
        { name: 'trip', type: 'integer' },
        { name: 'ts', type: 'timestamp' },
        { name: 'distance', type: 'float', nullable: true },
        { name: 'carrier', type: 'string' },
        { name: 'late', type: 'boolean', nullable: true },
      ],
      eventTime: 'ts',
      keys: ['trip'],
      knowledge: { from: 'event', delay: '0s' },
    });
    const segments = await Promise.all(
      commits.map(async (rows, index) => ({
        table: await table(
          `select trip::bigint as trip, ts::bigint as ts, distance::double as distance, carrier, late::boolean as late, ts::bigint as __known_ts, row_number() over () as __seq
           from (values ${rows}) t(trip, ts, distance, carrier, late)`,
        ),
        commitSeq: index + 1,
        commitKnownTs: index * 8 * DAY,
      })),
    );
    const features = [{ request: 'distance' }, { name: 'long', expression: 'distance > 400' }, { request: 'carrier' }];
    const spec = ModelSpec.parse({ ...specOf(features), spine: { dataset: 'trips', keys: ['trip'], eventTime: 'ts' } });
    const partsAt = async (asOf: number): Promise<unknown[][]> => {
      const snapshot = TrainingSnapshot.parse({ ...snapshotOf(spec), views: [], asOf });
      const { inputs } = modelInputs(spec, dataset, []);
      const parts = await buildTrainingDataset(
        { snapshot, dataset, segments, viewChunks: [], inputs, uses: [] },
        bench.context,
      );
      return read(parts.train);
    };
    const others = [
      [2 * DAY, 0, 100, 'DD'],
      [3 * DAY, 1, 200, 'DD'],
    ];
    expect(await partsAt(10 * DAY)).toEqual([[0, 1, null, 'AA'], [DAY, 1, 300, 'BB'], ...others]);
    // Before the restatements the first trip has no label, and the second that of then.
    expect(await partsAt(8 * DAY - 1)).toEqual([[DAY, 0, 300, 'BB'], ...others]);
  });

  it('takes no alias for two meanings', () => {
    const ambiguous = specOf([TWICE[0], { view: 'airports', as: 'from', keys: { airport: 'destination' } }]);
    expect(() => viewUses(ambiguous)).toThrow('from stands for two views, or for one view read by different keys');
  });
});
