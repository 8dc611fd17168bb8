import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frameColumns, profileRelation } from '../../../activities/jobs/profile-relation.js';
import { ColumnProfile, frameOf, standardDeviation } from '../../../domain/profile.js';
import { mergeColumns } from '../../../domain/profile-merge.js';
import { profileNumbers, profileTexts } from '../../../ml/profile/profile-values.js';
import type { TableEngine } from '../../../store/contracts/tables.js';
import { openTableEngine } from '../../../store/tables/engine.js';

const NUMBER = { name: 'x', type: 'float' } as const;
const awkward = fc.oneof(
  fc.double({ noDefaultInfinity: true, noNaN: true, min: -1e6, max: 1e6 }),
  fc.integer({ min: -5, max: 5 }),
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0),
);

describe('profiles of numbers', () => {
  it('counts, moments and bins of small golden values', () => {
    // Worked by hand: 1, 2, 3, 4, 100 have mean 22 and squared distances 441 + 400 + 361 + 324 + 6084 = 7610.
    const profile = profileNumbers(NUMBER, [1, 2, 3, Number.NaN, 4, 100, Number.NEGATIVE_INFINITY]);
    expect(profile).toMatchObject({ count: 7, nulls: 1, nans: 1, infinities: 1, min: 1, max: 100, distinct: 5 });
    expect(profile.mean).toBeCloseTo(22, 12);
    expect(profile.m2).toBeCloseTo(7610, 9);
    expect(standardDeviation(profile)).toBeCloseTo(Math.sqrt(1522), 12);
    expect(profile.histogram).toEqual({ edges: [1, 2, 3, 4], counts: [1, 1, 1, 1, 1] });
  });

  it('keeps the spread of times, whose squares no double can hold', () => {
    const start = 983_440_000_000_000;
    const profile = profileNumbers({ name: 't', type: 'timestamp' }, [start, start + 10, start + 20]);
    expect(profile.mean).toBe(start + 10);
    expect(profile.m2).toBeCloseTo(200, 9);
  });

  it('merges to the profile of all rows, exactly under one frame, in any grouping', () => {
    const rows = fc.array(awkward, { maxLength: 40 });
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) => {
        const frame = frameOf(profileNumbers(NUMBER, [-1e6, 0, 3, 1e6]));
        const [p, q, r] = [a, b, c].map((values) => profileNumbers(NUMBER, values, frame));
        if (p === undefined || q === undefined || r === undefined) throw new Error('three profiles');
        const whole = profileNumbers(NUMBER, [...a, ...b, ...c], frame);
        expect(mergeColumns(mergeColumns(p, q), r)).toEqual(whole);
        expect(mergeColumns(p, mergeColumns(q, r))).toEqual(whole);
      }),
    );
  });

  it('merges different frames by Chan, and gives up the bins', () => {
    const [left, right] = [
      [1, 2, 3],
      [1_000, 2_000],
    ];
    const merged = mergeColumns(profileNumbers(NUMBER, left), profileNumbers(NUMBER, right));
    const whole = profileNumbers(NUMBER, [...left, ...right]);
    expect(merged.mean).toBeCloseTo(whole.mean ?? 0, 9);
    expect(merged.m2).toBeCloseTo(whole.m2 ?? 0, 5);
    expect(merged).toMatchObject({ exact: null, histogram: null, count: 5, min: 1, max: 2_000, distinct: 5 });
  });

  it('estimates distinct values within a few percent', () => {
    const many = Float64Array.from({ length: 100_000 }, (_unused, index) => index * 1.5);
    const { distinct } = profileNumbers(NUMBER, many);
    // Standard error of 1024 registers: 3.25 % (Flajolet et al. 2007); three of them.
    expect(Math.abs(distinct - 100_000)).toBeLessThan(9_750);
  });
});

describe('profiles of texts', () => {
  it('counts categories, lengths and what is missing', () => {
    expect(profileTexts('s', ['ATL', 'ORD', null, 'ATL', 'é🙂'])).toMatchObject({
      count: 5,
      nulls: 1,
      distinct: 3,
      categories: {
        values: [
          { value: 'ATL', count: 2 },
          { value: 'ORD', count: 1 },
          { value: 'é🙂', count: 1 },
        ],
        other: 0,
      },
      lengths: { counts: [0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 0] },
    });
  });

  it('merges to the profile of all rows in any grouping', () => {
    const rows = fc.array(fc.option(fc.oneof(fc.constantFrom('a', 'b', 'c'), fc.string())), { maxLength: 30 });
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) => {
        const [p, q, r] = [profileTexts('s', a), profileTexts('s', b), profileTexts('s', c)];
        const whole = profileTexts('s', [...a, ...b, ...c]);
        expect(mergeColumns(mergeColumns(p, q), r)).toEqual(whole);
        expect(mergeColumns(p, mergeColumns(q, r))).toEqual(whole);
      }),
    );
  });

  it('moves what is beyond the cap to other, and says so', () => {
    const many = Array.from({ length: 1_500 }, (_unused, index) => `v${String(index).padStart(4, '0')}`);
    const profile = profileTexts('s', [...many, 'v1499', 'v1499']);
    expect(profile.categories?.values).toHaveLength(1_000);
    expect(profile.categories?.values[0]).toEqual({ value: 'v1499', count: 3 });
    expect(profile.categories?.other).toBe(500);
    const frozen = profileTexts('s', ['v0000', 'new'], frameOf(profile));
    expect(frozen.categories).toMatchObject({ other: 1, frozen: true });
  });
});

describe('the same profile from a table', () => {
  let folder: string;
  let tables: TableEngine;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'perennial-test-'));
    await mkdir(join(folder, 'spill'));
    tables = await openTableEngine({ dataDirectories: [folder], spillDirectory: join(folder, 'spill'), threads: 2 });
  });
  afterAll(async () => {
    await tables.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function profileTable(select: string, type: ColumnProfile['type']) {
    return tables.use(async (session) => {
      await session.execute(`create or replace temp table probe as ${select}`);
      const [counted] = await session.rows('select count(*) as n from probe');
      const relation = { from: 'probe where true', rowNumber: 'rowid', rows: Number(counted?.['n']) };
      const isNumber = type === 'float';
      const column = {
        name: 'x',
        type,
        value: isNumber ? 'case when isfinite(x) then x end' : 'x',
        nan: isNumber ? 'isnan(x)' : 'false',
        infinite: isNumber ? 'isinf(x)' : 'false',
      };
      const framed = await frameColumns(session, relation, { columns: [column], given: {} });
      const [profile] = await profileRelation(session, relation, framed);
      const read = await session.columns(`select x from probe where x is not null`);
      return { profile: ColumnProfile.parse(profile), values: read.columns['x']?.values ?? [] };
    });
  }

  it('for floats with NaN, infinities, zeros and extremes', async () => {
    const { profile, values } = await profileTable(
      `select x::double as x from (select hash(i)::double / 1e15 - 3000 as x from range(5000) t(i) union all select unnest(['nan', 'inf', '-inf', '-0', '0', '1e12']::double[]))`,
      'float',
    );
    expect(profile).toEqual(profileNumbers(NUMBER, values as Float64Array));
    expect(profile).toMatchObject({ count: 5_006, nulls: 1, nans: 1, infinities: 2 });
  });

  it('for integers and times, and columns without any value', async () => {
    const times = await profileTable(
      `select 983440000000000 + (i * i % 7919) * 1000000 as x from range(3000) t(i)`,
      'timestamp',
    );
    expect(times.profile).toEqual(profileNumbers({ name: 'x', type: 'timestamp' }, times.values as Float64Array));
    const nothing = await profileTable(`select null::bigint as x from range(3)`, 'integer');
    expect(nothing.profile).toMatchObject({ count: 3, nulls: 3, min: null, mean: null, distinct: 0 });
  });

  it('for texts of any script, with and without all categories', async () => {
    const few = await profileTable(
      `select ['ATL', 'ÅÄÖ', '日本語 and more of it', ''][1 + i % 4] as x from range(999) t(i)`,
      'string',
    );
    expect(few.profile).toEqual(profileTexts('x', few.values as string[]));
    const many = await profileTable(
      `select 'value ' || (i % 4000) || case when i % 3 = 0 then repeat('é', 100 * (i % 7)) else '' end as x from range(9000) t(i)`,
      'string',
    );
    const frame = many.profile.categories?.values.map(({ value }) => value) ?? [];
    expect(many.profile).toEqual(
      profileTexts('x', many.values as string[], { edges: [], grid: null, categories: frame }),
    );
  });
});
