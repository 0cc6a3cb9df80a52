// Imports point one way: api -> runtime -> models -> nn -> ops -> core -> the layout of wasm memory; io beside them reaches
// core and errors only, generate errors and spelling only, platform nothing but errors and types.

/** Layers from the top down, each a folder of src/. */
const LAYERS = ['api', 'runtime', 'models', 'nn', 'ops', 'core'];
const paths = (names) => names.map((name) => `^src/${name}/`);

/** A layer must not import what is above it. */
const upward = LAYERS.slice(1).map((layer, i) => ({
  name: `${layer}-looks-up`,
  severity: 'error',
  from: { path: `^src/${layer}/` },
  to: { path: paths(LAYERS.slice(0, i + 1)) },
}));

export default {
  forbidden: [
    ...upward,
    {
      name: 'only-api-and-entries-use-io',
      comment: 'Readers and tokenizers are handed in, so that models and engines need no files.',
      severity: 'error',
      from: { path: paths(LAYERS.slice(1)) },
      to: { path: '^src/io/' },
    },
    {
      name: 'cli-is-a-user',
      comment: 'The command line stands on what users hold, and on the helpers of api/ that only it needs.',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^(src|assembly)/', pathNot: ['^src/(cli|api|platform)/', '^src/(index|errors)\\.ts$'] },
    },
    {
      name: 'nobody-needs-the-cli',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/cli/' },
      to: { path: '^src/cli/' },
    },
    {
      name: 'io-is-low',
      severity: 'error',
      from: { path: '^src/io/' },
      to: { path: '^(src|assembly)/', pathNot: ['^src/io/', '^src/core/', '^src/errors\\.ts$'] },
    },
    {
      name: 'generate-is-pure',
      comment: 'Choosing tokens needs no model, no memory and no files.',
      severity: 'error',
      from: { path: '^src/generate/' },
      to: { path: '^(src|assembly)/', pathNot: ['^src/generate/', '^src/(errors|spelling)\\.ts$'] },
    },
    {
      name: 'models-know-no-generation',
      severity: 'error',
      from: { path: paths(LAYERS.slice(2)) },
      to: { path: '^src/generate/' },
    },
    {
      name: 'platform-is-lowest',
      comment: 'A platform may implement an interface of io, and use what belongs to that interface.',
      severity: 'error',
      from: { path: '^src/platform/' },
      to: {
        path: '^(src|assembly)/',
        pathNot: [
          '^src/platform/',
          '^src/errors\\.ts$',
          '^src/io/(file-output|source-base|cache/(store|sha256))\\.ts$',
        ],
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'errors-need-nothing',
      severity: 'error',
      from: { path: '^src/errors\\.ts$' },
      to: { path: '.' },
    },
    {
      name: 'assembly-is-shared-by-its-abi',
      comment: 'Only assembly/abi/ is TypeScript that both compilers read.',
      severity: 'error',
      from: { path: '^(src|test)/' },
      to: { path: '^assembly/', pathNot: '^assembly/abi/' },
    },
    {
      name: 'assembly-stands-alone',
      severity: 'error',
      from: { path: '^assembly/' },
      to: { pathNot: '^assembly/' },
    },
    {
      name: 'no-cycles',
      comment: 'Types may refer to each other.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'src-is-self-contained',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(test|bench|scripts|examples)/' },
    },
    {
      name: 'only-dependencies-at-run-time',
      comment: 'The loader and Comlink are bundled into both builds, Commander into the command line.',
      severity: 'error',
      from: { path: '^src/' },
      to: {
        dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown', 'unknown'],
        pathNot: '^node_modules/(@assemblyscript/loader|comlink|commander)/',
      },
    },
    { name: 'found', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
