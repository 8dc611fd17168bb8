import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bundle, FrozenView } from '../../domain/bundle.js';
import { compileFeatureInputs } from '../../scoring/feature-plan.js';
import type { RequestColumn } from '../../scoring/request-columns.js';
import type { OnlineRow } from '../../store/contracts/features.js';

const VIEW: FrozenView = {
  view: 'origin-traffic',
  revision: 1,
  keys: [{ key: 'origin', type: 'string', request: 'origin' }],
  features: ['late_rate'],
  types: { late_rate: 'float' },
  maxAgeMicros: 100,
};
const BUNDLE: Pick<Bundle, 'plan' | 'views'> = {
  views: [VIEW],
  plan: {
    inputs: [
      { name: 'asked_ts', datatype: 'INT64', nullable: false, source: { kind: 'request', column: 'asked_ts' } },
      { name: 'carrier', datatype: 'BYTES', nullable: false, source: { kind: 'request', column: 'carrier' } },
      { name: 'distance', datatype: 'FP32', nullable: true, source: { kind: 'request', column: 'distance' } },
      {
        name: 'origin_traffic__late_rate',
        datatype: 'FP32',
        nullable: true,
        source: { kind: 'view', view: 'origin-traffic', feature: 'late_rate' },
      },
    ],
    features: [{ name: 'distance', expression: 'distance' }],
    encodings: [],
  },
};

function rowAt(eventTs: number): OnlineRow {
  return { key: '["ORD"]', values: { late_rate: 0.5 }, eventTs, knownTs: eventTs, seq: 1, deleted: false };
}

function requestOf(columns: readonly RequestColumn[]) {
  return { rows: columns[0]?.values.length ?? 0, columns: new Map(columns.map((column) => [column.name, column])) };
}

const COLUMNS: RequestColumn[] = [
  { name: 'asked_ts', datatype: 'INT64', values: [1_000, 1_050, 2_000] },
  { name: 'carrier', datatype: 'BYTES', values: ['AA', 'ÅÄ', ''] },
  { name: 'distance', datatype: 'FP32', values: Float32Array.of(1, Number.NaN, 3) },
];
const EVENT_TS = Float64Array.of(1_000, 1_050, 2_000);
const VIEWS = new Map([['origin-traffic/1/origin', [rowAt(950), null, rowAt(950)]]]);

describe('compileFeatureInputs', () => {
  const inputs = compileFeatureInputs(BUNDLE);

  it('assembles typed tensors from request and online rows', () => {
    const request = requestOf(COLUMNS);
    expect(inputs.assemble({ request, views: VIEWS, eventTs: EVENT_TS, rows: null })).toEqual({
      asked_ts: BigInt64Array.of(1_000n, 1_050n, 2_000n),
      carrier: ['AA', 'ÅÄ', ''],
      distance: Float32Array.of(1, Number.NaN, 3),
      // Present; unknown entity; older than 100 µs.
      origin_traffic__late_rate: Float32Array.of(0.5, Number.NaN, Number.NaN),
    });
  });

  it('needs no look-up where the request overrides the features', () => {
    const override: RequestColumn = {
      name: 'origin_traffic__late_rate',
      datatype: 'FP32',
      values: Float32Array.of(0.1, 0.2, Number.NaN),
    };
    const request = requestOf([...COLUMNS, override]);
    expect([inputs.viewsFor(request), inputs.viewsFor(requestOf(COLUMNS))]).toEqual([[], [VIEW]]);
    const feeds = inputs.assemble({ request, views: new Map(), eventTs: EVENT_TS, rows: null });
    expect(feeds['origin_traffic__late_rate']).toEqual(Float32Array.of(0.1, 0.2, Number.NaN));
  });

  it('assembles some rows as it assembles all of them', () => {
    const request = requestOf(COLUMNS);
    const all = inputs.assemble({ request, views: VIEWS, eventTs: EVENT_TS, rows: null });
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 2 }), { maxLength: 6 }), (rows) => {
        const some = inputs.assemble({ request, views: VIEWS, eventTs: EVENT_TS, rows });
        for (const [name, column] of Object.entries(some))
          expect(Array.from<unknown>(column)).toEqual(rows.map((row) => all[name]?.[row]));
      }),
    );
  });
});
