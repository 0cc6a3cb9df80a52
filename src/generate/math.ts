// exp, log and powers that give the same bits on every engine: Math.exp and Math.log may differ in the last place, and one
// different bit is enough to draw another token. Only + - * / on doubles are used, which IEEE 754 defines exactly.

const STEPS = 64;
const STEPS_PER_LN2 = 92.33248261689366; // 64 / ln 2
const LN2_OVER_STEPS_HIGH = 0.010830424695086549; // ln 2 / 64 with its last 20 bits zero: n times it is exact
const LN2_OVER_STEPS_LOW = 1.162596423439437e-12;
const LN2 = 0.6931471805599453;
/** Adding and subtracting it rounds a double below 2^51 to a whole number. */
const ROUND = 6755399441055744;
const LOWEST_POWER = -1080;
const HIGHEST_POWER = 1023;

/** 2^(j / 64) for j = 0..63, by the series of exp: its terms vanish below 1e-17 after the 20th. */
const FRACTIONS = /* @__PURE__ */ Float64Array.from({ length: STEPS }, (_, j) => {
  const x = (j * LN2) / STEPS;
  let sum = 1;
  for (let n = 24; n >= 1; n--) sum = 1 + (x / n) * sum;
  return sum;
});

/** 2^k for k = -1080..1023. */
const POWERS = /* @__PURE__ */ (() => {
  const powers = new Float64Array(HIGHEST_POWER - LOWEST_POWER + 1);
  powers[-LOWEST_POWER] = 1;
  for (let i = -LOWEST_POWER + 1; i < powers.length; i++) powers[i] = powers[i - 1] * 2;
  for (let i = -LOWEST_POWER - 1; i >= 0; i--) powers[i] = powers[i + 1] / 2;
  return powers;
})();

/** e^x, within 2 ulp of the true value for results that are normal numbers. */
export function exp(x: number): number {
  if (!(x > -745)) return x <= -745 ? 0 : NaN;
  if (x > 709.4) return Infinity;
  const n = x * STEPS_PER_LN2 + ROUND - ROUND;
  const r = x - n * LN2_OVER_STEPS_HIGH - n * LN2_OVER_STEPS_LOW;
  const tail = r + r * r * (0.5 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120))));
  const fraction = FRACTIONS[n & (STEPS - 1)];
  return (fraction + fraction * tail) * POWERS[(n >> 6) - LOWEST_POWER];
}

/** Natural logarithm, within 2 ulp away from 1 and 1e-16 near it. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return Infinity;
  let power = 0;
  while (x > 1.4142135623730951) {
    x /= 2;
    power++;
  }
  while (x < 0.7071067811865476) {
    x *= 2;
    power--;
  }
  // log m = 2 atanh(s), |s| < 0.172
  const s = (x - 1) / (x + 1);
  const square = s * s;
  let sum = 0;
  for (let n = 27; n >= 3; n -= 2) sum = (sum + 1 / n) * square;
  return power * LN2 + 2 * (s + s * sum);
}

/** base^exponent for a base above 0. Whole exponents are products, so that powers like n^1 are exact. */
export function power(base: number, exponent: number): number {
  const whole = Math.abs(exponent);
  if (Number.isInteger(whole) && whole <= 64) {
    let product = 1;
    for (let i = 0; i < whole; i++) product *= base;
    return exponent < 0 ? 1 / product : product;
  }
  return exp(exponent * log(base));
}

/**
 * log(sum(exp(x))) of a row in f64, summed from the first element to the last. Elements of -Infinity add nothing; a row of
 * nothing else gives -Infinity.
 */
export function logSumExp(row: Float32Array): number {
  let most = -Infinity;
  for (let i = 0; i < row.length; i++) if (row[i] > most) most = row[i];
  if (most === -Infinity || most === Infinity) return most;
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += exp(row[i] - most);
  return most + log(sum);
}

/** Replaces a row by its log-softmax (torch.nn.functional.log_softmax, within 1e-6). A row of -Infinity stays. */
export function logSoftmax(row: Float32Array): void {
  const total = logSumExp(row);
  if (total === -Infinity || total === Infinity) return;
  for (let i = 0; i < row.length; i++) row[i] -= total;
}
