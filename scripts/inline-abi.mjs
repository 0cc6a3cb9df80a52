// Rollup plugin: writes the numbers of assembly/abi/ where modules name them. The names are some hundred, and chunks would
// otherwise hand them to each other one by one.
import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { build } from 'esbuild';

const NAMED = /^import \{([^}]*)\} from '([^']*\/abi\/\w+)';$/gm;
const NAMESPACE = /^import \* as (\w+) from '([^']*\/abi\/\w+)';$/gm;

/** What a module of constants exports. */
async function constantsOf(file) {
  const { outputFiles } = await build({ entryPoints: [file], bundle: true, format: 'esm', write: false });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString('base64')}`);
}

export function inlineAbi() {
  const modules = new Map();
  const load = (id, path) => {
    const file = `${resolve(dirname(id), path)}.ts`;
    if (!modules.has(file)) modules.set(file, constantsOf(file));
    return modules.get(file);
  };
  return {
    name: 'inline-abi',
    async load(id) {
      if (!id.endsWith('.ts') || id.includes('/abi/')) return null;
      let code = await readFile(id, 'utf8');
      for (const [statement, names, path] of code.matchAll(NAMED)) {
        const values = await load(id, path);
        const constants = names
          .split(',')
          .map((part) => part.trim().split(' as '))
          .filter(([name]) => name);
        code = code.replace(
          statement,
          constants.map(([name, local = name]) => `const ${local} = ${values[name]};`).join(' '),
        );
      }
      for (const [, namespace, path] of code.matchAll(NAMESPACE)) {
        const values = await load(id, path);
        code = code.replace(new RegExp(`\\b${namespace}\\.(\\w+)\\b`, 'g'), (text, name) =>
          name in values ? String(values[name]) : text,
        );
      }
      return code;
    },
  };
}
