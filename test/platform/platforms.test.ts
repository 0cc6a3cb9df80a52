// Node, browsers and edge functions give the same functions: what is chosen by export conditions may not differ in shape.
import { expect, it } from 'vitest';
import * as browser from '../../src/platform/browser';
import * as edge from '../../src/platform/edge';
import * as node from '../../src/platform/node';

/** Of Node alone: paths that tests change. */
type Shared = Omit<typeof node, 'assets' | 'files' | 'output'>;

it('the platforms agree', () => {
  // the assignment is what the type checker compares; the names are compared at run time
  const others: Shared[] = [browser, edge];
  const names = (module: object): string[] => Object.keys(module).sort();
  for (const other of others) expect([...names(other), 'assets'].sort()).toEqual(names(node));
});
