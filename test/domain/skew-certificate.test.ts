import { describe, expect, it } from 'vitest';
import type { FeaturePlan } from '../../domain/features.js';
import { type FeatureSkew, foreignTo, judgeSkew, planDigestOf } from '../../domain/skew-certificate.js';

const CORPORA = [
  { corpus: 'edge' as const, rows: 10 },
  { corpus: 'observed' as const, rows: 5 },
];

function feature(changes: Partial<FeatureSkew> = {}): FeatureSkew {
  return {
    feature: 'hour',
    expression: 'hour_of(at)',
    exactness: 'exact',
    limitUlp: 0,
    comparisons: 60,
    mismatches: 0,
    maxUlp: 0,
    firstMismatch: null,
    ...changes,
  };
}

describe('judgeSkew', () => {
  it('is valid where everything was compared and nothing differs by more than it may', () => {
    const bounded = feature({ exactness: 'bounded', limitUlp: 1, maxUlp: 1 });
    expect(judgeSkew({ corpora: CORPORA, features: [feature(), bounded] })).toEqual({ verdict: 'valid', problems: [] });
  });

  it('is invalid where nothing was compared', () => {
    expect(judgeSkew({ corpora: [], features: [] })).toEqual({
      verdict: 'invalid',
      problems: ['no edge rows were compared', 'no observed rows were compared', 'no feature was compared'],
    });
    const problems = ['hour was never compared'];
    expect(judgeSkew({ corpora: CORPORA, features: [feature({ comparisons: 0 })] })).toEqual({
      verdict: 'invalid',
      problems,
    });
  });

  it('names the feature, the row and both values, and which input serving looked up otherwise', () => {
    const firstMismatch = {
      corpus: 'observed' as const,
      row: 3,
      batchRows: 7,
      offline: '0.5',
      online: 'missing',
      about: { origin: '"ORD"' },
      offlineInputs: { rate: '0.5', at: '0' },
      onlineInputs: { rate: 'missing', at: '0' },
    };
    const { verdict, problems } = judgeSkew({
      corpora: CORPORA,
      features: [feature({ mismatches: 2, maxUlp: null, firstMismatch })],
    });
    expect([verdict, problems]).toEqual([
      'invalid',
      [
        'hour: 2 of 60 comparisons differ by more than 0 ulp; first observed row 3 in batches of 7: offline 0.5, ' +
          'online missing (origin "ORD", rate 0.5 (online missing), at 0)',
      ],
    ]);
  });
});

describe('foreignTo', () => {
  it('binds a certificate to the model, the graph and the feature plan', () => {
    const plan: FeaturePlan = { inputs: [], features: [{ name: 'hour', expression: 'hour_of(at)' }], encodings: [] };
    const graph = { uri: 'artifact://x', sha256: 'a'.repeat(64), bytes: 1, mediaType: 'x' };
    const bundle: Parameters<typeof foreignTo>[1] = { model: 'flight-delay', plan, graphs: [graph] };
    const own = { model: 'flight-delay', planDigest: planDigestOf(plan, String), graphSha256: graph.sha256 };
    expect([
      foreignTo(own, bundle, String),
      foreignTo({ ...own, model: 'other' }, bundle, String),
      foreignTo({ ...own, graphSha256: 'b'.repeat(64) }, bundle, String),
      foreignTo(own, { ...bundle, plan: { ...plan, features: [] } }, String),
    ]).toEqual([
      null,
      'it was made for model other',
      'it was made for graph bbbbbbbbbbbb',
      'it was made for feature plan {"encodings"',
    ]);
  });
});
