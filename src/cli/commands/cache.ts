// wasmformer cache: the models that were downloaded.
import { cache as models, type CachedFile } from '../../index';
import { EXIT, Failure } from '../failure';
import type { Invocation } from '../program';
import type { Run } from '../run';
import { showBytes, table } from '../terminal';

export async function cache(run: Run, [action, model]: Invocation['args']): Promise<number> {
  const { flags, json, terminal, signal } = run;
  const options = { cacheDir: flags.cacheDir, signal };
  const name = model as string | undefined;
  switch (action) {
    case 'path':
      await terminal.line((await models.place(options))!);
      return EXIT.ok;
    case 'remove': {
      if ((name === undefined) !== (flags.all === true)) {
        throw new Failure('USAGE', 'name the model to remove (wasmformer cache lists them), or give --all');
      }
      const freed = await models.remove(name ?? null, options);
      if (freed === 0 && name !== undefined) terminal.remark(`nothing of ${name} was in the cache`);
      else terminal.remark(`removed ${showBytes(freed)}`);
      return EXIT.ok;
    }
    case 'verify': {
      const files = await models.verify(name, options);
      if (json) for (const file of files) await terminal.json(file);
      const broken = files.filter(({ intact }) => !intact);
      if (!json && broken.length > 0) await terminal.line(table(broken.map(row)));
      terminal.remark(`${files.length - broken.length} of ${files.length} files are whole`);
      const damaged = broken.some(({ complete }) => complete);
      if (damaged)
        terminal.warn('damaged files are downloaded again when the model is loaded, or after: wasmformer cache remove');
      return damaged ? EXIT.failed : EXIT.ok;
    }
    default: {
      const files = (await models.list(options)).filter((file) => name === undefined || file.model === name);
      if (json) for (const file of files) await terminal.json(file);
      else if (files.length > 0) await terminal.line(table(files.map(row)));
      const bytes = files.reduce((sum, { size }) => sum + size, 0);
      terminal.remark(`${files.length} files, ${showBytes(bytes)} in ${await models.place(options)}`);
      return EXIT.ok;
    }
  }
}

function row({ model, revision, file, size, complete, savedAt }: CachedFile): string[] {
  const when = complete ? savedAt!.toISOString().slice(0, 10) : 'not complete';
  return [model, revision ?? '', file, showBytes(size), when];
}
