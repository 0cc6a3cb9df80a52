"""Random weights of a BERT encoder, the same for every runtime, under Hugging Face's tensor names.

Matrices are [out, in] as nn.Linear stores them. Values are rounded to f16, so that an f16 checkpoint and the f32 models
of the peers hold the same numbers and their outputs can be compared.
"""
import json
import struct
from pathlib import Path

import numpy as np

MINILM = dict(layers=6, hidden=384, heads=12, intermediate=1536, vocab=30522, positions=512)
TINY = dict(layers=2, hidden=32, heads=2, intermediate=64, vocab=100, positions=64)
EPSILON = 1e-12


def bert_weights(layers, hidden, intermediate, vocab, positions, seed=1, **_):
    rng = np.random.default_rng(seed)
    weights = {}

    def put(name, shape, scale, center=0.0):
        weights[name] = (rng.uniform(-scale, scale, shape) + center).astype(np.float16)

    def linear(name, out, inner):
        put(name + '.weight', (out, inner), (3 / inner) ** 0.5)
        put(name + '.bias', (out,), 0.05)

    def norm(name):
        put(name + '.weight', (hidden,), 0.1, 1.0)
        put(name + '.bias', (hidden,), 0.1)

    put('embeddings.word_embeddings.weight', (vocab, hidden), 0.05)
    put('embeddings.position_embeddings.weight', (positions, hidden), 0.05)
    put('embeddings.token_type_embeddings.weight', (2, hidden), 0.05)
    norm('embeddings.LayerNorm')
    for i in range(layers):
        layer = f'encoder.layer.{i}.'
        for part in ('query', 'key', 'value'):
            linear(f'{layer}attention.self.{part}', hidden, hidden)
        linear(layer + 'attention.output.dense', hidden, hidden)
        norm(layer + 'attention.output.LayerNorm')
        linear(layer + 'intermediate.dense', intermediate, hidden)
        linear(layer + 'output.dense', hidden, intermediate)
        norm(layer + 'output.LayerNorm')
    return weights


def write_checkpoint(folder, sizes, weights):
    """A BERT's folder, f16."""
    config = dict(
        architectures=['BertModel'], model_type='bert', hidden_act='gelu', layer_norm_eps=EPSILON, type_vocab_size=2,
        num_hidden_layers=sizes['layers'], hidden_size=sizes['hidden'], num_attention_heads=sizes['heads'],
        intermediate_size=sizes['intermediate'], vocab_size=sizes['vocab'], max_position_embeddings=sizes['positions'],
        pad_token_id=0, position_embedding_type='absolute', torch_dtype='float16')
    write_safetensors(folder, config, weights)


def write_safetensors(folder, config, weights):
    """config.json and model.safetensors as the Hub has them, the dtype that of the arrays (f16 or f32)."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'config.json').write_text(json.dumps(config, indent=2))
    header, offset = {}, 0
    for name, value in weights.items():
        kind = {'float16': 'F16', 'float32': 'F32'}[value.dtype.name]
        header[name] = dict(dtype=kind, shape=list(value.shape), data_offsets=[offset, offset + value.nbytes])
        offset += value.nbytes
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(folder / 'model.safetensors', 'wb') as file:
        file.write(struct.pack('<Q', len(text)) + text)
        for value in weights.values():
            file.write(value.tobytes())
