// Node and browsers give the same functions: what is chosen by export conditions may not differ in shape.
import { expect, it } from 'vitest';
import * as browser from '../../src/platform/browser';
import * as node from '../../src/platform/node';

/** Of Node alone: paths that tests change. */
type Shared = Omit<typeof node, 'assets' | 'files' | 'output'>;

it('the platforms agree', () => {
  // the assignment is what the type checker compares; the names are compared at run time
  const shared: Shared = browser;
  const names = (module: object): string[] => Object.keys(module).sort();
  expect([...names(shared), 'assets'].sort()).toEqual(names(node));
});
