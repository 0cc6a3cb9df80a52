// What every command works with: its flags, the terminal, the signal of Ctrl-C, and how a model is loaded.
import type { FileOptions, FromPretrainedOptions } from '../index';
import { Failure, TextError, userError } from './failure';
import type { Item, TextInput } from './input';
import { sourceOf } from './own-models';
import type { Flags } from './program';
import { showBytes, Terminal } from './terminal';

/** Errors that a text can cause. */
const TEXT_CODES = ['TOO_LONG', 'INVALID_ARGUMENT'];

type Load<M> = (source: string, options: FromPretrainedOptions) => Promise<M>;

export class Run {
  readonly terminal: Terminal;
  readonly json: boolean;
  private worked = false;

  constructor(
    readonly flags: Flags,
    readonly signal: AbortSignal,
  ) {
    this.terminal = new Terminal(flags.quiet === true);
    this.json = flags.json === true;
  }

  /** Where the files of a model are, for whom the weights are not needed. */
  get fileOptions(): FileOptions & { signal: AbortSignal } {
    const { revision, endpoint, token, cacheDir, localFilesOnly } = this.flags;
    return { revision, endpoint, token, cacheDir, localFilesOnly, signal: this.signal };
  }

  /** Loads a model. With `input` its first texts are waited for at the same time, so that whichever is wrong is told at once. */
  async load<M>(model: string, load: Load<M>, input?: TextInput): Promise<M> {
    const { threads, dtype } = this.flags;
    const options: FromPretrainedOptions = {
      ...this.fileOptions,
      threads,
      dtype,
      onProgress: ({ phase, file, loaded, total }) => {
        if (phase === 'download') this.terminal.progress(`downloading ${file}`, loaded, total, showBytes);
        else if (phase === 'pack') this.terminal.progress('loading', loaded, total, showBytes);
      },
    };
    const [loaded] = await Promise.all([load(sourceOf(model), options), input?.ready()]);
    this.terminal.clearProgress();
    return loaded;
  }

  /** Works through the input step by step. When one text of a step is at fault, those before it are done, and the message
   *  tells which it was. */
  async each(input: TextInput, work: (items: readonly Item[]) => Promise<void>): Promise<void> {
    let done = 0;
    for (let items = await input.next(); items; items = await input.next()) {
      if (this.signal.aborted) return;
      await this.step(items, work);
      done += items.length;
      this.terminal.progress('texts', done, input.total);
    }
    this.terminal.clearProgress();
  }

  private async step(items: readonly Item[], work: (items: readonly Item[]) => Promise<void>): Promise<void> {
    try {
      await work(items);
      this.worked = true;
    } catch (error) {
      const { code, message } = userError(error) ?? {};
      if (error instanceof Failure || error instanceof TextError || !TEXT_CODES.includes(code ?? '')) throw error;
      if (items.length > 1) {
        for (const item of items) await this.step([item], work);
        return;
      }
      // an option out of range fails with the first text, too, which is not to blame
      if (code !== 'TOO_LONG' && !this.worked) throw error;
      throw new TextError(code!, `${items[0].where}: ${message}`);
    }
  }
}
