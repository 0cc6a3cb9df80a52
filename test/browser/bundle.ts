// Bundles of TypeScript for a page: the checks that it runs, and the kernel suite with a page's stand-ins for vitest and Node.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build, type BuildOptions, type Plugin } from 'esbuild';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

async function bundle(options: BuildOptions): Promise<string> {
  const { outputFiles } = await build({ bundle: true, format: 'esm', target: 'es2022', write: false, ...options });
  return outputFiles![0].text;
}

/** The functions that tests call in a page, as globalThis.checks. The built library stays an import. */
export function bundleChecks(): Promise<string> {
  return bundle({ entryPoints: [here('./page/checks.ts')], external: ['/dist/*'] });
}

/** test/kernels as a worker's module that runs all of it and posts what failed. */
export function bundleKernelSuite(): Promise<string> {
  const suites = readdirSync(here('../kernels')).filter((name) => name.endsWith('.test.ts'));
  const imports = suites.map((name) => `import ${JSON.stringify(`../kernels/${name}`)};`).join('\n');
  const standIns: Plugin = {
    name: 'stand-ins',
    setup({ onResolve }) {
      onResolve({ filter: /^vitest$/ }, () => ({ path: here('./page/suite.ts') }));
      onResolve({ filter: /^node:(fs|v8)$/ }, () => ({ path: here('./page/node.ts') }));
    },
  };
  return bundle({
    // the package is free of side effects, but its tests are nothing else
    ignoreAnnotations: true,
    stdin: {
      contents: `${imports}\nimport { runAll } from './page/suite';\nrunAll();`,
      resolveDir: here('.'),
      loader: 'ts',
    },
    plugins: [standIns],
    define: { 'process.versions.node': '""' },
  });
}
