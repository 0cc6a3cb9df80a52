// Tables of sinusoidal positions, against PyTorch's.
import { describe, expect, it } from 'vitest';
import { sinusoidalFairseq, sinusoidalHalves } from '../../src/nn/sinusoidal';
import { expectWithin } from '../support/numbers';

const COLUMNS = [0, 1, 2, 3, 7, 15, 31, 32, 33, 40, 63];

// printed by transformers' get_embedding(1026, 64) and _init_weight of (1025, 64), in f32
const FAIRSEQ: [row: number, values: number[]][] = [
  [
    1,
    [
      0.841470957, 0.676473737, 0.52438736, 0.398712695, 0.124635942, 0.0116012925, 9.99999902e-5, 0.540302336,
      0.736466765, 0.995693326, 1,
    ],
  ],
  [
    500,
    [
      -0.467771798, 0.6990453, -0.446107924, -0.753143966, -0.344212204, -0.463914871, 0.0499791615, -0.883849263,
      0.7150774, -0.762800694, 0.998750269,
    ],
  ],
  [
    1025,
    [
      0.745173454, 0.955886722, 0.303793162, -0.571125269, 0.659661591, -0.624725163, 0.102320604, 0.666870654,
      0.293735653, 0.610019386, 0.994751453,
    ],
  ],
];
const HALVES: [row: number, values: number[]][] = [
  [
    1,
    [
      0.841470957, 0.681561351, 0.533168435, 0.40930891, 0.132957265, 0.0133348191, 0.000133352136, 0.540302277,
      0.731760979, 0.995004177, 1,
    ],
  ],
  [
    500,
    [
      -0.467771798, -0.890106559, -0.999998212, -0.353718758, -0.646223843, 0.375023246, 0.0666266754, -0.883849263,
      -0.455752492, 0.964965999, 0.997777998,
    ],
  ],
  [
    1023,
    [
      -0.916485369, 0.558991194, -0.355753392, -0.840025067, -0.971328974, 0.879853427, 0.135996506, 0.400068194,
      0.829173565, -0.196942896, 0.990709305,
    ],
  ],
];

describe.each([
  ["fairseq's", sinusoidalFairseq, FAIRSEQ, 1026, [0.420167029, 0.00129999954, 0.907446802, 0.999999166, 0]],
  ["Marian's", sinusoidalHalves, HALVES, 1025, [0.420167029, 0.320772737, 0.00820235349, 0.907446802, 0.947156191]],
] as const)('%s', (name, make, expected, rows, odd) => {
  it('near and far positions', () => {
    const table = make(rows, 64);
    expect(table).toHaveLength(rows * 64);
    for (const [row, values] of expected) {
      const actual = COLUMNS.map((column) => table[row * 64 + column]);
      // fairseq's angles are products in f32: one more rounding of a frequency moves a far position by 6e-5
      expectWithin(actual, values, name.startsWith('fairseq') ? 1e-6 + row * 1.2e-7 : 1e-7, `row ${row}`);
    }
  });

  it('an odd width', () => {
    expectWithin(make(14, 5).slice(13 * 5), odd, 1e-6);
  });
});
