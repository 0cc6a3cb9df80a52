"""Random weights for the golden models of decoders and encoder-decoders."""

import math

import torch

EMBEDDINGS = ("wte", "wpe", "embed", "shared", "lm_head.bias")


def random_model(model_class, config, seed, embedding=0.7, linear=1.6, rescale=(), signed=()):
    """A model whose every parameter is random and large enough to matter: attention far from uniform, biases not zero.

    rescale: (part of a name, factor) pairs for weights that need another spread. signed: ends of names of
    norm weights around 0 instead of 1: before a tied head they keep a token from always predicting itself.
    """
    generator = torch.Generator().manual_seed(seed)
    config._attn_implementation = "eager"
    model = model_class(config).eval()
    fixed = {id(p) for m in model.modules() if "Sinusoidal" in type(m).__name__ for p in m.parameters(recurse=False)}
    transposed = {id(m.weight) for m in model.modules() if type(m).__name__ == "Conv1D"}
    norms = {id(p) for m in model.modules() if "norm" in type(m).__name__.lower() for p in m.parameters(recurse=False)}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if id(parameter) in fixed:
                continue
            noise = torch.randn(parameter.shape, generator=generator)
            if id(parameter) in norms:
                value = noise if name.endswith(signed) else noise * 0.2 + (1 if name.endswith("weight") else 0)
            elif parameter.ndim == 1:
                value = noise * 0.2
            elif "relative_attention_bias" in name:
                value = noise
            elif any(word in name for word in EMBEDDINGS) and "embed_out" not in name:
                value = noise * embedding
            else:
                value = noise * (linear / math.sqrt(parameter.shape[0 if id(parameter) in transposed else 1]))
            for part, factor in rescale:
                if part in name:
                    value = value * factor
            parameter.copy_(value)
        for name, buffer in model.named_buffers():
            if name.endswith("final_logits_bias"):
                buffer.copy_(torch.randn(buffer.shape, generator=generator) * 0.5)
    model.tie_weights()
    return model
