import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { assembleRetrieval } from '../../activities/jobs/retrieval/assemble.js';
import { joinRetrievalView } from '../../activities/jobs/retrieval/join-view.js';
import { loadRetrievalSpine } from '../../activities/jobs/retrieval/load-spine.js';
import type { SpineOrigin } from '../../activities/jobs/retrieval/spine-rows.js';
import type { JobContext } from '../../activities/jobs/context.js';
import { type ArtifactRef, MEDIA_TYPES } from '../../domain/artifact.js';
import { isDomainError } from '../../domain/errors.js';
import { projectFeatures, RetrievalPlan, type RetrievalResult } from '../../domain/historical-retrieval.js';
import { parseIso } from '../../domain/time.js';
import { quoteText } from '../../ml/features/expression/sql.js';
import { openTableEngine } from '../../store/tables/engine.js';
import type { JoinedPart } from '../../workflows/contracts/historical-retrieval.js';
import { type JobBench, openJobBench } from './training-fixture.js';

const T = parseIso('2026-03-01T10:00:00Z');
const HOUR = 3_600_000_000;

let bench: JobBench;
let airports: ArtifactRef;
let weather: ArtifactRef;

beforeAll(async () => {
  bench = await openJobBench();
  airports = await chunk(
    'airport varchar, event_ts bigint, known_ts bigint, seq bigint, deleted boolean, rate real, hub varchar, opened_ts bigint',
    [
      `('1', ${T}, ${T}, 1, false, 0.25, 'yes', ${T - HOUR})`,
      `('12', ${T}, ${T + HOUR}, 2, false, 0.5, null, null)`,
      `('2', ${T + 500}, ${T + 500}, 3, false, 0.75, 'no', ${T})`,
      `('1', ${T + HOUR}, ${T + HOUR}, 4, true, null, null, null)`,
    ],
  );
  weather = await chunk('event_ts bigint, known_ts bigint, seq bigint, deleted boolean, wind double', [
    `(${T}, ${T}, 1, false, 3.5)`,
  ]);
});

afterAll(() => bench.close());

async function chunk(columns: string, rows: readonly string[]): Promise<ArtifactRef> {
  const { tables, artifacts } = bench.context;
  const path = await artifacts.scratchPath('parquet');
  await tables.use(async (session) => {
    await session.execute(`create or replace temp table chunk (${columns})`);
    await session.execute(`insert into chunk values ${rows.join(', ')}`);
    await session.execute(`copy chunk to ${quoteText(path)} (format parquet)`);
  });
  return artifacts.adopt(path, MEDIA_TYPES.parquet);
}

/** One view by airport, read for the origin and the destination, and one that holds for everybody. */
function planOf(changes: Partial<RetrievalPlan> = {}): RetrievalPlan {
  const airport = (as: string) => ({
    view: 'airports',
    as,
    revision: 1,
    keys: [{ key: 'airport', type: 'string', request: as }],
    features: ['rate', 'hub', 'opened_ts'],
    types: { rate: 'float', hub: 'string', opened_ts: 'timestamp' },
    maxAgeMicros: 2 * HOUR,
    throughSeq: 1,
    chunks: [airports],
  });
  return RetrievalPlan.parse({
    spine: { kind: 'rows' },
    timeColumn: 'asked_at',
    knowledge: 'as-known',
    service: null,
    views: [
      airport('origin'),
      airport('destination'),
      {
        view: 'weather',
        revision: 1,
        keys: [],
        features: ['wind'],
        types: { wind: 'double' },
        maxAgeMicros: null,
        throughSeq: 1,
        chunks: [weather],
      },
    ],
    features: [
      { kind: 'view', name: 'origin__rate', type: 'float', use: 0, feature: 'rate' },
      { kind: 'view', name: 'origin__hub', type: 'string', use: 0, feature: 'hub' },
      { kind: 'view', name: 'destination__rate', type: 'float', use: 1, feature: 'rate' },
      { kind: 'view', name: 'wind', type: 'double', use: 2, feature: 'wind' },
    ],
    fields: [],
    computed: null,
    ...changes,
  });
}

interface Answer {
  readonly result: RetrievalResult;
  readonly rows: Record<string, unknown>[];
}

async function retrieve(
  plan: RetrievalPlan,
  origin: SpineOrigin,
  { rowsPerPart = 1_000, context = bench.context }: { rowsPerPart?: number; context?: JobContext } = {},
): Promise<Answer> {
  const spine = await loadRetrievalSpine({ plan, origin }, context);
  const parts: JoinedPart[] = [];
  for (let fromRow = 1; fromRow <= spine.rows; fromRow += rowsPerPart)
    for (const [use, view] of plan.views.entries()) {
      const part = { view: use, fromRow, toRow: fromRow + rowsPerPart - 1 };
      parts.push(await joinRetrievalView({ view, knowledge: plan.knowledge, spine: spine.table, part }, context));
    }
  const result = await assembleRetrieval({ plan, planSha256: 'p', spine, parts }, context);
  const path = quoteText(await context.artifacts.localPath(result.table));
  return { result, rows: await context.tables.use((session) => session.rows(`select * from read_parquet(${path})`)) };
}

const row = (origin: unknown, destination: unknown, asked_at: unknown) => ({ origin, destination, asked_at, label: 0 });
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'nothing thrown',
    (error: unknown) => (isDomainError(error) ? `${error.code} ${error.message}` : String(error)),
  );

describe('a historical retrieval', () => {
  it('reads one view by two keys, keeps rows, their order and their own columns, and takes numbers for text keys', async () => {
    const rows = [
      { ...row(2, '1', '2026-03-01T10:00:00.000500Z'), label: 1 },
      row('1', 12, T),
      row('1', 12, T),
      row('12', null, T + HOUR),
      row('1', '2', '2026-03-01 12:30:00+02:00'),
      row('9', '2', null),
    ];
    const answer = await retrieve(planOf(), { kind: 'rows', rows });
    expect(Object.keys(answer.rows[0] ?? {})).toEqual([
      'origin',
      'destination',
      'asked_at',
      'label',
      'origin__rate',
      'origin__hub',
      'destination__rate',
      'wind',
    ]);
    expect(answer.rows.map((each) => Object.values(each))).toEqual([
      ['2', '1', '2026-03-01T10:00:00.000500Z', 1, 0.75, 'no', 0.25, 3.5],
      // Airport 12 is known an hour later only.
      ['1', '12', String(T), 0, 0.25, 'yes', null, 3.5],
      ['1', '12', String(T), 0, 0.25, 'yes', null, 3.5],
      ['12', null, String(T + HOUR), 0, 0.5, null, null, 3.5],
      ['1', '2', '2026-03-01 12:30:00+02:00', 0, 0.25, 'yes', 0.75, 3.5],
      ['9', '2', null, 0, null, null, null, null],
    ]);
    expect(answer.result.features).toEqual([
      { name: 'origin__rate', type: 'float', nulls: 1 },
      { name: 'origin__hub', type: 'string', nulls: 2 },
      { name: 'destination__rate', type: 'float', nulls: 4 },
      { name: 'wind', type: 'double', nulls: 1 },
    ]);
    expect(answer.result.unusable).toEqual([
      { column: 'asked_at', rows: 1 },
      { column: 'destination', rows: 1 },
    ]);
  });

  it('uses what became known later only where it is asked to leak', async () => {
    const origin: SpineOrigin = { kind: 'rows', rows: [row('12', '12', T)] };
    const [known] = (await retrieve(planOf(), origin)).rows;
    const [latest] = (await retrieve(planOf({ knowledge: 'latest' }), origin)).rows;
    expect([known?.['origin__rate'], latest?.['origin__rate']]).toEqual([null, 0.5]);
  });

  it('reads naive times of a file as UTC, on both sides of a change of clocks, to the microsecond', async () => {
    const path = join(bench.folder, 'spine.csv');
    // 01:30 came twice in Berlin on 25 October 2026; without an offset it is UTC.
    const lines = ['2026-10-25T02:30:00+02:00', '2026-10-25T02:30:00+01:00', '2026-10-25 00:30:00.000001'];
    await writeFile(path, ['origin,destination,asked_at', ...lines.map((time) => `A,B,${time}`)].join('\n'));
    const rows = lines.map((_line, index) => {
      const event = parseIso('2026-10-25T00:30:00Z') + (index === 1 ? HOUR : index === 2 ? 1 : 0);
      return `('A', ${event}, ${event}, ${index}, false, ${index}, null, null)`;
    });
    const columns =
      'airport varchar, event_ts bigint, known_ts bigint, seq bigint, deleted boolean, rate real, hub varchar, opened_ts bigint';
    const folds = await chunk(columns, rows);
    const plan = planOf();
    const views = plan.views.map((view) => (view.view === 'airports' ? { ...view, chunks: [folds] } : view));
    const request = { sourceUri: path, sourceFolders: [bench.folder] };
    const answer = await retrieve({ ...plan, views }, { kind: 'source', request });
    expect(answer.rows.map((each) => each['origin__rate'])).toEqual([0, 1, 2]);
  });

  it('gives the same bytes and id for any number of parts and threads', async () => {
    const rows = Array.from({ length: 300 }, (_row, index) =>
      row(String(index % 3), String((index * 7) % 14), T + (index % 9) * 250),
    );
    const one = await retrieve(planOf(), { kind: 'rows', rows });
    const directories = { dataDirectories: [bench.folder], spillDirectory: join(bench.folder, 'spill') };
    const tables = await openTableEngine({ ...directories, threads: 1 });
    try {
      const context = { ...bench.context, tables };
      const many = await retrieve(planOf(), { kind: 'rows', rows }, { rowsPerPart: 60, context });
      expect(many.result).toEqual(one.result);
    } finally {
      await tables.close();
    }
    expect(one.result.rows).toBe(300);
  });

  it('keeps a spine without rows as it is', async () => {
    const path = join(bench.folder, 'empty.csv');
    await writeFile(path, 'origin,destination,asked_at\n');
    const request = { sourceUri: path, sourceFolders: [bench.folder] };
    const { rows, features } = (await retrieve(planOf(), { kind: 'source', request })).result;
    expect([rows, features.map(({ nulls }) => nulls)]).toEqual([0, [0, 0, 0, 0]]);
  });

  it('computes features of features from joined and request columns by the graph of the model', async () => {
    const features = [
      { name: 'worse', expression: 'max(origin__rate, distance / 1000)' },
      { name: 'hour', expression: 'hour_of(origin__opened_ts)' },
      { name: 'is_hub', expression: "origin__hub == 'yes'" },
    ];
    const view = (feature: string, datatype: 'FP32' | 'BYTES' | 'INT64') => ({
      name: `origin__${feature}`,
      datatype,
      nullable: true,
      source: { kind: 'view' as const, view: 'airports', as: 'origin', feature },
    });
    const distance = { name: 'distance', datatype: 'FP32' as const, nullable: false };
    const plan = planOf({
      views: planOf().views.slice(0, 1),
      features: features.map(({ name }) => ({ kind: 'computed', name, type: 'float' })),
      fields: [distance],
      computed: {
        inputs: [
          view('rate', 'FP32'),
          view('hub', 'BYTES'),
          view('opened_ts', 'INT64'),
          { ...distance, source: { kind: 'request', column: 'distance' } },
        ],
        features,
        encodings: [],
      },
    });
    const rows = [
      { origin: '1', asked_at: T, distance: 500 },
      { origin: '9', asked_at: T, distance: '100' },
    ];
    const answer = await retrieve(plan, { kind: 'rows', rows });
    expect(answer.rows.map(({ worse, hour, is_hub }) => [worse, hour, is_hub])).toEqual([
      [0.5, 9, 1],
      [null, null, 0],
    ]);
    const missing = rows.map(({ origin, asked_at }) => ({ origin, asked_at }));
    expect(await codeOf(loadRetrievalSpine({ plan, origin: { kind: 'rows', rows: missing } }, bench.context))).toBe(
      'PRN_FEATURE_MISSING Request field distance is missing; the model needs distance as FP32.',
    );
  });

  it('names all keys that are missing, a time that is missing, and names that are taken', async () => {
    const load = (rows: Record<string, unknown>[]): Promise<string> =>
      codeOf(loadRetrievalSpine({ plan: planOf(), origin: { kind: 'rows', rows } }, bench.context));
    expect(await load([{ orign: 'A', asked_at: T }])).toBe(
      'PRN_FEATURE_KEYS_MISSING Entity keys origin (did you mean "orign"?), destination are missing; ' +
        'the features need origin, destination; the spine of the request has the columns orign, asked_at.',
    );
    expect(await load([{ origin: 'A', destination: 'B', askd_at: T }])).toContain(
      'PRN_SPINE_INVALID Spine of the request cannot be used: it has no column asked_at (did you mean "askd_at"?)',
    );
    expect(await load([{ origin: 'A', destination: 'B', asked_at: T, Wind: 1 }])).toContain(
      'its column wind has the name of a feature',
    );
  });

  it('joins keys of 32 bits from a file like those of any width', async () => {
    const orders = await chunk(
      'order_id bigint, event_ts bigint, known_ts bigint, seq bigint, deleted boolean, rate real',
      [`(7, ${T}, ${T}, 1, false, 0.25)`, `(8, ${T}, ${T}, 2, false, 0.5)`],
    );
    const { tables, artifacts } = bench.context;
    const path = await artifacts.scratchPath('parquet');
    const rows = `values (7::integer, ${T}), (8::integer, ${T}), (null, ${T})`;
    await tables.use((session) =>
      session.execute(`copy (select * from (${rows}) t(order_id, asked_at)) to ${quoteText(path)} (format parquet)`),
    );
    const plan = planOf({
      views: [
        {
          view: 'orders',
          revision: 1,
          keys: [{ key: 'order_id', type: 'integer', request: 'order_id' }],
          features: ['rate'],
          types: { rate: 'float' },
          maxAgeMicros: null,
          throughSeq: 1,
          chunks: [orders],
          withdraws: false,
        },
      ],
      features: [{ kind: 'view', name: 'rate', type: 'float', use: 0, feature: 'rate' }],
    });
    const request = { sourceUri: path, sourceFolders: [dirname(path)] };
    const { rows: answer } = await retrieve(plan, { kind: 'source', request });
    expect(answer.map((each) => [each['order_id'], each['rate']])).toEqual([
      [7, 0.25],
      [8, 0.5],
      [null, null],
    ]);
  });

  it('refuses keys that JSON has rounded to those of somebody else', async () => {
    // Sent as 1234567890123456789.
    const rounded = 1_234_567_890_123_456_800;
    const rows = [row('1', '2', T), row(rounded, '2', T)];
    expect(await codeOf(retrieve(planOf(), { kind: 'rows', rows }))).toContain(
      'PRN_SPINE_INVALID Spine of the request cannot be used: row 1: the key origin is a number beyond what JSON keeps exact; send it as text.',
    );
  });

  it('loses no column of the spine that begins like those of the join, but refuses it', async () => {
    for (const name of [':row', ':label'])
      expect(await codeOf(retrieve(planOf(), { kind: 'rows', rows: [{ ...row('1', '2', T), [name]: 1 }] }))).toContain(
        `PRN_SPINE_INVALID Spine of the request cannot be used: its column ${name} begins like those that the join adds`,
      );
  });
});

describe('a projection', () => {
  it('gives exactly what is asked, in the order asked, and names all that there is not', () => {
    const { features } = planOf();
    const names = (outputs: string[]): string[] => projectFeatures(features, outputs).map(({ name }) => name);
    expect([names(['wind']), names(['wind', 'origin__rate'])]).toEqual([['wind'], ['wind', 'origin__rate']]);
    expect(() => names(['wind', 'winds', 'rate'])).toThrow(
      'There are no features winds, rate to give; there are origin__rate, origin__hub, destination__rate, wind.',
    );
  });
});
