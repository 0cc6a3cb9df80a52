// wasmformer inspect: what is in a checkpoint, the plan of a call, and where its time goes.
import {
  describeCheckpoint,
  kindOf,
  openModel,
  type CheckpointDescription,
  type TensorDescription,
} from '../../api/checkpoint';
import { profileOf } from '../../api/profile';
import { EXIT } from '../failure';
import { sourceOf } from '../own-models';
import type { Run } from '../run';
import { showBytes, table } from '../terminal';
import { exampleOf } from './example-input';

const SECTIONS = ['files', 'tensors', 'plan', 'profile'] as const;
type Section = (typeof SECTIONS)[number];

/** Times are the least of so many runs. */
const ROUNDS = 3;

export async function inspect(run: Run, [model, text]: readonly (string | string[] | undefined)[]): Promise<number> {
  const { flags } = run;
  const chosen = SECTIONS.filter((section) => flags[section] === true);
  const wants = (section: Section): boolean => chosen.length === 0 || chosen.includes(section);

  const found = await describeCheckpoint(sourceOf(model as string), run.fileOptions);
  const seen: Record<string, unknown> = { model: found.name, class: found.kind, config: found.config };
  const parts: string[] = chosen.length === 0 ? [summary(found, run)] : [];
  if (wants('files') && found.files) {
    seen.files = found.files;
    parts.push(
      section(
        run,
        'Files',
        table(
          found.files.map(({ name, bytes }) => [name, showBytes(bytes)]),
          [1],
        ),
      ),
    );
  }
  if (wants('tensors')) {
    seen.tensors = found.tensors;
    parts.push(section(run, 'Tensors', tensorTable(found.tensors, flags.tensors === true)));
  }
  if (found.kind === null && (flags.plan === true || flags.profile === true)) kindOf(found.config);
  if (found.kind !== null && (wants('plan') || wants('profile'))) {
    const loaded = await run.load(model as string, openModel);
    const example = await exampleOf(loaded, text as string | undefined, run.signal);
    seen.info = loaded.info;
    seen.input = example.what;
    if (wants('plan')) {
      const plan = await example.explain();
      seen.plan = plan;
      parts.push(section(run, `Plan of ${example.what}`, plan));
    }
    if (wants('profile')) {
      let rows = await example.profile();
      for (let i = 1; i < ROUNDS; i++) {
        const next = await example.profile();
        rows = rows.map((row, j) => ({ ...row, milliseconds: Math.min(row.milliseconds, next[j].milliseconds) }));
      }
      seen.profile = rows;
      parts.push(section(run, `Time of ${example.what}, by kernel`, String(profileOf(rows))));
    }
  }
  await (run.json ? run.terminal.json(seen) : run.terminal.line(parts.join('\n\n')));
  return EXIT.ok;
}

function section({ terminal }: Run, title: string, content: string): string {
  return `${terminal.styles.bold(title)}\n${content}`;
}

function summary({ name, config, kind, tensors }: CheckpointDescription, { terminal }: Run): string {
  const count = tensors.reduce((sum, { dims }) => sum + dims.reduce((product, dim) => product * dim, 1), 0);
  const bytes = tensors.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const classes = { encoder: 'Encoder', decoder: 'Decoder', transformer: 'Transformer' };
  const architectures = Array.isArray(config.architectures) ? config.architectures.map(String).join(', ') : '';
  const type = `${String(config.model_type)}${architectures === '' ? '' : ` (${architectures})`}`;
  const facts = [
    ['class', kind === null ? 'none: this library does not know the model_type' : classes[kind]],
    ['model_type', type],
    ['parameters', count.toLocaleString('en')],
    ['weights', `${showBytes(bytes)}, ${[...new Set(tensors.map(({ dtype }) => dtype))].join(', ')}`],
  ];
  return `${terminal.styles.bold(name)}\n${table(facts)}`;
}

/** Tensors in a table; unless `every`, those of all layers that differ in the layer's number alone are one row. */
function tensorTable(tensors: readonly TensorDescription[], every: boolean): string {
  const groups = new Map<string, TensorDescription[]>();
  for (const tensor of tensors) {
    const { name, dtype, dims } = tensor;
    const key = every ? name : `${name.replace(/(?<=^|\.)\d+(?=\.)/, '*')} ${dtype} ${dims.join()}`;
    const group = groups.get(key);
    if (group) group.push(tensor);
    else groups.set(key, [tensor]);
  }
  const rows = [...groups].map(([key, group]) => {
    const [{ name, dtype, dims }] = group;
    const bytes = group.reduce((sum, tensor) => sum + tensor.bytes, 0);
    const shown = group.length === 1 ? name : key.split(' ')[0];
    return [shown, group.length === 1 ? '' : `${group.length} x`, dtype, `[${dims.join(', ')}]`, showBytes(bytes)];
  });
  return table(rows, [1, 4]);
}
