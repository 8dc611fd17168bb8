import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FeaturePlan, ModelInput } from '../../../domain/features.js';
import { MISSING_TIME } from '../../../domain/time.js';
import { checkExpression, type ColumnTypes } from '../../../ml/features/expression/check.js';
import { evaluateNumber } from '../../../ml/features/expression/evaluate.js';
import { renderSql } from '../../../ml/features/expression/sql.js';
import { TrainerSpec } from '../../../domain/trainer.js';
import { checkFeatures, compilePrefix, fitEncodings } from '../../../ml/features/plan.js';
import { createSession } from '../../../ml/onnx/session.js';
import { encodeModel } from '../../../ml/onnx/writer.js';

const columns: ColumnTypes = { a: 'float', b: 'float', origin: 'string', departed_ts: 'timestamp' };
const inputs: ModelInput[] = [
  { name: 'a', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'a' } },
  { name: 'b', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'b' } },
  { name: 'origin', datatype: 'BYTES', nullable: false, source: { kind: 'request', column: 'origin' } },
  { name: 'departed_ts', datatype: 'INT64', nullable: false, source: { kind: 'request', column: 'departed_ts' } },
];

interface SampleRow {
  readonly a: number;
  readonly b: number;
  readonly origin: string;
  readonly departed_ts: number;
}

async function runPrefix(plan: FeaturePlan, rows: readonly SampleRow[]): Promise<Float32Array> {
  const session = await createSession(encodeModel(compilePrefix(plan)));
  try {
    const feeds = {
      a: Float32Array.from(rows, ({ a }) => a),
      b: Float32Array.from(rows, ({ b }) => b),
      origin: rows.map(({ origin }) => origin),
      departed_ts: BigInt64Array.from(rows, ({ departed_ts }) => BigInt(departed_ts)),
    };
    const { features } = await session.run(feeds, ['features']);
    if (!(features instanceof Float32Array)) throw new TypeError('features must be float32');
    return features;
  } finally {
    await session.release();
  }
}

const EXACT = [
  'a + b * 2 - 1.5',
  'a / b',
  '-a',
  'abs(a)',
  'floor(a) + ceil(b)',
  'sqrt(a)',
  'min(a, b)',
  'max(a, b)',
  'clip(a, -1, 1)',
  'coalesce(a, b)',
  'is_null(a)',
  'if(a > b and not is_null(a), a, b)',
  'a >= b or a != b',
  'a == b',
  "origin == 'ATL'",
  "origin != 'ATL'",
  "in(origin, 'ATL', 'ORD')",
  'hour_of(departed_ts)',
  'minute_of(departed_ts)',
  'weekday_of(departed_ts)',
  '3',
];

const value = fc.oneof(
  fc.float({ noDefaultInfinity: false }),
  fc.constantFrom(Number.NaN, 0, -0, 1, -1, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const sampleRow = fc.record({
  a: value,
  b: value,
  origin: fc.constantFrom('ATL', 'ORD', 'JFK', ''),
  departed_ts: fc.integer({ min: -4e15, max: 4e15 }),
});

describe('compiled expressions', () => {
  it.each([1, 7, 64])('equal plain evaluation bit for bit in batches of %i', async (batch) => {
    const plan: FeaturePlan = {
      inputs,
      features: EXACT.map((expression, index) => ({ name: `f${index}`, expression })),
      encodings: [],
    };
    const checked = EXACT.map((expression) => checkExpression(expression, columns));
    await fc.assert(
      fc.asyncProperty(fc.array(sampleRow, { minLength: batch, maxLength: batch }), async (rows) => {
        const features = await runPrefix(plan, rows);
        const expected = Float32Array.from(
          rows.flatMap((row) => checked.map(({ tree }) => evaluateNumber(tree, { ...row }))),
        );
        for (const [index, wanted] of expected.entries()) {
          const got = features[index] ?? Number.NaN;
          expect(
            Object.is(got, wanted) || (got === 0 && wanted === 0),
            `${EXACT[index % EXACT.length]}: got ${got}, expected ${wanted}`,
          ).toBe(true);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('know the parts of a time, before 1970 too', () => {
    const at = (expression: string, iso: string): number =>
      evaluateNumber(checkExpression(expression, columns).tree, { departed_ts: Date.parse(iso) * 1_000 });
    // 1 March 2001 was a Thursday, 31 December 1969 a Wednesday.
    expect([
      at('hour_of(departed_ts)', '2001-03-01T23:59:00Z'),
      at('weekday_of(departed_ts)', '2001-03-01T23:59:00Z'),
    ]).toEqual([23, 3]);
    expect([
      at('hour_of(departed_ts)', '1969-12-31T23:30:00Z'),
      at('weekday_of(departed_ts)', '1969-12-31T23:30:00Z'),
    ]).toEqual([23, 2]);
  });
});

describe('category encoding', () => {
  it('give no part of a missing time', async () => {
    const expressions = ['hour_of(departed_ts)', 'minute_of(departed_ts)', 'weekday_of(departed_ts)'];
    const features = expressions.map((expression, index) => ({ name: `f${index}`, expression }));
    const row = { a: 1, b: 1, origin: 'ATL', departed_ts: MISSING_TIME };
    expect(await runPrefix({ inputs, features, encodings: [] }, [row])).toEqual(new Float32Array(3).fill(Number.NaN));
    for (const expression of expressions)
      expect(evaluateNumber(checkExpression(expression, columns).tree, { ...row })).toBeNaN();
  });

  it('codes known texts by rank, missing as NaN, unseen as −1', async () => {
    const encodings = fitEncodings(inputs, { origin: ['ORD', 'ATL', 'ATL', ''] });
    expect(encodings).toEqual([{ input: 'origin', categories: ['ATL', 'ORD'] }]);
    const plan: FeaturePlan = { inputs, features: [{ name: 'origin', expression: 'origin' }], encodings };
    const row = { a: 0, b: 0, departed_ts: 0 };
    const features = await runPrefix(
      plan,
      ['ATL', 'ORD', '', 'JFK'].map((origin) => ({ ...row, origin })),
    );
    expect([...features]).toEqual([0, 1, Number.NaN, -1]);
  });
});

describe('checkExpression', () => {
  it.each([
    [
      'delai > 15',
      'Expression `delai > 15`, position 1: no column delai (did you mean "delay"?); there are delay, origin, at.',
    ],
    ['delay >', 'Expression `delay >`, position 8: expected a column, a number, a text or a function, got the end.'],
    ['delay > 15)', 'Expression `delay > 15)`, position 11: expected an operator or the end, got ")".'],
    ['hour(at)', 'Expression `hour(at)`, position 1: no function hour.'],
    ['hour_of(delay)', 'Expression `hour_of(delay)`, position 9: expected a timestamp here, got a number.'],
    ['min(delay)', 'Expression `min(delay)`, position 1: min takes 2 arguments: min(a, b).'],
    ["origin > 'A'", "Expression `origin > 'A'`, position 8: texts can only be compared with == and !=."],
    ['delay $ 1', 'Expression `delay $ 1`, position 7: unexpected "$".'],
    [
      `${'('.repeat(200)}delay`,
      `Expression \`${'('.repeat(200)}delay\`, position 101: it is nested deeper than 100 levels.`,
    ],
  ])('explains what is wrong with %j', (text, message) => {
    expect(() => checkExpression(text, { delay: 'float', origin: 'string', at: 'timestamp' })).toThrow(message);
  });

  it('binds arithmetic tighter than comparison, comparison tighter than not, and, or', () => {
    const checked = checkExpression("not a + 1 > 2 * b or origin == 'x' and a < 1", columns);
    expect(renderSql(checked)).toBe(
      `((not ((("a")::double + (1::double)::double) > ((2::double)::double * ("b")::double))) or (("origin" = 'x') and ("a" < 1::double)))`,
    );
  });
});

describe('checkFeatures', () => {
  it('keeps values whose last bits differ between machines away from trees, unless they lie on a grid', () => {
    const check = (expression: string, kind: 'gbdt' | 'linear') => (): void =>
      checkFeatures({ inputs, features: [{ name: 'f', expression }] }, { kind });
    expect(check('log(a)', 'gbdt')).toThrow('wrap it, such as quantize(log(a), 0.001)');
    expect(check('log(a)', 'linear')).not.toThrow();
    expect(check('quantize(log(a), 0.001)', 'gbdt')).not.toThrow();
    expect(check('departed_ts', 'gbdt')).toThrow('feature f is a time; take hour_of');
    expect(check('if(log(a) > 1, 1, 0)', 'linear')).toThrow('put it on a grid first, such as quantize(…, 0.001)');
  });
});

describe('checkFeatures of names', () => {
  const check = (name: string, trainer: Parameters<typeof checkFeatures>[1]) => (): void =>
    checkFeatures({ inputs, features: [{ name, expression: 'a' }] }, trainer);

  it('refuses those of other columns that a trainer elsewhere or a search is given', () => {
    const { search } = TrainerSpec.parse({ kind: 'linear', search: { trials: 3, over: { l2: [1, 2] } } });
    for (const trainer of [
      { kind: 'python' as const },
      { kind: 'command' as const },
      { kind: 'linear' as const, search },
    ])
      for (const name of ['label', 'event_ts'])
        expect(check(name, trainer)).toThrow(`can be called ${name}, which the data has already`);
    expect(check('label', { kind: 'linear' })).not.toThrow();
    expect(check('labels', { kind: 'python' })).not.toThrow();
  });
});

describe('renderSql', () => {
  it('lets no text or name out of its quotes', () => {
    const checked = checkExpression("origin == 'x''; drop table flights; --'", columns);
    expect(renderSql(checked)).toBe(`("origin" = 'x''; drop table flights; --')`);
  });
});
