// API report: the public types, without their comments, committed in docs/api/ so that a change of the API shows in review.
//   node scripts/api-report.mjs            fails where the build's types differ from the report
//   node scripts/api-report.mjs --write    writes the report
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import ts from 'typescript';

const REPORTS = { index: 'docs/api/wasmformer.txt', kernels: 'docs/api/wasmformer-kernels.txt' };
const write = process.argv.includes('--write');

const files = Object.keys(REPORTS).map((entry) => `dist/types/${entry}.d.ts`);
const program = ts.createProgram(files, {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.esnext.disposable.d.ts'],
  types: [],
  strict: true,
});
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });

/** What a file exports, and what those declarations refer to of this package: [name, text], by name. */
function declarations(file) {
  const source = program.getSourceFile(file);
  const seen = new Set();
  const found = [];
  const add = (symbol, exported) => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    if (seen.has(target)) return;
    seen.add(target);
    for (const declaration of target.declarations ?? []) {
      const origin = declaration.getSourceFile();
      if (!origin.fileName.includes('dist/types/') || ts.isTypeParameterDeclaration(declaration)) continue;
      if (
        !ts.isClassDeclaration(declaration) &&
        !ts.isInterfaceDeclaration(declaration) &&
        !ts.isTypeAliasDeclaration(declaration) &&
        !ts.isFunctionDeclaration(declaration) &&
        !ts.isVariableDeclaration(declaration)
      )
        continue;
      const text = printer.printNode(ts.EmitHint.Unspecified, declaration, origin).replace(/^(export |declare )*/, '');
      // private members are no API, and the types that only they mention are not either
      found.push([exported ?? target.name, `${exported ? 'export ' : ''}${text.replace(/^ +private .*\n/gm, '')}`]);
      const visit = (node) => {
        if (ts.canHaveModifiers(node) && node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword))
          return;
        if (ts.isIdentifier(node)) {
          const used = checker.getSymbolAtLocation(node);
          if (
            used &&
            used.declarations?.some(
              (d) => d.parent === d.getSourceFile() || ts.isImportSpecifier(d) || ts.isVariableDeclaration(d),
            )
          )
            add(used);
        }
        ts.forEachChild(node, visit);
      };
      visit(declaration);
    }
  };
  for (const symbol of checker.getExportsOfModule(checker.getSymbolAtLocation(source))) add(symbol, symbol.name);
  return found.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}

const problems = program.getSemanticDiagnostics().concat(program.getSyntacticDiagnostics());
for (const { messageText, file } of problems)
  console.error(`${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
let failed = problems.length > 0;

mkdirSync('docs/api', { recursive: true });
for (const [entry, report] of Object.entries(REPORTS)) {
  const text = `${declarations(`dist/types/${entry}.d.ts`)
    .map(([, declaration]) => declaration)
    .join('\n\n')}\n`;
  if (write) writeFileSync(report, text);
  let committed = '';
  try {
    committed = readFileSync(report, 'utf8');
  } catch {
    // none yet: differs
  }
  if (committed !== text) {
    console.error(`${report} is not what the build exports: if that is wanted, run npm run api:write and commit it`);
    failed = true;
  } else console.log(`${report}: ${text.split('\n').length} lines`);
}
if (failed) process.exit(1);
