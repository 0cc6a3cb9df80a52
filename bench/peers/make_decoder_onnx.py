"""Writes decoders with a KV cache for onnxruntime-web: the graphs that run fastest on its wasm backend.

Inputs: input_ids, position_ids int64 [1, tokens], and past.I.key, past.I.value [1, kv heads, past, size] of every layer.
Outputs: logits of the last token [1, vocabulary], and present.I.key, present.I.value.

Norms, rotations and activations are the fused operators of com.microsoft. The tied head is a Gemm over the embedding
itself: a transposed copy is no faster. Attention has two forms, because neither is best at both: GroupQueryAttention
takes fewest steps for one token, while products of whole matrices are far faster than it for a prompt. Then
queries of one key head are put below each other, so that keys and values are not repeated.
"""
import numpy as np
from onnx import TensorProto

from decoder_weights import GPT2, GPT2_EPSILON, ROPE_THETA, SMOLLM, SMOLLM_EPSILON
from make_onnx import Graph

CONTRIB = dict(domain='com.microsoft')
MASKED = np.float32(-1e9)


class DecoderGraph(Graph):
    def __init__(self, weights, heads, kv_heads, size, grouped):
        """grouped: attention as one GroupQueryAttention a layer."""
        super().__init__()
        self.weights, self.named, self.grouped = weights, {}, grouped
        self.heads, self.kv_heads, self.size = heads, kv_heads, size
        if not grouped:
            self.bias = self.causal_bias()

    def weight(self, name, transposed=False):
        """A tensor of the checkpoint, held once however often it is used."""
        if name not in self.named:
            value = self.weights[name].astype(np.float32)
            self.named[name] = self.constant(value.T if transposed else value)
        return self.named[name]

    def scalar(self, value, kind=np.float32):
        return self.constant(kind(value))

    def length(self, x, axis):
        return self.op('Slice', self.op('Shape', x), self.ints(axis), self.ints(axis + 1))

    def causal_bias(self):
        """[1, 1, tokens, total]: the mask value where a key's place is behind the query's."""
        past = self.length('past.0.key', 2)
        total = self.op('Squeeze', self.op('Add', past, self.length('input_ids', 1)))
        keys = self.op('Range', self.scalar(0, np.int64), total, self.scalar(1, np.int64))
        later = self.op('Less', self.op('Unsqueeze', 'position_ids', self.ints(2)), keys)
        bias = self.op('Mul', self.op('Cast', later, to=TensorProto.FLOAT), self.scalar(MASKED))
        return self.op('Unsqueeze', bias, self.ints(1))

    def lengths(self):
        """What GroupQueryAttention asks for: the index of the last key and the number of keys, int32 [1]."""
        total = self.op('Add', self.length('past.0.key', 2), self.length('input_ids', 1))
        last = self.op('Sub', total, self.ints(1))
        return [self.op('Cast', x, to=TensorProto.INT32) for x in (last, total)]

    def group_query(self, i, query, key, value, *rotation):
        """Of [1, tokens, heads * size] or, with key and value '', of the three in one; rotation: cosines, sines."""
        inputs = [query, key, value, f'past.{i}.key', f'past.{i}.value', *self.key_lengths, *rotation]
        outputs = [None, f'present.{i}.key', f'present.{i}.value']
        attributes = dict(num_heads=self.heads, kv_num_heads=self.kv_heads, do_rotary=int(bool(rotation)))
        return self.ops('GroupQueryAttention', inputs, outputs, **attributes, **CONTRIB)[0]

    def split_heads(self, x, heads):
        return self.op('Transpose', self.op('Reshape', x, self.ints(0, 0, heads, self.size)), perm=[0, 2, 1, 3])

    def products(self, i, query, key, value):
        """Attention of plain products, of [1, heads, tokens, size]."""
        keys = self.op('Concat', f'past.{i}.key', key, axis=2, name=f'present.{i}.key')
        values = self.op('Concat', f'past.{i}.value', value, axis=2, name=f'present.{i}.value')
        shared = self.heads != self.kv_heads
        total = self.length(keys, 2)

        def rows(x, heads, width):
            return self.op('Reshape', x, self.op('Concat', self.ints(1, heads, -1), width, axis=0)) if shared else x

        size = self.ints(self.size)
        scores = self.op('MatMul', rows(query, self.kv_heads, size), self.op('Transpose', keys, perm=[0, 1, 3, 2]))
        scores = rows(self.op('Mul', scores, self.scalar(self.size**-0.5)), self.heads, total)
        maps = self.op('Softmax', self.op('Add', scores, self.bias), axis=-1)
        mixed = rows(self.op('MatMul', rows(maps, self.kv_heads, total), values), self.heads, size)
        merged = self.op('Transpose', mixed, perm=[0, 2, 1, 3])
        return self.op('Reshape', merged, self.ints(0, 0, self.heads * self.size))

    def head(self, x, embeddings):
        """Logits of the last token."""
        last = self.op('Slice', x, self.ints(-1), self.ints(2**62), self.ints(1))
        row = self.op('Reshape', last, self.ints(1, self.heads * self.size))
        self.op('Gemm', row, self.weight(embeddings), name='logits', transB=1)

    def save_decoder(self, path, layers):
        dims = [1, self.kv_heads, None, self.size]
        caches = [(i, part) for i in range(layers) for part in ('key', 'value')]

        def values(time, length):
            shape = [length if dim is None else dim for dim in dims]
            return [(f'{time}.{i}.{part}', TensorProto.FLOAT, shape) for i, part in caches]

        ids = [(name, TensorProto.INT64, (1, 'tokens')) for name in ('input_ids', 'position_ids')]
        outputs = [('logits', TensorProto.FLOAT, (1, 'vocabulary')), *values('present', 'total')]
        self.save(path, [*ids, *values('past', 'past')], outputs, external=f'{path.name}.data')


def gpt2(path, weights, grouped):
    heads, hidden, layers = GPT2['heads'], GPT2['hidden'], GPT2['layers']
    graph = DecoderGraph(weights, heads, heads, hidden // heads, grouped)
    op, weight = graph.op, graph.weight

    def norm_inputs(name):
        return weight(name + '.weight'), weight(name + '.bias')

    def add_norm(x, y, bias, name):
        """(norm(x + y + bias), x + y + bias)"""
        inputs = [x, y, *norm_inputs(name), bias]
        return graph.ops('SkipLayerNormalization', inputs, [None, '', '', None], epsilon=GPT2_EPSILON, **CONTRIB)

    if grouped:
        graph.key_lengths = graph.lengths()
    words = op('Gather', weight('transformer.wte.weight'), 'input_ids')
    x = op('Add', words, op('Gather', weight('transformer.wpe.weight'), 'position_ids'))
    normed = op('LayerNormalization', x, *norm_inputs('transformer.h.0.ln_1'), axis=-1, epsilon=GPT2_EPSILON)
    for i in range(layers):
        layer = f'transformer.h.{i}.'
        product = op('MatMul', normed, weight(layer + 'attn.c_attn.weight'))
        qkv = op('Add', product, weight(layer + 'attn.c_attn.bias'))
        if grouped:
            mixed = graph.group_query(i, qkv, '', '')
        else:
            parts = graph.ops('Split', [qkv], [None] * 3, axis=-1)
            mixed = graph.products(i, *(graph.split_heads(part, heads) for part in parts))
        y = op('MatMul', mixed, weight(layer + 'attn.c_proj.weight'))
        normed, x = add_norm(x, y, weight(layer + 'attn.c_proj.bias'), layer + 'ln_2')
        inner = op('MatMul', normed, weight(layer + 'mlp.c_fc.weight'))
        inner = op('FastGelu', inner, weight(layer + 'mlp.c_fc.bias'), **CONTRIB)
        y = op('MatMul', inner, weight(layer + 'mlp.c_proj.weight'))
        following = f'transformer.h.{i + 1}.ln_1' if i + 1 < layers else 'transformer.ln_f'
        normed, x = add_norm(x, y, weight(layer + 'mlp.c_proj.bias'), following)
    graph.head(normed, 'transformer.wte.weight')
    graph.save_decoder(path, layers)


def llama(path, weights, grouped):
    heads, kv_heads, hidden, layers = (SMOLLM[key] for key in ('heads', 'kv_heads', 'hidden', 'layers'))
    size = hidden // heads
    graph = DecoderGraph(weights, heads, kv_heads, size, grouped)
    op, weight = graph.op, graph.weight

    def linear(x, name):
        return op('MatMul', x, weight(name + '.weight', transposed=True))

    def add_norm(x, y, name):
        inputs = [x, y, weight(name + '.weight')]
        outputs = [None, '', '', None]
        return graph.ops('SkipSimplifiedLayerNormalization', inputs, outputs, epsilon=SMOLLM_EPSILON, **CONTRIB)

    if grouped:
        graph.key_lengths = graph.lengths()
    frequencies = ROPE_THETA ** -(np.arange(0, size, 2) / size)
    angles = np.arange(SMOLLM['positions'])[:, None] * frequencies
    tables = [graph.constant(table(angles).astype(np.float32)) for table in (np.cos, np.sin)]
    x = op('Gather', weight('model.embed_tokens.weight'), 'input_ids')
    first = weight('model.layers.0.input_layernorm.weight')
    normed = op('SimplifiedLayerNormalization', x, first, axis=-1, epsilon=SMOLLM_EPSILON)
    for i in range(layers):
        layer = f'model.layers.{i}.'
        query, key, value = (linear(normed, f'{layer}self_attn.{part}_proj') for part in 'qkv')
        if grouped:
            mixed = graph.group_query(i, query, key, value, *tables)
        else:
            query, key = (
                op('RotaryEmbedding', graph.split_heads(part, count), 'position_ids', *tables, **CONTRIB)
                for part, count in ((query, heads), (key, kv_heads)))
            mixed = graph.products(i, query, key, graph.split_heads(value, kv_heads))
        y = linear(mixed, layer + 'self_attn.o_proj')
        normed, x = add_norm(x, y, layer + 'post_attention_layernorm')
        gate = op('QuickGelu', linear(normed, layer + 'mlp.gate_proj'), alpha=1.0, **CONTRIB)
        y = linear(op('Mul', gate, linear(normed, layer + 'mlp.up_proj')), layer + 'mlp.down_proj')
        normed, x = add_norm(x, y, f'model.layers.{i + 1}.input_layernorm' if i + 1 < layers else 'model.norm')
    graph.head(normed, 'model.embed_tokens.weight')
    graph.save_decoder(path, layers)
