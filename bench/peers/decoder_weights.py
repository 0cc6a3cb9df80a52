"""Random weights of decoders, the same for every runtime, under Hugging Face's tensor names.

As in weights.py values are rounded to f16: the f16 and f32 checkpoints and the peer's model hold the same numbers.
"""
import numpy as np

from weights import write_safetensors

GPT2 = dict(layers=12, hidden=768, heads=12, vocab=50257, positions=1024)
SMOLLM = dict(layers=30, hidden=576, heads=9, kv_heads=3, intermediate=1536, vocab=49152, positions=16384)
GPT2_EPSILON = SMOLLM_EPSILON = 1e-5
ROPE_THETA = 10000.0


class Random:
    """Uniform values of a given range, put under a name."""

    def __init__(self, seed):
        self.rng, self.weights = np.random.default_rng(seed), {}

    def put(self, name, shape, scale, center=0.0):
        values = self.rng.random(shape, np.float32)
        values *= 2 * scale
        values += center - scale
        self.weights[name] = values.astype(np.float16)


def gpt2_weights(layers, hidden, vocab, positions, seed=3, **_):
    """Conv1D matrices are [in, out]."""
    random = Random(seed)
    put = random.put

    def linear(name, inner, out):
        put(name + '.weight', (inner, out), (3 / inner) ** 0.5)
        put(name + '.bias', (out,), 0.05)

    def norm(name):
        put(name + '.weight', (hidden,), 0.1, 1.0)
        put(name + '.bias', (hidden,), 0.1)

    put('transformer.wte.weight', (vocab, hidden), 0.05)
    put('transformer.wpe.weight', (positions, hidden), 0.05)
    for i in range(layers):
        layer = f'transformer.h.{i}.'
        norm(layer + 'ln_1')
        linear(layer + 'attn.c_attn', hidden, 3 * hidden)
        linear(layer + 'attn.c_proj', hidden, hidden)
        norm(layer + 'ln_2')
        linear(layer + 'mlp.c_fc', hidden, 4 * hidden)
        linear(layer + 'mlp.c_proj', 4 * hidden, hidden)
    norm('transformer.ln_f')
    return random.weights


def llama_weights(layers, hidden, heads, kv_heads, intermediate, vocab, seed=4, **_):
    """nn.Linear's matrices are [out, in]."""
    random = Random(seed)
    put = random.put
    size = hidden // heads

    def linear(name, out, inner):
        put(name + '.weight', (out, inner), (3 / inner) ** 0.5)

    put('model.embed_tokens.weight', (vocab, hidden), 0.05)
    for i in range(layers):
        layer = f'model.layers.{i}.'
        put(layer + 'input_layernorm.weight', (hidden,), 0.1, 1.0)
        linear(layer + 'self_attn.q_proj', hidden, hidden)
        linear(layer + 'self_attn.k_proj', kv_heads * size, hidden)
        linear(layer + 'self_attn.v_proj', kv_heads * size, hidden)
        linear(layer + 'self_attn.o_proj', hidden, hidden)
        put(layer + 'post_attention_layernorm.weight', (hidden,), 0.1, 1.0)
        linear(layer + 'mlp.gate_proj', intermediate, hidden)
        linear(layer + 'mlp.up_proj', intermediate, hidden)
        linear(layer + 'mlp.down_proj', hidden, intermediate)
    put('model.norm.weight', (hidden,), 0.1, 1.0)
    return random.weights


def write_decoders(folder, name, config, weights):
    """FOLDER/NAME-f32 and FOLDER/NAME-f16 as the Hub has them."""
    for dtype, kind in (('f32', np.float32), ('f16', np.float16)):
        held = {key: value.astype(kind) for key, value in weights.items()}
        write_safetensors(folder / f'{name}-{dtype}', config | {'torch_dtype': f'float{dtype[1:]}'}, held)


def gpt2_config(sizes):
    return dict(
        architectures=['GPT2LMHeadModel'], model_type='gpt2', activation_function='gelu_new', n_layer=sizes['layers'],
        n_embd=sizes['hidden'], n_head=sizes['heads'], n_positions=sizes['positions'], n_ctx=sizes['positions'],
        vocab_size=sizes['vocab'], layer_norm_epsilon=GPT2_EPSILON, bos_token_id=50256, eos_token_id=50256,
        tie_word_embeddings=True)


def llama_config(sizes):
    return dict(
        architectures=['LlamaForCausalLM'], model_type='llama', hidden_act='silu', num_hidden_layers=sizes['layers'],
        hidden_size=sizes['hidden'], num_attention_heads=sizes['heads'], num_key_value_heads=sizes['kv_heads'],
        intermediate_size=sizes['intermediate'], max_position_embeddings=sizes['positions'], vocab_size=sizes['vocab'],
        rms_norm_eps=SMOLLM_EPSILON, rope_theta=ROPE_THETA, rope_scaling=None, attention_bias=False, mlp_bias=False,
        bos_token_id=0, eos_token_id=0, tie_word_embeddings=True)
