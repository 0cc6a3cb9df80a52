"""Writes every model of the bench into a folder: checkpoints for us, .onnx and .tflite for the peers.

usage: python make_models.py FOLDER        (needs numpy onnx onnxruntime sympy tflite flatbuffers)
"""
import sys
from pathlib import Path

import numpy as np

import make_decoder_onnx
import make_onnx
import make_tflite
from decoder_weights import GPT2, SMOLLM, gpt2_config, gpt2_weights, llama_config, llama_weights, write_decoders
from weights import MINILM, TINY, bert_weights, write_checkpoint

MATMULS = [(512, 768, 3072), (128, 1536, 384), (1024, 1024, 1024)]  # M, N, K
ATTENTION_TOKENS = [128, 512]
MINILM_TOKENS = [16, 128, 512]

out = Path(sys.argv[1])
out.mkdir(parents=True, exist_ok=True)
for name, sizes in (('tiny', TINY), ('minilm', MINILM)):
    weights = bert_weights(**sizes)
    write_checkpoint(out / name, sizes, weights)
    make_onnx.encoder(f'{out}/{name}-exported.onnx', sizes, weights)
    make_onnx.fuse(f'{out}/{name}-exported.onnx', f'{out}/{name}.onnx', sizes)
for tokens in MINILM_TOKENS:
    make_tflite.minilm(f'{out}/minilm-{tokens}.tflite', weights, tokens)
rng = np.random.default_rng(2)
for m, n, k in MATMULS:
    weight = rng.uniform(-1, 1, (n, k)).astype(np.float32)
    make_onnx.matmul(out, f'matmul-{m}x{n}x{k}', m, weight)
    make_tflite.matmul(f'{out}/matmul-{m}x{n}x{k}.tflite', m, weight)
for tokens in ATTENTION_TOKENS:
    make_onnx.attention(out, f'attention-{tokens}', 12, tokens, 64)
    make_tflite.attention(f'{out}/attention-{tokens}.tflite', 12, tokens, 64)
for name in ('softmax', 'layer_norm'):
    getattr(make_onnx, name)(out, f'{name}-4096x1024', 4096, 1024)
    getattr(make_tflite, name)(f'{out}/{name}-4096x1024.tflite', 4096, 1024)
weights = gpt2_weights(**GPT2)
write_decoders(out, 'gpt2', gpt2_config(GPT2), weights)
make_decoder_onnx.gpt2(out / 'gpt2.onnx', weights, grouped=False)
weights = llama_weights(**SMOLLM)
write_decoders(out, 'smollm', llama_config(SMOLLM), weights)
make_decoder_onnx.llama(out / 'smollm.onnx', weights, grouped=True)
make_decoder_onnx.llama(out / 'smollm-prefill.onnx', weights, grouped=False)
