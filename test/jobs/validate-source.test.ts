import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openValidationBench } from './validation-bench.js';

const COLUMNS = [
  { name: 't', type: 'timestamp' },
  { name: 'x', type: 'float', nullable: true },
  { name: 'n', type: 'integer', nullable: true },
  { name: 's', type: 'string', nullable: true },
  { name: 'u', type: 'string', nullable: true },
  { name: 'b', type: 'boolean', nullable: true },
];
const ROWS = [
  '2001-01-01,1.5,1,ATL,2001-01-05,true',
  '2001-01-02,2.5,2,ORD,not a date,false',
  '2001-01-03,nan,3,ATL,2001-02-30,true',
  '2001-01-04,inf,4,DFW,,true',
  '2001-01-05,-7,5,LAXX,2001-01-01,',
  '2001-01-06,,,,,',
];
const SOURCE = `t,x,n,s,u,b\n${ROWS.join('\n')}\n`;
const NOW = Date.UTC(2001, 0, 8) * 1_000;

let bench: Awaited<ReturnType<typeof openValidationBench>>;
beforeAll(async () => {
  bench = await openValidationBench();
});
afterAll(() => bench.close());

/** Judges the six rows by one rule that only warns. */
async function ask(rule: object, options: { source?: string; receivedTs?: number; spec?: object } = {}) {
  const { source = SOURCE, spec = {}, ...extras } = options;
  const asked = { name: 'asked', action: 'warn', ...rule };
  const judged = await bench.judge(
    source,
    { columns: COLUMNS, eventTime: 't', expectations: [asked], ...spec },
    extras,
  );
  return judged.rule('asked');
}

describe('row rules', () => {
  // Failing rows of each rule, by their number. Row 4 is set aside by the schema (infinite is no float).
  const cases: [name: string, rule: object, rows: number[], samples: string[]][] = [
    ['expression', { expression: 'x >= 2' }, [1, 5], []],
    ['finite', { finite: { column: 'x' } }, [3, 4], ['inf', 'nan']],
    ['range', { range: { column: 'x', min: 0, max: 2 } }, [2, 5], ['-7', '2.5']],
    ['range, exclusive', { range: { column: 'n', min: 1, exclusive: true } }, [1], ['1']],
    ['values', { values: { column: 's', in: ['ATL', 'ORD'] } }, [4, 5], ['DFW', 'LAXX']],
    ['values of booleans', { values: { column: 'b', in: [true] } }, [2], ['false']],
    ['pattern', { pattern: { column: 's', matches: '^[A-Z]{3}$' } }, [5], ['LAXX']],
    ['length', { length: { column: 's', max: 3 } }, [5], ['LAXX']],
    ['dateFormat', { dateFormat: { column: 'u', format: '%Y-%m-%d' } }, [2, 3], ['2001-02-30', 'not a date']],
    ['json', { json: { column: 's' } }, [1, 2, 3, 4, 5], ['ATL', 'DFW', 'LAXX', 'ORD']],
    ['compare', { compare: { left: 'x', is: '<', right: 'n' } }, [1, 2], []],
    [
      'pairs',
      {
        pairs: {
          columns: ['s', 'n'],
          in: [
            ['ATL', 1],
            ['ORD', 2],
            ['ATL', 3],
          ],
        },
      },
      [4, 5],
      [],
    ],
    ['sumOf', { sumOf: { columns: ['x', 'n'], equals: 2.5, tolerance: 0.1 } }, [2, 5], []],
    ['differ', { differ: ['x', 'n'] }, [], []],
    ['notFuture', { notFuture: { skew: '1d' } }, [5, 6], ['2001-01-05', '2001-01-06']],
    ['knownAfter', { knownAfter: { atMost: '1d' } }, [1, 4, 5, 6], []],
  ];
  it.each(cases)('%s names the rows that fail', async (...[, rule, rows, samples]) => {
    const result = await ask(rule, { receivedTs: Date.UTC(2001, 0, 3) * 1_000 });
    expect(result.offenders.map(({ row }) => row)).toEqual(rows);
    expect(result).toMatchObject({ level: 'row', failing: rows.length, rows: 6, observed: 1 - rows.length / 6 });
    expect(result.verdict).toBe(rows.length === 0 ? 'passed' : 'warned');
    if (samples.length > 0) expect(result.samples.map(({ value }) => value).sort()).toEqual(samples);
  });

  it('finds values that stand twice in a row', async () => {
    const source = 't,x,n,s,u,b\n2001-01-01,1,1,A,A,\n2001-01-01,1,2,A,B,\n2001-01-01,1,2,,,\n';
    expect((await ask({ differ: ['s', 'u'] }, { source })).offenders.map(({ row }) => row)).toEqual([1]);
    expect((await ask({ differ: ['x', 'n'] }, { source })).offenders.map(({ row }) => row)).toEqual([1]);
  });

  it('looks into JSON', async () => {
    const columns = [COLUMNS[0], { name: 'j', type: 'string' }];
    const texts = ['{"a":{"b":"x"}}', '{"a":{"b":1}}', '{"a":', '[]'].map((text) => `"${text.replaceAll('"', '""')}"`);
    const source = `t,j\n${texts.map((text) => `2001-01-01,${text}`).join('\n')}\n`;
    const rule = { json: { column: 'j', members: { 'a.b': 'string' } } };
    const result = await ask(rule, { source, spec: { columns } });
    expect(result.offenders.map(({ row }) => row)).toEqual([2, 3, 4]);
    expect(result.threshold).toBe('JSON with a.b: string');
  });

  it('says what was seen, allowed and missing, and what would have passed', async () => {
    const result = await ask({ range: { column: 'x', min: 0 }, mostly: 0.9 });
    expect(result).toEqual({
      name: 'asked',
      ruleVersion: expect.stringMatching(/^[0-9a-f]{12}$/) as string,
      level: 'row',
      severity: 'warning',
      action: 'warn',
      verdict: 'warned',
      rows: 6,
      // NaN, infinity and nothing.
      missing: 3,
      failing: 1,
      failingPercent: expect.closeTo(100 / 6, 9) as number,
      failingPercentOfGiven: expect.closeTo(100 / 3, 9) as number,
      observed: 1 - 1 / 6,
      threshold: '>= 0, for >= 0.9 of the rows',
      samples: [{ value: '-7', count: 1 }],
      offenders: [{ row: 5, key: '{"t":"2001-01-05 00:00:00"}' }],
      query: 'select * from segment where coalesce(not ("x" >= \'0\'::double), false)',
      mostDifferent: null,
      previous: null,
      suggestion: { path: 'spec.expectations[asked].range.min', from: 0, to: -7 },
      message: 'asked: 1 of 6 rows (16.6667 %) fail, expected >= 0, for >= 0.9 of the rows, such as -7',
    });
  });

  it('judges only the rows that `where` chose, and lets a share of them fail', async () => {
    const rule = { expression: 'x < 2', where: "s == 'ATL' or s == 'ORD'" };
    expect(await ask(rule)).toMatchObject({ rows: 3, failing: 1, observed: 1 - 1 / 3, verdict: 'warned' });
    expect(await ask({ ...rule, mostly: 0.6 })).toMatchObject({ failing: 1, verdict: 'passed' });
  });

  it('drops, warns or refuses, and takes the worst severity of what is broken', async () => {
    const expectations = (action: string, more: object = {}) => [
      { name: 'asked', expression: 'x > 0', action, ...more },
      { name: 'told', expression: 'x > 0', action: 'warn', severity: 'info' },
    ];
    const judge = (action: string, more: object = {}) =>
      bench.judge(SOURCE, { columns: COLUMNS, eventTime: 't', expectations: expectations(action, more) });
    const dropped = await judge('drop');
    expect(dropped.rule('asked')).toMatchObject({ verdict: 'quarantined', failing: 1 });
    expect(dropped.report).toMatchObject({ outcome: 'accepted', quarantined: 2, severity: 'warning', failures: [] });
    expect(dropped.rule('asked').query).toContain("from quarantine where list_contains(failed_rules, 'asked')");
    expect((await judge('fail')).report).toMatchObject({ outcome: 'refused', severity: 'error' });
    // Set aside in any case; too many of them refuse the source as well.
    expect((await judge('drop', { mostly: 0.9 })).rule('asked').verdict).toBe('failed');
    expect((await judge('warn', { severity: 'info', mostly: 1 })).rule('asked').severity).toBe('info');
  });

  it('has no evidence for rules about the time of ingestion where nobody said it', async () => {
    for (const rule of [{ notFuture: {} }, { knownAfter: {} }, { freshness: { maxAge: '1h' } }])
      expect(await ask(rule)).toMatchObject({ verdict: 'no_evidence', observed: null });
  });
});

describe('batch rules', () => {
  // Of the five rows that the schema accepts: 1, 2, 3, 5, 6 with x = 1.5, 2.5, nothing, −7, nothing.
  const cases: [name: string, rule: object, passes: boolean, observed: unknown][] = [
    ['present, enough', { present: { column: 'x', minFraction: 0.6 } }, true, 0.6],
    ['present, too few', { present: { column: 'x', minFraction: 0.61 } }, false, 0.6],
    ['present, by count', { present: { column: 'x', minCount: 4 } }, false, 3],
    ['values, enough mass', { values: { column: 's', in: ['ATL', 'ORD'], minDomainMass: 0.75 } }, true, 0.75],
    ['values, too little mass', { values: { column: 's', in: ['ATL'], minDomainMass: 0.75 } }, false, 0.5],
    ['unique', { unique: ['s', 'n'] }, true, 1],
    ['unique, broken', { unique: ['s'] }, false, 0.8],
    ['unique, mostly', { unique: ['s'], mostly: 0.8 }, true, 0.8],
    ['duplicates', { duplicates: {} }, true, 1],
    ['distinctRatio', { distinctRatio: { column: 's', min: 0.75 } }, true, 0.75],
    ['distinctRatio, low', { distinctRatio: { column: 's', min: 0.8 } }, false, 0.75],
    ['rows', { rows: { min: 5, max: 5 } }, true, 5],
    ['rows, too few', { rows: { min: 6 } }, false, 5],
    ['mean', { aggregate: { column: 'x', statistic: 'mean', min: -1, max: -1 } }, true, -1],
    ['mean, low', { aggregate: { column: 'x', statistic: 'mean', min: 0 } }, false, -1],
    ['mean, chosen', { aggregate: { column: 'x', statistic: 'mean', min: 0 }, where: 'n <= 2' }, true, 2],
    ['median', { aggregate: { column: 'x', statistic: 'median', min: 1.5, max: 1.5 } }, true, 1.5],
    ['quantile', { aggregate: { column: 'x', statistic: 'quantile', q: 0.75, max: 1 } }, false, 2],
    // Distances of 1.5, 2.5 and −7 from −1: 6.25 + 12.25 + 36 = 54.5.
    ['stddev', { aggregate: { column: 'x', statistic: 'stddev', max: 5 } }, true, Math.sqrt(54.5 / 3)],
    ['sum', { aggregate: { column: 'x', statistic: 'sum', max: -3 } }, true, -3],
    ['min', { aggregate: { column: 'x', statistic: 'min', min: 0 } }, false, -7],
    ['max', { aggregate: { column: 'n', statistic: 'max', max: 5 } }, true, 5],
    // Of ATL, ATL, ORD, LAXX: ½ · 1 + 2 · ¼ · 2 = 1.5 bits.
    ['entropy', { aggregate: { column: 's', statistic: 'entropy', min: 1.6 } }, false, 1.5],
    ['nulls', { aggregate: { column: 'x', statistic: 'nulls', max: 0.4 } }, true, 0.4],
    ['distinct', { aggregate: { column: 's', statistic: 'distinct', max: 2 } }, false, 3],
    ['freshness', { freshness: { maxAge: '2d' } }, true, '172800s'],
    ['freshness, stale', { freshness: { maxAge: '1d' } }, false, '172800s'],
    ['monotone', { monotone: {} }, true, 1],
    ['monotone numbers', { monotone: { column: 'x' } }, false, 0.8],
    ['gaps', { gaps: { max: '1d' } }, false, '172800s'],
    ['sql', { sql: 'select s from source where n > 5' }, true, 1],
    [
      'sql, broken',
      { sql: 'select s, count(*) as times from source group by s having count(*) > 1 -- twice' },
      false,
      0.8,
    ],
    ['columns', { columns: 'ordered' }, true, 't, x, n, s, u, b'],
  ];
  it.each(cases)('%s', async (...[, rule, passes, observed]) => {
    const result = await ask(rule, { receivedTs: NOW });
    expect(result).toMatchObject({ level: 'batch', verdict: passes ? 'passed' : 'warned' });
    if (typeof observed === 'number') expect(result.observed).toBeCloseTo(observed, 9);
    else expect(result.observed).toBe(observed);
  });

  it('measures dependence of two columns', async () => {
    // y = 2x: correlation 1; four equal cells on the diagonal: log2 4 = 2 bits.
    const rows = Array.from({ length: 40 }, (_unused, i) => `2001-01-01,${i % 4},${(i % 4) * 2},k${i % 4},,`);
    const source = `t,x,n,s,u,b\n${rows.join('\n')}\n`;
    const dependence = (columns: string[], statistic: string) =>
      ask({ dependence: { columns, statistic, max: 0.5 } }, { source });
    expect((await dependence(['x', 'n'], 'correlation')).observed).toBeCloseTo(1, 12);
    expect((await dependence(['x', 's'], 'mutual_information')).observed).toBeCloseTo(2, 12);
    const plain = Array.from({ length: 40 }, (_unused, i) => `2001-01-01,${i % 2},${Math.floor(i / 2) % 2},,,`);
    const apart = await ask(
      { dependence: { columns: ['x', 'n'], statistic: 'correlation', min: 0.5 } },
      { source: `t,x,n,s,u,b\n${plain.join('\n')}\n` },
    );
    expect(apart.observed).toBeCloseTo(0, 12);
    expect(apart.suggestion).toMatchObject({ path: 'spec.expectations[asked].dependence.min', from: 0.5 });
  });

  it('names columns that the source has too many, and proposes them', async () => {
    const source = SOURCE.replace('t,x', 'extra,t,x').replaceAll('2001-01-0', 'e,2001-01-0').replaceAll(',e,', ',');
    const result = await ask({ columns: 'noExtra', action: 'fail' }, { source });
    expect(result).toMatchObject({ verdict: 'failed', suggestion: { path: 'spec.columns' } });
    expect(result.message).toContain('of which extra is not declared');
  });

  it('shows the rows behind what is broken', async () => {
    const unique = await ask({ unique: ['s'] });
    expect(unique).toMatchObject({ failing: 1, samples: [{ value: 'ATL', count: 1 }], offenders: [{ row: 3 }] });
    expect(unique.query).toBe(
      'select "s", count(*) as rows from segment where true group by "s" having count(*) > 1 order by rows desc',
    );
    const custom = await ask({ sql: 'select s, n from source where n >= 3 order by n' });
    expect(custom.samples.map(({ value }) => value)).toEqual(['{"s":"ATL","n":3}', '{"s":"LAXX","n":5}']);
  });
});

describe('rules that cannot be asked', () => {
  const problem = (rule: object, spec: object = {}) =>
    ask(rule, { spec }).then(
      () => 'asked',
      (error: unknown) => String(error),
    );
  it('name the nearest column', async () => {
    expect(await problem({ range: { column: 'xx', min: 0 } })).toMatch(/no column xx \(did you mean "x"\?\)/);
    expect(await problem({ expression: 'nn > 1' })).toMatch(/no column nn \(did you mean "n"\?\)/);
    expect(await problem({ unique: ['s'], where: 'xx > 1' })).toMatch(/no column xx \(did you mean "x"\?\)/);
    expect(await problem({ sql: 'select xx from source' })).toMatch(/"xx" not found.*Candidate bindings/s);
  });

  it('say which type they need', async () => {
    expect(await problem({ range: { column: 's', min: 0 } })).toMatch(
      /range needs a column of type float or integer, and s is string/,
    );
    expect(await problem({ pattern: { column: 'x', matches: '.' } })).toMatch(
      /pattern needs a column of type string, and x is float/,
    );
    expect(await problem({ values: { column: 'n', in: ['one'] } })).toMatch(/"one" is no integer, which n holds/);
    expect(await problem({ compare: { left: 's', is: '<', right: 'x' } })).toMatch(/s is string and x is float/);
    expect(await problem({ range: { column: 'x' } })).toMatch(/give min, max or both/);
    expect(await problem({ range: { column: 'x', min: 2, max: 1 } })).toMatch(/min is above max/);
  });

  it('are told from faults of the source', async () => {
    expect(await problem({ pattern: { column: 's', matches: '(' } })).toMatch(
      /spec.expectations asked: Invalid Input Error: missing \)/,
    );
    expect(await problem({ sql: "select * from read_csv('/etc/passwd')" })).toMatch(
      /it calls the table function read_csv/,
    );
    expect(await problem({ sql: 'drop table judged' })).toMatch(/it is not one SELECT/);
    expect(await problem({ sql: 'select * from judged' })).toMatch(/it reads judged; it may read source/);
  });
});
