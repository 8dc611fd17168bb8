import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ModelInput } from '../../../domain/features.js';
import { mergeModelProfiles, ModelProfile } from '../../../domain/model-profile.js';
import { MISSING_TIME } from '../../../domain/time.js';
import { columnShift } from '../../../ml/profile/column-shift.js';
import { profileAgainst, type ProfiledRows, profileReference } from '../../../ml/profile/model-profile.js';

const INPUTS: readonly ModelInput[] = (
  [
    ['distance', 'FP32'],
    ['departed_ts', 'INT64'],
    ['origin', 'BYTES'],
    ['never_seen', 'FP32'],
  ] as const
).map(([name, datatype]) => ({ name, datatype, nullable: true, source: { kind: 'request', column: name } }));

interface Row {
  readonly distance: number;
  readonly departed: number;
  readonly origin: string;
  readonly probability: number;
}

function rowsOf(rows: readonly Row[], neverSeen = Number.NaN): ProfiledRows {
  return {
    inputs: [
      { name: 'distance', data: Float32Array.from(rows, ({ distance }) => distance) },
      { name: 'departed_ts', data: BigInt64Array.from(rows, ({ departed }) => BigInt(departed)) },
      { name: 'origin', data: rows.map(({ origin }) => origin) },
      { name: 'never_seen', data: Float32Array.from(rows, () => neverSeen) },
      { name: 'unknown to the model', data: Float32Array.from(rows, () => 1) },
    ],
    eventTs: rows.map(({ departed }) => departed),
    lags: rows.map(() => 2_000_000),
    predictions: Float32Array.from(rows, ({ probability }) => probability),
  };
}

const TRAINING = Array.from({ length: 200 }, (_unused, row): Row => {
  const origin = ['ATL', 'ORD', 'ORD', ''][row % 4] ?? '';
  return { distance: row % 50, departed: 1_000_000 + row, origin, probability: row / 200 };
});
const reference = profileReference({ ...rowsOf(TRAINING), lags: null }, INPUTS);

function shiftOf(name: string, rows: ProfiledRows): number | undefined {
  const [now, before] = [profileAgainst(rows, reference), reference].map(({ inputs }) =>
    inputs.columns.find((column) => column.name === name),
  );
  return now === undefined || before === undefined ? undefined : columnShift(now, before)?.psi;
}

describe('the reference of a model', () => {
  it('profiles every input by its type, and the predictions', () => {
    expect(ModelProfile.parse(reference)).toEqual(reference);
    const { rows, firstEventTs, lastEventTs, ingestLag, columns } = reference.inputs;
    expect({ rows, firstEventTs, lastEventTs, ingestLag }).toEqual({
      rows: 200,
      firstEventTs: 1_000_000,
      lastEventTs: 1_000_199,
      ingestLag: null,
    });
    expect(columns.map(({ name, type, nulls }) => [name, type, nulls])).toEqual([
      ['distance', 'float', 0],
      ['departed_ts', 'timestamp', 0],
      ['origin', 'string', 50],
      ['never_seen', 'float', 200],
    ]);
    // 0…49 four times each: deciles of the sorted rows, between neighbours where a position lies between them.
    expect(columns[0]?.histogram?.counts).toEqual(Array.from({ length: 10 }, () => 20));
    expect(columns[2]?.categories?.values).toEqual([
      { value: 'ORD', count: 100 },
      { value: 'ATL', count: 50 },
    ]);
    expect(columns[2]?.lengths?.counts.slice(0, 5)).toEqual([0, 0, 0, 150, 0]);
    expect(reference.prediction.histogram?.edges).toHaveLength(9);
  });
});

describe('profiles in the frames of a reference', () => {
  const row: fc.Arbitrary<Row> = fc.record({
    distance: fc.oneof(
      fc.float({ noDefaultInfinity: false }),
      fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 3.4e38, -0),
    ),
    departed: fc.oneof(fc.integer(), fc.constantFrom(MISSING_TIME, 9e15)),
    origin: fc.oneof(fc.constantFrom('ATL', '', 'LAX'), fc.string()),
    probability: fc.float({ min: 0, max: 1, noNaN: true }),
  });

  it('add to the profile of all rows, whatever outliers and new categories come, in any grouping', () => {
    const rows = fc.array(row, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) => {
        const [p, q, r] = [a, b, c].map((part) => profileAgainst(rowsOf(part, part.length), reference));
        if (p === undefined || q === undefined || r === undefined) throw new Error('three profiles');
        const abc = [...a, ...b, ...c];
        const whole = profileAgainst(
          {
            ...rowsOf(abc),
            inputs: [
              ...rowsOf(abc).inputs.slice(0, 3),
              { name: 'never_seen', data: [a, b, c].flatMap((part) => part.map(() => part.length)) },
            ],
          },
          reference,
        );
        expect(mergeModelProfiles(mergeModelProfiles(p, q), r)).toEqual(whole);
        expect(mergeModelProfiles(p, mergeModelProfiles(q, r))).toEqual(whole);
        expect(ModelProfile.parse(JSON.parse(JSON.stringify(whole)))).toEqual(whole);
      }),
    );
  });

  it('know missing values by their reserved marks, and leave out what the model does not read', () => {
    const none = { distance: Number.NaN, departed: MISSING_TIME, origin: '', probability: 0.5 };
    const { inputs } = profileAgainst(rowsOf([none]), reference);
    expect(inputs.columns.map(({ name, nulls, nans }) => [name, nulls, nans])).toEqual([
      ['distance', 1, 1],
      ['departed_ts', 1, 0],
      ['origin', 1, 0],
      ['never_seen', 1, 1],
    ]);
    expect(inputs.ingestLag?.counts[2]).toBe(1);
  });

  it('count a category that training never saw as one of the others', () => {
    const origins = ['ATL', 'LAX', 'SFO'].map((origin) => ({ distance: 1, departed: 1, origin, probability: 0 }));
    const { inputs } = profileAgainst(rowsOf(origins), reference);
    expect(inputs.columns[2]).toMatchObject({
      distinct: 3,
      categories: {
        values: [
          { value: 'ATL', count: 1 },
          { value: 'ORD', count: 0 },
        ],
        other: 2,
        frozen: true,
      },
    });
  });
});

describe('shift of a column', () => {
  it('is that of its bins, with missing and infinite values as bins of their own', () => {
    const rows = TRAINING.map((row, index) => ({ ...row, distance: index < 100 ? Number.NaN : row.distance }));
    // Ten bins of 20 against 10, and 0 against 100 missing; half a row more in each: 20.5, 10.5, 0.5, 100.5 of 205.5.
    const [p, q, a, b] = [20.5, 10.5, 0.5, 100.5].map((count) => count / 205.5) as [number, number, number, number];
    const expected = 10 * (p - q) * Math.log(p / q) + (a - b) * Math.log(a / b);
    expect(shiftOf('distance', rowsOf(rows))).toBeCloseTo(expected, 12);
    const infinite = TRAINING.map((row, index) => ({
      ...row,
      distance: index < 100 ? Number.NEGATIVE_INFINITY : row.distance,
    }));
    expect(shiftOf('distance', rowsOf(infinite))).toBeCloseTo(expected, 12);
  });

  it('of text compares categories, of which the unknown are one', () => {
    const rows = TRAINING.map((row) => ({ ...row, origin: row.origin === 'ATL' ? 'LAX' : row.origin }));
    // ATL 50 against 0, ORD alike, others 0 against 50, missing alike: four cells, half a row more in each, of 202.
    const [p, q] = [50.5 / 202, 0.5 / 202];
    expect(shiftOf('origin', rowsOf(rows))).toBeCloseTo(2 * (p - q) * Math.log(p / q), 12);
    expect(shiftOf('origin', rowsOf(TRAINING))).toBeCloseTo(0, 12);
  });

  it('is not measured without rows', () => {
    expect(shiftOf('distance', rowsOf([]))).toBeUndefined();
  });
});
