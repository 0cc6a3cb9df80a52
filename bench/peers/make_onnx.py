"""Writes the ONNX models that onnxruntime-web runs: matrix products, attention, softmax, layer norm, BERT encoders.

The encoders have dynamic batch and sequence axes and are written as PyTorch exports them, then fused by onnxruntime's offline
transformer optimiser (attention, gelu, skip layer norm).

onnxruntime-web copies every input into its heap and every output out of it. So each kernel model has a companion,
`copies-NAME`, with the same inputs and outputs and no work, whose time the bench subtracts.
"""
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from weights import EPSILON

OPSETS = [helper.make_opsetid('', 17), helper.make_opsetid('com.microsoft', 1)]


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.count = [], [], 0

    def constant(self, value):
        name = f'c{len(self.constants)}'
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def op(self, kind, *inputs, name=None, **attributes):
        self.count += 1
        out = name or f'v{self.count}'
        self.nodes.append(helper.make_node(kind, inputs, [out], f'n{self.count}', **attributes))
        return out

    def ops(self, kind, inputs, outputs, **attributes):
        """A node of several outputs: `outputs` has a name for each, None for a new one, '' where none is wanted."""
        self.count += 1
        names = [f'v{self.count}.{i}' if name is None else name for i, name in enumerate(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, f'n{self.count}', **attributes))
        return [name for name in names if name]

    def save(self, path, inputs, outputs, external=None):
        """With `external` the weights go into a file of that name beside the model: a protobuf is copied in memory."""
        def values(items):
            return [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in items]

        graph = helper.make_graph(self.nodes, 'bench', values(inputs), values(outputs), self.constants)
        model = helper.make_model(graph, opset_imports=OPSETS, ir_version=8)
        if external:
            Path(path).with_name(external).unlink(missing_ok=True)  # it would be appended to
            onnx.save(model, path, save_as_external_data=True, location=external)
        else:
            onnx.save(model, path)


def kernel(folder, name, shapes, out, build):
    """A model of f32 inputs x0, x1, ... and output y built by build(graph), and its companion without work."""
    inputs = [(f'x{i}', TensorProto.FLOAT, shape) for i, shape in enumerate(shapes)]
    outputs = [('y', TensorProto.FLOAT, out)]
    graph = Graph()
    build(graph)
    graph.save(f'{folder}/{name}.onnx', inputs, outputs)
    graph = Graph()
    graph.op('ConstantOfShape', graph.ints(*out), name='y')
    graph.save(f'{folder}/copies-{name}.onnx', inputs, outputs)


def matmul(folder, name, m, weight):
    def build(graph):
        graph.op('MatMul', 'x0', graph.constant(weight.T), name='y')

    kernel(folder, name, [(m, weight.shape[1])], (m, weight.shape[0]), build)


def attention(folder, name, heads, tokens, size):
    def build(graph):
        keys = graph.op('Transpose', 'x1', perm=[0, 1, 3, 2])
        query = graph.op('Mul', 'x0', graph.constant(np.float32(size ** -0.5)))
        weights = graph.op('Softmax', graph.op('MatMul', query, keys), axis=-1)
        graph.op('MatMul', weights, 'x2', name='y')

    shape = (1, heads, tokens, size)
    kernel(folder, name, [shape] * 3, shape, build)


def softmax(folder, name, rows, columns):
    kernel(folder, name, [(rows, columns)], (rows, columns), lambda graph: graph.op('Softmax', 'x0', name='y', axis=-1))


def layer_norm(folder, name, rows, columns):
    def build(graph):
        weight, bias = graph.constant(np.ones(columns, np.float32)), graph.constant(np.zeros(columns, np.float32))
        graph.op('LayerNormalization', 'x0', weight, bias, name='y', axis=-1, epsilon=EPSILON)

    kernel(folder, name, [(rows, columns)], (rows, columns), build)


def encoder(path, sizes, weights):
    """input_ids, attention_mask int64 [batch, tokens] -> embedding [batch, hidden], the mean under the mask."""
    hidden, heads = sizes['hidden'], sizes['heads']
    size = hidden // heads
    graph = Graph()
    op = graph.op

    def get(name):
        return weights[name].astype(np.float32)

    def linear(x, name):
        product = op('MatMul', x, graph.constant(get(name + '.weight').T))
        return op('Add', graph.constant(get(name + '.bias')), product)

    def norm(x, y, name):
        parts = (graph.constant(get(f'{name}.{part}')) for part in ('weight', 'bias'))
        return op('LayerNormalization', op('Add', x, y), *parts, axis=-1, epsilon=EPSILON)

    def split(x, order):
        return op('Transpose', op('Reshape', x, graph.ints(0, 0, heads, size)), perm=order)

    shape = op('Shape', 'input_ids')
    tokens = op('Slice', shape, graph.ints(1), graph.ints(2), graph.ints(0))
    table = get('embeddings.position_embeddings.weight')[None] + get('embeddings.token_type_embeddings.weight')[0]
    places = op('Slice', graph.constant(table), graph.ints(0), tokens, graph.ints(1))
    words = op('Gather', graph.constant(get('embeddings.word_embeddings.weight')), 'input_ids')
    x = norm(words, places, 'embeddings.LayerNorm')
    rows = op('Unsqueeze', op('Unsqueeze', 'attention_mask', graph.ints(1)), graph.ints(2))
    inverse = op('Sub', graph.constant(np.float32(1)), op('Cast', rows, to=TensorProto.FLOAT))
    mask = op('Mul', inverse, graph.constant(np.float32(-10000)))
    for i in range(sizes['layers']):
        layer = f'encoder.layer.{i}.'
        query = split(linear(x, layer + 'attention.self.query'), [0, 2, 1, 3])
        key = split(linear(x, layer + 'attention.self.key'), [0, 2, 3, 1])
        value = split(linear(x, layer + 'attention.self.value'), [0, 2, 1, 3])
        scores = op('Div', op('MatMul', query, key), graph.constant(np.float32(size**0.5)))
        mixed = op('MatMul', op('Softmax', op('Add', scores, mask), axis=-1), value)
        mixed = op('Reshape', op('Transpose', mixed, perm=[0, 2, 1, 3]), graph.ints(0, 0, hidden))
        x = norm(linear(mixed, layer + 'attention.output.dense'), x, layer + 'attention.output.LayerNorm')
        inner = linear(x, layer + 'intermediate.dense')
        half = op('Erf', op('Div', inner, graph.constant(np.float32(2**0.5))))
        gelu = op('Mul', op('Mul', inner, op('Add', half, graph.constant(np.float32(1)))), graph.constant(np.float32(0.5)))
        x = norm(linear(gelu, layer + 'output.dense'), x, layer + 'output.LayerNorm')
    weight = op('Unsqueeze', op('Cast', 'attention_mask', to=TensorProto.FLOAT), graph.ints(2))
    total = op('ReduceSum', op('Mul', x, weight), graph.ints(1), keepdims=0)
    op('Div', total, op('ReduceSum', weight, graph.ints(1), keepdims=0), name='embedding')
    dynamic = ('batch', 'tokens')
    inputs = [('input_ids', TensorProto.INT64, dynamic), ('attention_mask', TensorProto.INT64, dynamic)]
    graph.save(path, inputs, [('embedding', TensorProto.FLOAT, ('batch', hidden))])


def fuse(source, path, sizes):
    """What onnxruntime's users do to a BERT before they ship it."""
    from onnxruntime.transformers import optimizer

    model = optimizer.optimize_model(source, 'bert', num_heads=sizes['heads'], hidden_size=sizes['hidden'], opt_level=0)
    model.save_model_to_file(path)
    print('fused:', {name: count for name, count in model.get_fused_operator_statistics().items() if count})
