"""Writes the f32 .tflite models that LiteRT.js runs: matrix products, attention, softmax, layer norm, a MiniLM encoder.

Shapes are fixed in the file. Every table goes into the flatbuffer as soon as it is known; `save` adds the vectors of them.
"""
import importlib

import flatbuffers
import numpy as np

from weights import EPSILON, MINILM

VERSIONS = dict(FULLY_CONNECTED=9, BATCH_MATMUL=2)
FLOAT, INT = 0, 2  # TensorType


def schema(name):
    return importlib.import_module('tflite.' + name)


class Graph:
    def __init__(self):
        self.builder = flatbuffers.Builder(1 << 16)
        self.buffers = [self.table('Buffer')]  # number 0 is empty by definition
        self.tensors, self.shapes, self.operators, self.codes = [], [], [], []

    def table(self, kind, **fields):
        module = schema(kind)
        getattr(module, kind + 'Start')(self.builder)
        for name, value in fields.items():
            getattr(module, f'{kind}Add{name}')(self.builder, value)
        return getattr(module, kind + 'End')(self.builder)

    def ints(self, values):
        return self.builder.CreateNumpyVector(np.array(values, np.int32))

    def tensor(self, shape, kind=FLOAT, buffer=0):
        name, dims = self.builder.CreateString(f't{len(self.tensors)}'), self.ints(shape)
        self.tensors.append(self.table('Tensor', Shape=dims, Type=kind, Buffer=buffer, Name=name))
        self.shapes.append(tuple(shape))
        return len(self.tensors) - 1

    def constant(self, value):
        raw = np.ascontiguousarray(value).tobytes()
        self.builder.Prep(16, len(raw))  # the format asks for 16-byte alignment
        data = self.builder.CreateByteVector(raw)
        self.buffers.append(self.table('Buffer', Data=data))
        return self.tensor(value.shape, INT if value.dtype == np.int32 else FLOAT, len(self.buffers) - 1)

    def op(self, name, inputs, shape, options=None, **fields):
        out = self.tensor(shape)
        if name not in self.codes:
            self.codes.append(name)
        extra = {}
        if options:
            kind = schema('BuiltinOptions').BuiltinOptions
            extra = dict(BuiltinOptionsType=getattr(kind, options), BuiltinOptions=self.table(options, **fields))
        ins, outs = self.ints(inputs), self.ints([out])
        self.operators.append(
            self.table('Operator', OpcodeIndex=self.codes.index(name), Inputs=ins, Outputs=outs, **extra))
        return out

    def linear(self, x, weight, bias=None):
        ins = [x, self.constant(weight), -1 if bias is None else self.constant(bias)]
        shape = self.shapes[x][:-1] + (weight.shape[0],)
        return self.op('FULLY_CONNECTED', ins, shape, 'FullyConnectedOptions', KeepNumDims=True)

    def binary(self, name, a, b):
        options = dict(ADD='AddOptions', SUB='SubOptions', MUL='MulOptions')[name]
        return self.op(name, [a, b], np.broadcast_shapes(self.shapes[a], self.shapes[b]), options)

    def mean(self, x, axis, keep):
        shape = list(self.shapes[x])
        shape[axis:axis + 1] = [1] if keep else []
        return self.op('MEAN', [x, self.constant(np.array([axis], np.int32))], shape, 'ReducerOptions', KeepDims=keep)

    def layer_norm(self, x, weight, bias):
        last = len(self.shapes[x]) - 1
        centred = self.binary('SUB', x, self.mean(x, last, True))
        variance = self.mean(self.binary('MUL', centred, centred), last, True)
        shifted = self.binary('ADD', variance, self.constant(np.array([EPSILON], np.float32)))
        normal = self.binary('MUL', centred, self.op('RSQRT', [shifted], self.shapes[shifted]))
        return self.binary('ADD', self.binary('MUL', normal, self.constant(weight)), self.constant(bias))

    def reshape(self, x, shape):
        return self.op('RESHAPE', [x, self.constant(np.array(shape, np.int32))], shape, 'ReshapeOptions')

    def transpose(self, x, order):
        shape = [self.shapes[x][i] for i in order]
        return self.op('TRANSPOSE', [x, self.constant(np.array(order, np.int32))], shape, 'TransposeOptions')

    def softmax(self, x):
        return self.op('SOFTMAX', [x], self.shapes[x], 'SoftmaxOptions', Beta=1.0)

    def attention(self, query, key, value, mask=None):
        """query (scaled), key, value: [1, heads, tokens, size]."""
        batch, heads, tokens, size = self.shapes[query]
        scores = self.op('BATCH_MATMUL', [query, key], (batch, heads, tokens, tokens), 'BatchMatMulOptions', AdjY=True)
        weights = self.softmax(scores if mask is None else self.binary('ADD', scores, mask))
        return self.op('BATCH_MATMUL', [weights, value], self.shapes[query], 'BatchMatMulOptions')

    def save(self, path, inputs, output):
        def tables(items):
            self.builder.StartVector(4, len(items), 4)
            for item in reversed(items):
                self.builder.PrependUOffsetTRelative(item)
            return self.builder.EndVector()

        numbers = schema('BuiltinOperator').BuiltinOperator
        codes = []
        for name in self.codes:
            number = getattr(numbers, name)
            codes.append(self.table('OperatorCode', DeprecatedBuiltinCode=min(number, 127), BuiltinCode=number,
                                    Version=VERSIONS.get(name, 1)))
        parts = dict(Tensors=tables(self.tensors), Inputs=self.ints(inputs), Outputs=self.ints([output]),
                     Operators=tables(self.operators))
        graph = tables([self.table('SubGraph', **parts)])
        codes, buffers = tables(codes), tables(self.buffers)
        self.builder.Finish(
            self.table('Model', Version=3, OperatorCodes=codes, Subgraphs=graph, Buffers=buffers), b'TFL3')
        with open(path, 'wb') as file:
            file.write(self.builder.Output())


def matmul(path, m, weight):
    graph = Graph()
    x = graph.tensor((m, weight.shape[1]))
    graph.save(path, [x], graph.linear(x, weight))


def attention(path, heads, tokens, size):
    graph = Graph()
    query, key, value = (graph.tensor((1, heads, tokens, size)) for _ in range(3))
    scaled = graph.binary('MUL', query, graph.constant(np.array([size ** -0.5], np.float32)))
    graph.save(path, [query, key, value], graph.attention(scaled, key, value))


def softmax(path, rows, columns):
    graph = Graph()
    x = graph.tensor((rows, columns))
    graph.save(path, [x], graph.softmax(x))


def layer_norm(path, rows, columns):
    graph = Graph()
    x = graph.tensor((rows, columns))
    graph.save(path, [x], graph.layer_norm(x, np.ones(columns, np.float32), np.zeros(columns, np.float32)))


def minilm(path, weights, tokens):
    """ids Int32 [1, tokens], additive mask Float32 [1, 1, 1, tokens] -> mean of the last hidden state [1, hidden]."""
    hidden, heads = MINILM['hidden'], MINILM['heads']
    size = hidden // heads
    graph = Graph()
    ids, mask = graph.tensor((1, tokens), INT), graph.tensor((1, 1, 1, tokens))

    def get(name):
        return weights[name].astype(np.float32)

    def linear(x, name):
        return graph.linear(x, get(name + '.weight'), get(name + '.bias'))

    def norm(x, y, name):
        return graph.layer_norm(graph.binary('ADD', x, y), get(name + '.weight'), get(name + '.bias'))

    def split(x):
        return graph.transpose(graph.reshape(x, (1, tokens, heads, size)), (0, 2, 1, 3))

    words = graph.constant(get('embeddings.word_embeddings.weight'))
    x = graph.op('GATHER', [words, ids], (1, tokens, hidden), 'GatherOptions')
    places = get('embeddings.position_embeddings.weight')[None, :tokens]
    x = norm(x, graph.constant(places + get('embeddings.token_type_embeddings.weight')[0]), 'embeddings.LayerNorm')
    scale = graph.constant(np.array([size ** -0.5], np.float32))
    for i in range(MINILM['layers']):
        layer = f'encoder.layer.{i}.'
        query, key, value = (linear(x, f'{layer}attention.self.{part}') for part in ('query', 'key', 'value'))
        mixed = graph.attention(split(graph.binary('MUL', query, scale)), split(key), split(value), mask)
        mixed = graph.reshape(graph.transpose(mixed, (0, 2, 1, 3)), (1, tokens, hidden))
        x = norm(linear(mixed, layer + 'attention.output.dense'), x, layer + 'attention.output.LayerNorm')
        inner = linear(x, layer + 'intermediate.dense')
        inner = graph.op('GELU', [inner], graph.shapes[inner], 'GeluOptions', Approximate=False)
        x = norm(linear(inner, layer + 'output.dense'), x, layer + 'output.LayerNorm')
    graph.save(path, [ids, mask], graph.mean(x, 1, False))
