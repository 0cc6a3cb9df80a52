// Node, browsers and edge functions give the same functions: what is chosen by export conditions may not differ in shape.
import { expect, it } from 'vitest';
import * as browser from '../../src/platform/browser';
import * as browserStore from '../../src/platform/browser-store';
import * as edge from '../../src/platform/edge';
import * as edgeStore from '../../src/platform/edge-store';
import * as node from '../../src/platform/node';
import * as nodeStore from '../../src/platform/node-store';

/** But for what each has of its own kind. */
type Shared = Omit<
  typeof node,
  'assets' | 'files' | 'output' | 'CORE_ADVICE' | 'MEMORY_ADVICE' | 'WORKER_ADVICE' | 'SHARING_ADVICE'
>;

const names = (module: object): string[] => Object.keys(module).sort();

it('the platforms agree', () => {
  // the assignment is what the type checker compares; the names are compared at run time
  const others: Shared[] = [browser, edge];
  for (const other of others) expect([...names(other), 'assets'].sort()).toEqual(names(node));
});

it('an edge function without a module is told to import one', async () => {
  await expect(edge.wasmBytes()).rejects.toMatchObject({
    code: 'UNSUPPORTED_PLATFORM',
    message: expect.stringMatching(/import wasm from "wasmformer\/wasm\/relaxed\.wasm".*`module`/) as string,
  });
});

it('their stores agree', () => {
  const others: (typeof nodeStore)[] = [browserStore, edgeStore];
  for (const other of others) expect(names(other)).toEqual(names(nodeStore));
});
