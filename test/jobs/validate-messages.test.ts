import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openValidationBench } from './validation-bench.js';

describe('what a report tells people', () => {
  let bench: Awaited<ReturnType<typeof openValidationBench>>;
  beforeAll(async () => {
    bench = await openValidationBench();
  });
  afterAll(() => bench.close());

  const TIME = { name: 't', type: 'timestamp' };

  it('a refusal for too many quarantined rows said everything twice', async () => {
    const columns = [TIME, { name: 'n', type: 'integer' }];
    const spec = { columns, eventTime: 't', maxQuarantined: 0.1, expectations: [{ name: 'few', rows: { max: 1 }, action: 'warn' }] }; // prettier-ignore
    const { report } = await bench.judge('t,n\n2024-01-01,x\n2024-01-01,1\n2024-01-01,2\n', spec);
    expect(report.failures).toEqual([
      '1 of 3 rows would be quarantined, more than 10 %',
      'n-is-integer: 1 of 3 rows (33.3333 %) fail, expected an integer, such as x',
    ]);
    expect(report.warnings).toEqual(['few: rows 2, expected <= 1']);
  });

  it('a missing value was shown as the text nothing', async () => {
    const columns = [TIME, { name: 'x', type: 'float' }];
    const { rule } = await bench.judge('t,x\n2024-01-01,\n2024-01-01,NaN\n2024-01-01,\n', { columns, eventTime: 't', maxQuarantined: 1 }); // prettier-ignore
    expect(rule('x-is-given')).toMatchObject({
      failing: 3,
      samples: [{ value: 'NaN', count: 1 }],
      message: 'x-is-given: 3 of 3 rows (100 %) fail, expected a value, such as NaN',
    });
    const one = await bench.judge('t,x\n2024-01-01,\n2024-01-01,2\n', { columns, eventTime: 't' });
    expect(one.rule('x-is-given').message).toBe('x-is-given: 1 of 2 rows (50 %) fail, expected a value');
  });

  it('a value outside of a list ended the validation where its text is no JSON', async () => {
    const columns = [TIME, { name: 'n', type: 'integer' }, { name: 'b', type: 'boolean' }];
    const on = (column: string, listed: readonly (number | boolean)[]): object => {
      return { name: `${column}-listed`, values: { column, in: listed }, action: 'warn' };
    };
    const expectations = [on('n', [1]), on('b', [true]), on('t', [0])];
    const { rule } = await bench.judge('t,n,b\n2024-01-01,007,FALSE\n1970-01-01,1,true\n', { columns, eventTime: 't', expectations }); // prettier-ignore
    expect(rule('n-listed').suggestion).toEqual({ path: 'spec.expectations[n-listed].values.in', from: [1], to: [1, 7] }); // prettier-ignore
    expect(rule('b-listed').suggestion?.to).toEqual([true, false]);
    expect(rule('t-listed').suggestion).toEqual({ path: 'spec.expectations[t-listed].mostly', from: 1, to: 0.5 });
  });
});
