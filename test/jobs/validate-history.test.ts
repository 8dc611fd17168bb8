import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getJson, putJson } from '../../store/contracts/json-artifacts.js';
import { prepareSegment } from '../../activities/jobs/prepare-segment.js';
import type { EarlierSegments, OtherDataset } from '../../activities/jobs/validate-source.js';
import { DatasetSpec, Segment } from '../../domain/dataset.js';
import { DatasetProfile, frameOf } from '../../domain/profile.js';
import { mergeProfiles } from '../../domain/profile-merge.js';
import { ValidationReport } from '../../domain/validation.js';
import { openValidationBench } from './validation-bench.js';

const COLUMNS = [
  { name: 't', type: 'timestamp' },
  { name: 'x', type: 'float' },
  { name: 's', type: 'string', nullable: true },
];

let bench: Awaited<ReturnType<typeof openValidationBench>>;
beforeAll(async () => {
  bench = await openValidationBench();
});
afterAll(() => bench.close());

/** `count` rows of values that repeat. */
function source(count: number, value: (row: number) => string): string {
  const rows = Array.from({ length: count }, (_unused, row) => `2001-01-01,${value(row)}`);
  return `t,x,s\n${rows.join('\n')}\n`;
}

async function earlier(...contents: string[]): Promise<EarlierSegments> {
  const profiles = [];
  let report = null;
  for (const content of contents) {
    const judged = await bench.judge(content, { columns: COLUMNS, eventTime: 't', expectations: RULES });
    profiles.push(await putJson(bench.artifacts, judged.profile));
    report = await putJson(bench.artifacts, judged.report);
  }
  if (report === null) throw new Error('no segment');
  return { profiles, report };
}

const RULES: object[] = [{ name: 'positive', expression: 'x > 0', action: 'warn' }];

async function ask(rule: object, content: string, context: { earlier?: EarlierSegments; others?: OtherDataset[] }) {
  const expectations = [...RULES, { name: 'asked', action: 'fail', ...rule }];
  const judged = await bench.judge(content, { columns: COLUMNS, eventTime: 't', expectations }, context);
  return judged.rule('asked');
}

const TEN = source(10, (row) => `${row},${'ab'[row % 2]}`);
const TWENTY = source(20, (row) => `${row % 10},${'ab'[row % 2]}`);
const MANY = source(200, (row) => `${row % 10},${'ab'[row % 2]}`);
const OTHER = source(100, (row) => `${9 - (row % 2)},a`);

describe('rules over changes', () => {
  it('compare with the segment before', async () => {
    const before = await earlier(TEN);
    const twice = await ask({ change: { statistic: 'rows', max: 1.5 } }, TWENTY, { earlier: before });
    expect(twice).toMatchObject({ verdict: 'failed', observed: 2, previous: 10, threshold: '<= 1.5' });
    expect(twice.suggestion).toEqual({ path: 'spec.expectations[asked].change.max', from: 1.5, to: 2 });
    const mean = { change: { statistic: 'mean', column: 'x', as: 'difference', min: 0, max: 4 } };
    expect(await ask(mean, OTHER, { earlier: before })).toMatchObject({
      verdict: 'passed',
      observed: 4,
      previous: 4.5,
    });
    expect(await ask(mean, OTHER, {})).toMatchObject({ verdict: 'no_evidence', observed: null });
  });

  it('know what is usual over several segments', async () => {
    const usual = { usual: { statistic: 'rows', deviations: 2 } };
    const steady = await earlier(...[10, 12, 14].map((rows) => source(rows, () => '1,a')));
    // Mean 12, sample standard deviation 2: 8 to 16.
    expect(
      await ask(
        usual,
        source(16, () => '1,a'),
        { earlier: steady },
      ),
    ).toMatchObject({ verdict: 'passed' });
    const many = await ask(
      usual,
      source(17, () => '1,a'),
      { earlier: steady },
    );
    expect(many).toMatchObject({ verdict: 'failed', observed: 17, threshold: '8 to 16, by the last 3 segments' });
    expect(many.suggestion).toMatchObject({ to: 2.5 });
    expect((await ask(usual, TEN, { earlier: await earlier(TEN, TEN) })).verdict).toBe('no_evidence');
  });

  it('foresee a season, and have no evidence before two of them', async () => {
    const seasonal = { seasonal: { statistic: 'rows', period: 2, errors: 2 } };
    const rowsOf = (rows: number) => source(rows, () => '1,a');
    const before = await earlier(...[10, 20, 12, 22, 15, 24].map(rowsOf));
    // By hand with the weights 0.3, 0.1 and 0.1: errors 0, 0, 1 and -0.33, their root mean square 0.52652, next 16.3511.
    const judged = async (rows: number) => ask(seasonal, rowsOf(rows), { earlier: before });
    const passed = await judged(17);
    const threshold = '15.2981 to 17.4041, foreseen from the last 6 segments';
    expect(passed).toMatchObject({ verdict: 'passed', previous: 24, threshold });
    // The mean of all segments would let 24 pass: it is usual for every second segment only.
    const failed = await judged(24);
    expect(failed).toMatchObject({ verdict: 'failed', observed: 24, threshold });
    expect(failed.suggestion).toMatchObject({ path: 'spec.expectations[asked].seasonal.errors', from: 2 });
    const short = await earlier(...[10, 20, 12].map(rowsOf));
    expect((await ask(seasonal, rowsOf(22), { earlier: short })).verdict).toBe('no_evidence');
  });

  it('measure distances of distributions and name what differs most', async () => {
    const before = await earlier(MANY);
    const linf = { distribution: { column: 's', distance: 'linf', max: 0.1 } };
    expect(await ask(linf, TEN, { earlier: before })).toMatchObject({ verdict: 'passed', observed: 0 });
    const differs = await ask(linf, OTHER, { earlier: before });
    expect(differs).toMatchObject({ verdict: 'failed', observed: 0.5 });
    expect(differs.mostDifferent).toBe('"a": 100.00 % here, 50.00 % in the reference');
    for (const distance of ['psi', 'js', 'ks', 'chi_square']) {
      const max = distance === 'ks' || distance === 'chi_square' ? {} : { max: 0.1 };
      const rule = { distribution: { column: 'x', distance, alpha: 0.05, ...max } };
      expect(await ask(rule, MANY, { earlier: before })).toMatchObject({
        verdict: 'passed',
        observed: expect.closeTo(0, 12) as number,
      });
      expect((await ask(rule, OTHER, { earlier: before })).verdict).toBe('failed');
    }
  });

  it('compare with all rows of the head where they ask for it', async () => {
    const rule = (against: string) => ({ distribution: { column: 's', distance: 'linf', max: 1, against } });
    const segments = await earlier(OTHER, TWENTY);
    expect((await ask(rule('previous'), OTHER, { earlier: segments })).observed).toBe(0.5);
    // 110 of 120 rows are `a`.
    expect((await ask(rule('head'), OTHER, { earlier: segments })).observed).toBeCloseTo(1 / 12, 12);
  });

  it('show the figure of the segment before with every rule', async () => {
    const judged = await bench.judge(
      OTHER,
      { columns: COLUMNS, eventTime: 't', expectations: RULES },
      { earlier: await earlier(TEN) },
    );
    expect(judged.rule('positive')).toMatchObject({ observed: 1, previous: 0.9 });
  });
});

describe('rules over other datasets', () => {
  async function airports(codes: readonly string[]): Promise<OtherDataset> {
    const spec = DatasetSpec.parse({
      columns: [
        { name: 'since', type: 'timestamp' },
        { name: 'code', type: 'string' },
        { name: 'gates', type: 'float' },
      ],
      eventTime: 'since',
      keys: ['code'],
      format: 'csv',
    });
    const rows = codes.map((code, row) => `1990-01-01,${code},${row + 1}`);
    const sourceUri = await bench.write('airports.csv', `since,code,gates\n${rows.join('\n')}\n`);
    const request = { dataset: 'airports', revision: 1, spec, sourceUri, sourceFolders: [bench.landing] };
    const prepared = await prepareSegment(request, bench.context);
    if (prepared.outcome !== 'accepted') throw new Error('refused');
    const { table } = await getJson(bench.artifacts, prepared.segment, Segment);
    return { dataset: 'airports', spec, segments: [{ table, commitSeq: 1, commitKnownTs: 1 }] };
  }

  it('find rows without a counterpart, and set them aside', async () => {
    const others = [await airports(['a', 'z'])];
    const rule = { references: { columns: ['s'], dataset: 'airports', to: ['code'] }, action: 'drop' };
    const content = source(4, (row) => `1,${['a', 'b', 'z', ''][row]}`);
    const result = await ask(rule, content, { others });
    expect(result).toMatchObject({ level: 'row', verdict: 'quarantined', failing: 1, offenders: [{ row: 2 }] });
    expect(result.samples).toEqual([{ value: 'b', count: 1 }]);
    expect((await ask(rule, content, {})).verdict).toBe('no_evidence');
  });

  it('match rows and aggregates', async () => {
    const others = [await airports(['a', 'b', 'c'])];
    const rows = { rowsMatch: { dataset: 'airports', tolerance: 0.5 } };
    expect(
      await ask(
        rows,
        source(4, () => '1,a'),
        { others },
      ),
    ).toMatchObject({ verdict: 'passed', observed: 4 });
    expect(
      await ask(
        rows,
        source(5, () => '1,a'),
        { others },
      ),
    ).toMatchObject({ verdict: 'failed', observed: 5 });
    const sum = { aggregateMatch: { column: 'x', statistic: 'sum', dataset: 'airports', of: 'gates' } };
    expect(
      await ask(
        sum,
        source(3, () => '2,a'),
        { others },
      ),
    ).toMatchObject({ verdict: 'passed', observed: 6 });
    const off = await ask(
      sum,
      source(4, () => '2,a'),
      { others },
    );
    expect(off).toMatchObject({ verdict: 'failed', observed: 8, threshold: '6 of airports, ± 0 %' });
  });
});

describe('profiles of segments', () => {
  it('take their edges from the segments before, so that a version is profiled by adding up', async () => {
    const spec = { columns: COLUMNS, eventTime: 't', expectations: [] };
    const value = (row: number): string => `${(row * 7919) % 1_000},k${row % 7}`;
    const [left, right] = [source(500, value), source(300, (row) => value(row + 500))];
    const first = await bench.judge(left, spec);
    const report = await putJson(bench.artifacts, first.report);
    const profiles = [await putJson(bench.artifacts, first.profile)];
    const second = await bench.judge(right, spec, { earlier: { profiles, report } });
    const frames = (profile: DatasetProfile) => profile.columns.map((column) => frameOf(column).edges);
    expect(frames(second.profile)).toEqual(frames(first.profile));
    const whole = await bench.judge(`${left}${right.replace('t,x,s\n', '')}`, spec, { earlier: { profiles, report } });
    expect(mergeProfiles(first.profile, second.profile)).toEqual(whole.profile);
    expect(DatasetProfile.parse(whole.profile).rows).toBe(800);
  });

  it('are the same for any number of threads, and reports too', async () => {
    const single = await openValidationBench(1);
    const rules = [
      { name: 'mean', aggregate: { column: 'x', statistic: 'mean', max: 0 }, action: 'warn' },
      { name: 'median', aggregate: { column: 'x', statistic: 'median', max: 0 }, action: 'warn' },
      { name: 'entropy', aggregate: { column: 's', statistic: 'entropy', max: 0 }, action: 'warn' },
      { name: 'tied', dependence: { columns: ['x', 's'], statistic: 'mutual_information', max: 0 }, action: 'warn' },
      { name: 'once', unique: ['x'], action: 'warn' },
      { name: 'small', range: { column: 'x', max: 0.5 }, action: 'drop' },
    ];
    const spec = { columns: COLUMNS, eventTime: 't', expectations: rules, knowledge: { from: 'event', delay: '1h' } };
    // More rows than one row group, so that two threads share them.
    const content = source(300_000, (row) => `${((row * 7919) % 100_003) / 150_000},k${row % 4_001}`);
    const [one, two] = [await single.judge(content, spec), await bench.judge(content, spec)];
    await single.close();
    expect(two.report).toEqual(one.report);
    expect(two.profile).toEqual(one.profile);
    expect(ValidationReport.parse(two.report).rules.filter(({ verdict }) => verdict !== 'passed')).toHaveLength(6);
    expect(two.rule('small').offenders[0]).toEqual({ row: 11, key: '{"t":"2001-01-01 00:00:00"}' });
  });
});
