import { describe, expect, it } from 'vitest';
import { parseRunFilter, parseRunOrder } from '../../../domain/run-search/parse.js';
import { DomainError } from '../../../domain/errors.js';

/** Where and why a text is refused. */
function refusal(work: () => unknown): unknown[] {
  try {
    work();
  } catch (error) {
    if (error instanceof DomainError) return [error.code, error.details['position'], error.details['problem']];
    throw error;
  }
  return ['accepted'];
}

describe('the filter of a search for runs', () => {
  it('reads every kind of field, each with its quoting', () => {
    const filter =
      "metrics.rmse < 1e-3 AND metric.`cross entropy` >= -0.5 and params.\"max depth\" != '6' AND tags.mlflow.source.name LIKE '%train_' " +
      "AND attributes.status = 'FAILED' AND run_id IN ('a', 'b') AND start_time > 1664067852747 AND dataset.context ILIKE \"TRAIN%\"";
    expect(parseRunFilter(filter)).toEqual([
      { field: { kind: 'metric', key: 'rmse' }, operator: '<', value: 0.001 },
      { field: { kind: 'metric', key: 'cross entropy' }, operator: '>=', value: -0.5 },
      { field: { kind: 'param', key: 'max depth' }, operator: '!=', value: '6' },
      { field: { kind: 'tag', key: 'mlflow.source.name' }, operator: 'LIKE', value: '%train_' },
      { field: { kind: 'attribute', key: 'status' }, operator: '=', value: 'FAILED' },
      { field: { kind: 'attribute', key: 'run_id' }, operator: 'IN', value: ['a', 'b'] },
      { field: { kind: 'attribute', key: 'start_time' }, operator: '>', value: 1_664_067_852_747 },
      { field: { kind: 'dataset', key: 'context' }, operator: 'ILIKE', value: 'TRAIN%' },
    ]);
  });

  it('takes texts as they stand: other quotes, doubled quotes, words of the language, other scripts, nothing', () => {
    const filter = `params.a = "it's" AND params.b = 'it''s' AND params.c = 'x AND y' AND tags.\`größe AND 量\` = '' AND params.d NOT IN ('(', ',')`;
    expect(parseRunFilter(filter).map(({ field, value }) => [field.key, value])).toEqual([
      ['a', "it's"],
      ['b', "it's"],
      ['c', 'x AND y'],
      ['größe AND 量', ''],
      ['d', ['(', ',']],
    ]);
    expect(parseRunFilter('  ')).toEqual([]);
    expect(parseRunFilter("attributes.`Run name` = 'x' AND created > 5").map(({ field }) => field.key)).toEqual([
      'run_name',
      'start_time',
    ]);
  });

  it.each([
    ["metrics.a > '1'", 13, 'expected a number, since a is one'],
    ['params.a = 5', 12, 'expected a text in quotes'],
    ["params.a > 'x'", 10, 'expected = != LIKE ILIKE IN or NOT IN, got >'],
    ["metrics.a LIKE 'x'", 11, 'expected = != > >= < <=, got LIKE'],
    ["params.a = 'x' OR params.b = 'y'", 16, 'expected AND or the end (there is neither OR nor nesting), got OR'],
    ["(params.a = 'x')", 1, 'expected a field'],
    ["params.a = 'x' AND", 19, 'expected a field'],
    ["params.a = 'x", 12, 'a quote that nothing closes'],
    ["statuss = 'x'", 1, 'did you mean "status"?'],
    ["model.a = 'x'", 1, 'expected metrics., params., tags., attributes. or datasets.'],
    ["constructor.a = 'x'", 1, 'expected metrics., params.'],
    ["datasets.source = 'x'", 1, 'expected one of datasets.name'],
    ['run_id IN ()', 12, 'expected a text in quotes'],
    ["run_id IN ('a' 'b')", 16, 'expected , or )'],
    ["params.a LIKE 'x\0'", 17, 'a zero character, which no run has'],
    ['metrics.a > 1x', 13, 'expected a number'],
  ])('refuses %s and says where', (filter, position, problem) => {
    const [code, at, why] = refusal(() => parseRunFilter(filter));
    expect([code, at]).toEqual(['PRN_RUN_SEARCH_INVALID', position]);
    expect(why).toContain(problem);
  });

  it('bounds what it reads', () => {
    const many = Array.from({ length: 101 }, () => 'metrics.a > 1').join(' AND ');
    expect(refusal(() => parseRunFilter(many))[2]).toContain('at most 100 conditions');
    expect(refusal(() => parseRunFilter(`params.a = '${'x'.repeat(30_000)}'`))[2]).toContain('longer than 20000');
  });
});

describe('the order of a search for runs', () => {
  it('is ascending unless it says otherwise', () => {
    expect(['metrics.`a b` DESC', 'params.depth asc', 'start_time'].map(parseRunOrder)).toEqual([
      { field: { kind: 'metric', key: 'a b' }, descending: true },
      { field: { kind: 'param', key: 'depth' }, descending: false },
      { field: { kind: 'attribute', key: 'start_time' }, descending: false },
    ]);
  });

  it('names one field that a run has once', () => {
    expect(refusal(() => parseRunOrder('metrics.a DESC, metrics.b'))[2]).toContain('expected ASC, DESC or the end');
    expect(refusal(() => parseRunOrder('datasets.name'))[2]).toContain('a run may have several');
    expect(refusal(() => parseRunOrder(''))[2]).toContain('expected a field');
  });
});
