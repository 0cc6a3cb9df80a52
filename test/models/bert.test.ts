// Which of two biases a language-model head of BERT's family takes.
import { expect, it } from 'vitest';
import { bertWithHead } from '../../src/models/bert-heads';
import type { Config } from '../../src/models/model';
import { roberta } from '../../src/models/roberta';
import { Parameters } from '../../src/nn/parameters';

const config: Config = {
  vocab_size: 11,
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 5,
  max_position_embeddings: 16,
  hidden_act: 'gelu',
};

const families = [
  { name: 'bert', architecture: bertWithHead, head: 'cls.predictions', architectures: ['BertForMaskedLM'] },
  { name: 'roberta', architecture: roberta, head: 'lm_head', architectures: ['RobertaForMaskedLM'] },
];

// transformers 5 ties the bias of the head's table to the head's own where it ties the table; else the table's counts, and the
// other one is in the file without a use. Version 4 ties them always, and writes one.
const cases: [tied: boolean, present: string[], taken: string][] = [
  [true, ['bias'], 'bias'],
  [true, ['decoder.bias'], 'decoder.bias'],
  [true, ['bias', 'decoder.bias'], 'bias'],
  [false, ['bias'], 'bias'],
  [false, ['bias', 'decoder.bias'], 'decoder.bias'],
];

it.each(families.flatMap((family) => cases.map((one) => [family.name, ...one, family] as const)))(
  '%s, tied %s, of %j: %s',
  (_, tied, present, taken, { architecture, head, architectures }) => {
    const given = new Set(present.map((name) => `${head}.${name}`));
    const p = new Parameters((name) => !/bias$/.test(name) || !name.includes(head) || given.has(name));
    architecture.build({ ...config, architectures, tie_word_embeddings: tied }, p);
    const biases = p.declarations.flatMap(({ sources }) => sources.map(({ names }) => names[0]));
    expect(biases.filter((name) => given.has(name))).toEqual([`${head}.${taken}`]);
  },
);
