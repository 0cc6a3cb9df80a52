// Prettier plugin: formats AssemblyScript, whose decorators on functions TypeScript's parser refuses. To the parser each
// such line is a comment of the same length; comments are printed from the original text.
import { parsers as typescript } from 'prettier/plugins/typescript';

const DECORATOR_LINE = /^@\w(?=.*$)/gm;

export const parsers = {
  assemblyscript: {
    ...typescript.typescript,
    parse: (text, options) => typescript.typescript.parse(text.replace(DECORATOR_LINE, '//'), options),
  },
};
