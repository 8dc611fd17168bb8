import { describe, expect, it } from 'vitest';
import { inReadingOrder } from '../../../cli/ci/data.js';
import { renderJunit } from '../../../cli/ci/junit.js';
import { renderMarkdown } from '../../../cli/ci/markdown.js';
import { type CiReport, type DataVerdict, outcomeOf, overall, withoutPipeline } from '../../../cli/ci/report.js';
import { runCi } from '../../../cli/ci/run.js';
import { reportText } from '../../../cli/ci/text.js';
import { ApiError } from '../../../cli/client.js';
import { DatasetSpec } from '../../../domain/dataset.js';
import { unjudgedEvidence } from '../../../domain/evaluation.js';
import { judgeBound } from '../../../domain/gate-results.js';

const DETAILS = { uri: `artifact://sha256/${'0'.repeat(64)}`, sha256: '0'.repeat(64), bytes: 1, mediaType: 'x' };
const NASTY = 'a|b <i> & "q" `c` [x](y)\n@team';

const data: DataVerdict = {
  dataset: 'orders',
  outcome: 'passed',
  source: 'upload:1|`x`',
  ingestionId: 'i',
  rows: 10,
  quarantined: 1,
  rules: [],
  reasons: [],
};

function report(changes: Partial<CiReport> = {}): CiReport {
  const gate = judgeBound(
    { metric: 'roc_auc', min: 0.9 },
    { estimate: 0.7, lower: 0.6, upper: 0.8, rows: 100, blocks: 12, unit: 'day' },
  );
  const evidence = { ...unjudgedEvidence('binary', DETAILS), gates: [gate], outcome: 'rejected' as const };
  const refused = { ...withoutPipeline('risk', 'refused', NASTY), pipelineId: 'p1', evidence };
  const models = [refused, withoutPipeline('other', 'skipped', 'only applied')];
  return { codeRevision: 'abc', outcome: 'refused', reasons: [], applied: [], data: [data], models, ...changes };
}

describe('a report of CI', () => {
  it('weighs a refusal most, then what is undecided', () => {
    const of = (...outcomes: readonly CiReport['outcome'][]): string =>
      overall(outcomes.map((outcome) => ({ outcome })));
    expect([
      of(),
      of('skipped'),
      of('passed', 'started'),
      of('started', 'undecided'),
      of('undecided', 'refused'),
    ]).toEqual(['passed', 'passed', 'started', 'undecided', 'refused']);
  });

  it('judges a pipeline once its candidate is refused, or registered and checked', () => {
    expect(outcomeOf({ stage: 'staging_checks', outcome: 'running' })).toBeNull();
    expect(outcomeOf({ stage: 'awaiting_approval', outcome: 'running' })).toBe('passed');
    expect(outcomeOf({ stage: 'closed', outcome: 'superseded' })).toBe('passed');
    expect(outcomeOf({ stage: 'closed', outcome: 'rejected_by_gates' })).toBe('refused');
    expect(outcomeOf({ stage: 'closed', outcome: 'staging_failed' })).toBe('refused');
    expect(outcomeOf({ stage: 'closed', outcome: 'lost' })).toBe('undecided');
  });

  it('is JUnit XML with a suite for each dataset and model and a case for each gate, whatever texts hold', () => {
    const xml = renderJunit(report());
    expect(xml).toContain('<testsuites name="perennial ci abc" tests="4" failures="2" errors="0" skipped="1">');
    expect(xml).toContain('<testsuite name="model risk" tests="2" failures="2" errors="0" skipped="0">');
    expect(xml).toContain(
      '<failure message="a|b &lt;i&gt; &amp; &quot;q&quot; `c` [x](y)&#10;@team">code revision abc, pipeline p1, no version',
    );
    expect(xml).toContain('<testcase classname="model.risk" name="roc_auc within bounds">');
    expect(xml).toContain('observed 0.7 [0.6, 0.8] at 0.95, asked for 0.9; 100 rows, 12 blocks</failure>');
    expect(xml).toContain(
      '<testcase classname="model.other" name="candidate">\n      <skipped message="only applied">',
    );
  });

  it('is Markdown with every gate, its figures and reasons, whatever texts hold', () => {
    const markdown = renderMarkdown(report());
    expect(markdown).toContain(
      '## risk: refused by 1 of 1 gates that apply\n\n- a\\|b \\<i\\> & "q" \\`c\\` \\[x\\](y) \\@team\n',
    );
    expect(markdown).toContain('| roc\\_auc within bounds | **failed** | 0.7 | 0.6 | 0.8 | 0.9 | 100 | 12 |');
    expect(markdown).toContain("| orders | passed | `upload:1\\|'x'` | 10 | 1 | 0 |");
    expect(markdown).toContain('## Models that were not trained\n\n- other: only applied');
  });

  it('says of gates that passed what refused the candidate afterwards', () => {
    const [model] = report().models;
    if (model?.evidence == null) throw new Error('no evidence');
    const passed = {
      ...model,
      evidence: { ...model.evidence, gates: [], outcome: 'passed' as const },
      stage: 'closed',
    };
    expect(renderMarkdown(report({ models: [passed] }))).toContain('## risk: refused after it passed all 0 gates');
  });

  it('tells a document that the installation refused in every form, and decides nothing where it is away', async () => {
    const answering = (error: ApiError): Parameters<typeof runCi>[0] => {
      const refuse = (): Promise<never> => Promise.reject(error);
      const api = {
        get: refuse,
        post: refuse,
        put: refuse,
        send: refuse,
        receive: refuse,
        stream: refuse,
        delete: refuse,
        poll: refuse,
      };
      const patience = { deadlineMs: 0, everyMs: 1, awayMs: 0, signal: new AbortController().signal };
      return { api, codeRevision: 'abc', patience, stage: () => undefined };
    };
    const nothing = { documents: [], tables: [], wait: true };
    const refused = await runCi(answering(new ApiError(422, 'PRN_RESOURCE_REFERENCE', 'no such <view>')), nothing);
    expect([refused.outcome, refused.reasons]).toEqual(['refused', ['PRN_RESOURCE_REFERENCE: no such <view>']]);
    expect(renderJunit(refused)).toContain('<failure message="PRN_RESOURCE_REFERENCE: no such &lt;view&gt;">');
    expect(renderMarkdown(refused)).toContain('- PRN\\_RESOURCE\\_REFERENCE: no such \\<view\\>');
    expect(reportText(refused)).toContain('\n  PRN_RESOURCE_REFERENCE: no such <view>\n');
    const away = new ApiError(0, 'PRN_UNAVAILABLE', 'Nothing answers');
    await expect(runCi(answering(away), nothing)).rejects.toBe(away);
    const taking = answering(away);
    const applied = [{ kind: 'Entity', name: 'shop', revision: 1, change: 'created' }];
    const api = { ...taking.api, put: () => Promise.resolve({ applied }) };
    const passed = { outcome: 'passed', reasons: [], applied, data: [], models: [] };
    expect(await runCi({ ...taking, api }, nothing)).toEqual({ codeRevision: 'abc', ...passed });
  });

  it('is lines of text with pipelines and reasons', () => {
    expect(reportText(report({ models: [withoutPipeline('risk', 'undecided', 'stopped')] })).split('\n')).toEqual([
      'refused: code revision abc',
      'applied 0 resources: nothing new',
      'data orders: passed',
      'model risk: undecided',
      '  stopped',
    ]);
  });
});

describe('the order in which datasets are judged', () => {
  it('puts queries behind what they read', () => {
    const spec = (from: Record<string, string> | null): DatasetSpec =>
      DatasetSpec.parse({
        columns: [{ name: 'ts', type: 'timestamp' }],
        eventTime: 'ts',
        ...(from !== null && { query: { sql: 'select 1', from } }),
      });
    const datasets = [
      { dataset: 'c', spec: spec({ b: 'b' }), file: undefined },
      { dataset: 'b', spec: spec({ a: 'a', away: 'elsewhere' }), file: undefined },
      { dataset: 'a', spec: spec(null), file: undefined },
    ];
    expect(inReadingOrder(datasets).map(({ dataset }) => dataset)).toEqual(['a', 'b', 'c']);
  });
});
