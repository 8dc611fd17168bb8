import { describe, expect, it } from 'vitest';
import { LinearParameters } from '../../../../domain/trainer-parameters.js';
import type { Coefficient } from '../../../../ml/training/linear/linear-model.js';
import { trainLinear } from '../../../../ml/training/linear/trainer.js';
import { readData, RECORDED } from '../../../reference/reference.js';

/** Relative to the expected value. */
function relative(actual: number | null | undefined, expected: number): number {
  return Math.abs(((actual ?? Number.NaN) - expected) / expected);
}

/**
 * Longley's data and the certified values of the NIST Statistical Reference Datasets (Linear Regression, Longley):
 * employment by prices, product, unemployed, armed forces, population and year.
 */
const LONGLEY = [
  [60_323, 83.0, 234_289, 2_356, 1_590, 107_608, 1947],
  [61_122, 88.5, 259_426, 2_325, 1_456, 108_632, 1948],
  [60_171, 88.2, 258_054, 3_682, 1_616, 109_773, 1949],
  [61_187, 89.5, 284_599, 3_351, 1_650, 110_929, 1950],
  [63_221, 96.2, 328_975, 2_099, 3_099, 112_075, 1951],
  [63_639, 98.1, 346_999, 1_932, 3_594, 113_270, 1952],
  [64_989, 99.0, 365_385, 1_870, 3_547, 115_094, 1953],
  [63_761, 100.0, 363_112, 3_578, 3_350, 116_219, 1954],
  [66_019, 101.2, 397_469, 2_904, 3_048, 117_388, 1955],
  [67_857, 104.6, 419_180, 2_822, 2_857, 118_734, 1956],
  [68_169, 108.4, 442_769, 2_936, 2_798, 120_445, 1957],
  [66_513, 110.8, 444_546, 4_681, 2_637, 121_950, 1958],
  [68_655, 112.6, 482_704, 3_813, 2_552, 123_366, 1959],
  [69_564, 114.2, 502_601, 3_931, 2_514, 125_368, 1960],
  [69_331, 115.7, 518_173, 4_806, 2_572, 127_852, 1961],
  [70_551, 116.9, 554_894, 4_007, 2_827, 130_081, 1962],
] as const;
const CERTIFIED: readonly (readonly [estimate: number, standardError: number])[] = [
  [-3_482_258.634_595_82, 890_420.383_607_373],
  [15.061_872_271_373_3, 84.914_925_774_766_9],
  [-0.035_819_179_292_591_0, 0.033_491_007_772_243_2],
  [-2.020_229_803_816_83, 0.488_399_681_651_699],
  [-1.033_226_867_173_59, 0.214_274_163_161_675],
  [-0.051_104_105_653_580_7, 0.226_073_200_069_37],
  [1_829.151_464_613_55, 455.478_499_142_212],
];

describe('least squares', () => {
  it('reproduces the certified coefficients and standard errors of Longley', () => {
    const { coefficients } = trainLinear({
      task: 'regression',
      outputs: 1,
      matrix: Float32Array.from(LONGLEY.flatMap(([, ...features]) => features)),
      rows: 16,
      columns: 6,
      labels: Float32Array.from(LONGLEY, ([label]) => label),
      parameters: LinearParameters.parse({ l2: 0 }),
    });
    // Prices are not exact in float32, and these data are known to blow such differences up.
    for (const [index, [estimate, standardError]] of CERTIFIED.entries()) {
      expect(relative(coefficients[index]?.estimate, estimate)).toBeLessThan(1e-4);
      expect(relative(coefficients[index]?.standardError, standardError)).toBeLessThan(1e-4);
    }
    // t = −4.136 on 9 degrees of freedom: R prints 0.00253 for unemployed.
    expect(coefficients[3]?.pValue).toBeCloseTo(0.00253, 4);
  });

  it('agrees with the ridge of scikit-learn on diabetes', () => {
    const data = readData('diabetes');
    const model = trainLinear({ task: 'regression', outputs: 1, ...data, parameters: LinearParameters.parse({}) });
    const values = model.coefficients.filter(({ part }) => part === 'value');
    for (const [feature, expected] of RECORDED.linear.ridge.coefficients.entries()) {
      const deviation = deviationOf(data, feature);
      expect(relative((values[feature]?.estimate ?? 0) * deviation, expected)).toBeLessThan(1e-5);
      expect(
        relative((values[feature]?.standardError ?? 0) * deviation, RECORDED.linear.ridge.errors[feature] ?? 0),
      ).toBeLessThan(1e-5);
    }
  });

  it('gives columns that follow from others no coefficient of their own', () => {
    const matrix = Float32Array.from({ length: 60 }, (_unused, at) => {
      const row = Math.floor(at / 3);
      return [row, 2 * row + 1, 7][at % 3] ?? 0;
    });
    const labels = Float32Array.from({ length: 20 }, (_unused, row) => 3 * row + (row % 2));
    const parameters = LinearParameters.parse({ l2: 0 });
    const model = trainLinear({ task: 'regression', outputs: 1, matrix, rows: 20, columns: 3, labels, parameters });
    const byPart = (feature: number): Coefficient | undefined =>
      model.coefficients.find((each) => each.feature === feature);
    expect(byPart(0)?.standardError).toBeGreaterThan(0);
    expect(byPart(1)).toMatchObject({ estimate: 0, standardError: null, pValue: null });
    expect(byPart(2)).toBeUndefined();
  });

  it('puts the mean and a coefficient of its own in the place of missing values', () => {
    // Label: 10 + 2x where x is there, 50 where it is missing; the mean of x is 2.
    const matrix = Float32Array.of(1, 2, 3, NaN, 1, 2, 3, NaN);
    const labels = Float32Array.of(12, 14, 16, 50, 12, 14, 16, 50);
    const parameters = LinearParameters.parse({ l2: 0 });
    const model = trainLinear({ task: 'regression', outputs: 1, matrix, rows: 8, columns: 1, labels, parameters });
    expect(model.means[0]).toBe(2);
    expect(model.weights[0]).toBeCloseTo(2, 9);
    expect(model.intercepts[0]).toBeCloseTo(10, 9);
    expect(model.missing[0]).toBeCloseTo(36, 9);
  });

  it('gives every category but the most frequent one a coefficient', () => {
    const matrix = Float32Array.of(0, 0, 0, 1, 1, 2, 2, NaN);
    const labels = Float32Array.of(5, 5, 5, 8, 8, 1, 1, 6);
    const parameters = LinearParameters.parse({ l2: 0 });
    const input = { matrix, rows: 8, columns: 1, labels, parameters, categorical: [0] };
    const [category] = trainLinear({ task: 'regression', outputs: 1, ...input }).categories;
    expect([...(category?.codes ?? [])]).toEqual([1, 2]);
    expect(category?.weights[0]).toBeCloseTo(3, 9);
    expect(category?.weights[1]).toBeCloseTo(-4, 9);
    expect(category?.missing[0]).toBeCloseTo(1, 9);
  });
});

function deviationOf(
  { matrix, rows, columns }: { matrix: Float32Array; rows: number; columns: number },
  feature: number,
): number {
  const values = Array.from({ length: rows }, (_unused, row) => matrix[row * columns + feature] ?? 0);
  const mean = values.reduce((sum, value) => sum + value, 0) / rows;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / rows);
}
