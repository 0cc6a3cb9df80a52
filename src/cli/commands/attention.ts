// wasmformer attention: who looks at whom, of any layer and head of any model.
import { openModel } from '../../api/checkpoint';
import { attentionGrid, Decoder, Encoder, type Tensor } from '../../index';
import { EXIT, Failure } from '../failure';
import { wholeStdin } from '../input';
import type { Run } from '../run';
import { oneLine } from '../terminal';
import { sourceAndTarget, type Model } from './example-input';

type Kind = 'self' | 'encoder' | 'cross';

interface Maps {
  /** Of every layer, [1, heads, rows, columns]. */
  readonly maps: readonly Tensor[];
  /** Ids of what looks, and of what is looked at. */
  readonly rows: readonly number[];
  readonly columns: readonly number[];
  readonly kind: Kind;
}

export async function attention(run: Run, [model, given]: readonly (string | string[] | undefined)[]): Promise<number> {
  const { flags, json, terminal } = run;
  const text = (given as string | undefined) ?? (await wholeStdin());
  const loaded = await run.load(model as string, openModel);
  const { maps, rows, columns, kind } = await mapsOf(loaded, text, flags.of as Kind | undefined, run.signal);
  const layer = within('--layer', flags.layer as number | undefined, maps.length, maps.length - 1);
  const map = maps[layer];
  const heads = map.dims[1];
  const head = flags.head === undefined ? undefined : within('--head', flags.head as number, heads, 0);
  const label = (id: number): string => loaded.tokenizer.idToToken(id) ?? String(id);
  const labels = { rows: rows.map(label), columns: columns.map(label) };
  if (json) {
    await terminal.json({
      layer,
      layers: maps.length,
      head: head ?? null,
      heads,
      kind,
      ...labels,
      weights: map.toArray(),
    });
    return EXIT.ok;
  }
  const which = head === undefined ? `mean of ${heads} heads` : `head ${head} of ${heads}`;
  terminal.remark(`${kind} attention, layer ${layer} of ${maps.length}, ${which}`);
  const clean = (names: string[]): string[] => names.map(oneLine);
  const options = { rows: clean(labels.rows), columns: clean(labels.columns), head };
  await terminal.line(attentionGrid(map, { ...options, color: terminal.colors, width: terminal.width }));
  return EXIT.ok;
}

async function mapsOf(model: Model, text: string, asked: Kind | undefined, signal: AbortSignal): Promise<Maps> {
  const options = { outputAttentions: true, signal };
  if (model instanceof Encoder || model instanceof Decoder) {
    if (asked !== undefined && asked !== 'self')
      throw new Failure('USAGE', `--of ${asked} is for encoder-decoders, which this model is not: leave it out`);
    const ids = [...model.tokenizer.encode(text).ids];
    const { attentions } = await model.forward({ inputIds: [ids] }, options);
    return { maps: attentions!, rows: ids, columns: ids, kind: 'self' };
  }
  const { source, target, answer } = await sourceAndTarget(model, text, signal);
  const output = await model.forward({ inputIds: [source], decoderInputIds: [target] }, options);
  const kind = asked ?? 'cross';
  switch (kind) {
    case 'encoder':
      return { maps: output.encoderAttentions!, rows: source, columns: source, kind };
    case 'self':
      return { maps: output.decoderAttentions!, rows: target, columns: target, kind };
    case 'cross':
      return { maps: output.crossAttentions!, rows: answer, columns: source, kind };
  }
}

function within(flag: string, value: number | undefined, count: number, fallback: number): number {
  if (value === undefined) return fallback;
  if (value < count) return value;
  throw new Failure('USAGE', `${flag} is ${value}, but must be from 0 to ${count - 1}`);
}
