// A stand-in for vitest in a worker: the part of describe, it and expect that test/kernels uses. What it does not know throws,
// so that no check passes unseen.

type Body = (...values: never[]) => unknown;

interface Case {
  readonly name: string;
  readonly body: () => unknown;
}

/** What the worker posts at the end. */
export interface SuiteResult {
  readonly passed: number;
  readonly failed: readonly string[];
}

const cases: Case[] = [];
let path: string[] = [];

/** Names of builds that this page cannot run: without isolation, those of shared memory. */
const excluded = globalThis.crossOriginIsolated ? /^$/ : /-shared$/;

/** '%s' and '%d' in a title, in order. */
const title = (name: string, values: readonly unknown[]): string => {
  let at = 0;
  return name.replace(/%[sd]/g, () => String(values[at++]));
};

const each =
  (add: (name: string, body: Body) => void) =>
  (rows: readonly unknown[]) =>
  (name: string, body: Body): void => {
    for (const row of rows) {
      const values = Array.isArray(row) ? row : [row];
      add(title(name, values), () => (body as (...args: unknown[]) => unknown)(...(values as unknown[])));
    }
  };

function addGroup(name: string, body: Body): void {
  if (name.split(/[ ,]+/).some((word) => excluded.test(word))) return;
  const outer = path;
  path = [...path, name];
  body();
  path = outer;
}

function addCase(name: string, body: Body): void {
  cases.push({ name: [...path, name].join(' > '), body: body as () => unknown });
}

export const describe = Object.assign(addGroup, { each: each(addGroup) });
export const it = Object.assign(addCase, { each: each(addCase) });

function fail(message: string): never {
  throw new Error(message);
}

/** Equal as vitest has it: NaN equals NaN, 0 is not -0, classes must agree. */
function equal(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  if (ArrayBuffer.isView(a)) {
    const [x, y] = [a as unknown as ArrayLike<number>, b as unknown as ArrayLike<number>];
    if (x.length !== y.length) return false;
    for (let i = 0; i < x.length; i++) if (!Object.is(x[i], y[i])) return false;
    return true;
  }
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]))
  );
}

const show = (value: unknown): string => {
  if (ArrayBuffer.isView(value)) return `[${Array.from((value as Float32Array).subarray(0, 12)).join(', ')}]`;
  return typeof value === 'object' ? (JSON.stringify(value) ?? String(value)) : String(value);
};

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

type Check = (actual: unknown, ...expected: never[]) => boolean;

const CHECKS: Readonly<Record<string, Check>> = {
  toBe: (a, b) => Object.is(a, b),
  toEqual: (a, b) => equal(a, b),
  toStrictEqual: (a, b) => equal(a, b),
  toBeNaN: (a) => Number.isNaN(a),
  toBeNull: (a) => a === null,
  toBeDefined: (a) => a !== undefined,
  toBeUndefined: (a) => a === undefined,
  toBeTruthy: (a) => Boolean(a),
  toBeLessThan: (a, b) => (a as number) < b,
  toBeLessThanOrEqual: (a, b) => (a as number) <= b,
  toBeGreaterThan: (a, b) => (a as number) > b,
  toBeGreaterThanOrEqual: (a, b) => (a as number) >= b,
  toBeCloseTo: (a, b, digits = 2 as never) => Math.abs((a as number) - b) < 10 ** -digits / 2,
  toHaveLength: (a, b) => (a as ArrayLike<unknown>).length === b,
  toContain: (a, b) => (a as readonly unknown[]).includes(b),
  toThrow: (a, pattern?: RegExp | string) => {
    try {
      (a as () => unknown)();
    } catch (error) {
      return (
        pattern === undefined ||
        (typeof pattern === 'string' ? messageOf(error).includes(pattern) : pattern.test(messageOf(error)))
      );
    }
    return false;
  },
};

function matchers(actual: unknown, what: string | undefined, negated: boolean): object {
  return new Proxy(
    {},
    {
      get(_, name: string) {
        if (name === 'not') return matchers(actual, what, !negated);
        if (!Object.hasOwn(CHECKS, name)) fail(`expect().${name} is not known here (test/browser/page/suite.ts)`);
        return (...expected: never[]) => {
          if (CHECKS[name](actual, ...expected) === negated) {
            fail(
              `${what ? `${what}: ` : ''}${show(actual)} ${negated ? 'not ' : ''}${name} ${expected.map(show).join(', ')}`,
            );
          }
        };
      },
    },
  );
}

export const expect = Object.assign((actual: unknown, what?: string) => matchers(actual, what, false), { fail });

/** Runs all cases and posts a SuiteResult. */
export async function runAll(): Promise<void> {
  const failed: string[] = [];
  for (const { name, body } of cases) {
    try {
      await body();
    } catch (error) {
      failed.push(`${name}: ${messageOf(error)}`);
    }
  }
  postMessage({ passed: cases.length - failed.length, failed } satisfies SuiteResult);
}
