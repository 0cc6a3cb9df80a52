"""The golden causal models: one folder each, in Hugging Face layout, with expected.safetensors and expected.json."""

import json

import numpy as np
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from shared import files, generation, weights

from . import forward

VOCAB = 61
LOW = 3  # smallest id in prompts and texts

GPT = {"n_embd": 24, "n_head": 2, "n_layer": 2, "n_positions": 40}
LLAMA = {
    "hidden_size": 24,
    "intermediate_size": 37,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 64,
}
GROUPED = {**LLAMA, "hidden_size": 48, "num_attention_heads": 4, "num_key_value_heads": 2}
NEOX = {**LLAMA, "hidden_size": 32, "rotary_pct": 0.25}
NEOX.pop("num_key_value_heads")
BLOOM = {"hidden_size": 36, "n_layer": 2, "n_head": 3}
LONG = {"long_factor": [1.0, 1.5, 2.0, 3.0, 5.0, 8.0], "short_factor": [1.0, 1.0, 1.1, 1.2, 1.3, 1.5]}
SIGNED = ("gpt_neox.final_layer_norm.weight",)


def rope(kind, **settings):
    return {"rope_scaling": {"rope_type": kind, **settings}}


# folder: (class without ForCausalLM, config, how many beam settings). Head sizes of 12 and 20 are not multiples of 8.
MODELS = {
    "openai-gpt": ("OpenAIGPTLMHead", {**GPT, "afn": "gelu", "layer_norm_epsilon": 1e-5}, 0),
    "gpt2": ("GPT2LMHead", {**GPT, "layer_norm_epsilon": 1e-5}, 6),
    "gpt2-untied": (
        "GPT2LMHead",
        {
            **GPT,
            "n_embd": 20,
            "n_head": 1,
            "n_inner": 50,
            "activation_function": "relu",
            "tie_word_embeddings": False,
            "scale_attn_by_inverse_layer_idx": True,
        },
        0,
    ),
    "llama": ("LlamaForCausalLM", {**GROUPED, "rms_norm_eps": 1e-5}, 6),
    "llama-tied": (
        "LlamaForCausalLM",
        {
            **LLAMA,
            "hidden_size": 40,
            "tie_word_embeddings": True,
            "attention_bias": True,
            "mlp_bias": True,
            "rope_theta": 500.0,
        },
        0,
    ),
    "llama-v5": (
        "LlamaForCausalLM",
        {**LLAMA, "rope_theta": 300.0, **rope("yarn", factor=4.0, original_max_position_embeddings=8)},
        0,
    ),
    "llama-linear": ("LlamaForCausalLM", {**LLAMA, **rope("linear", factor=2.5)}, 0),
    "llama-dynamic": ("LlamaForCausalLM", {**LLAMA, "max_position_embeddings": 8, **rope("dynamic", factor=2.0)}, 0),
    "llama-yarn": (
        "LlamaForCausalLM",
        {**LLAMA, **rope("yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4.0, beta_slow=1.0)},
        0,
    ),
    "llama-yarn-mscale": (
        "LlamaForCausalLM",
        {
            **LLAMA,
            **rope(
                "yarn",
                factor=4.0,
                original_max_position_embeddings=16,
                beta_fast=4.0,
                mscale=1.5,
                mscale_all_dim=0.7,
                truncate=False,
            ),
        },
        0,
    ),
    "llama-llama3": (
        "LlamaForCausalLM",
        {
            **LLAMA,
            "rope_theta": 100.0,
            **rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=24),
        },
        0,
    ),
    "llama-longrope": (
        "LlamaForCausalLM",
        {**LLAMA, "max_position_embeddings": 32, "original_max_position_embeddings": 8, **rope("longrope", **LONG)},
        0,
    ),
    "llama-longrope-factor": (
        "LlamaForCausalLM",
        {**LLAMA, "max_position_embeddings": 10, **rope("longrope", factor=4.0, **LONG)},
        0,
    ),
    "mistral": ("MistralForCausalLM", {**LLAMA, "sliding_window": 5, "head_dim": 20, "hidden_act": "gelu"}, 0),
    "mistral-full": ("MistralForCausalLM", {**LLAMA, "sliding_window": None}, 0),
    "qwen2": ("Qwen2ForCausalLM", {**LLAMA, "use_sliding_window": False, "tie_word_embeddings": True}, 2),
    "qwen2-window": (
        "Qwen2ForCausalLM",
        {**LLAMA, "use_sliding_window": True, "sliding_window": 4, "max_window_layers": 1},
        0,
    ),
    "qwen3": ("Qwen3ForCausalLM", {**GROUPED, "hidden_size": 32, "head_dim": 20, "rms_norm_eps": 1e-6}, 0),
    "qwen3-tied": (
        "Qwen3ForCausalLM",
        {**LLAMA, "head_dim": 12, "attention_bias": True, "tie_word_embeddings": True},
        0,
    ),
    "gpt-neox": ("GPTNeoXForCausalLM", {**NEOX, "use_parallel_residual": True}, 2),
    "gpt-neox-serial": (
        "GPTNeoXForCausalLM",
        {
            **NEOX,
            "hidden_size": 20,
            "num_attention_heads": 1,
            # 5 columns of 20: frequencies of 5, and 6 columns turn
            "rotary_pct": 0.25,
            "use_parallel_residual": False,
            "attention_bias": False,
            "hidden_act": "gelu_new",
            "tie_word_embeddings": True,
        },
        0,
    ),
    "bloom": ("BloomForCausalLM", BLOOM, 2),
    "bloom-power": (
        "BloomForCausalLM",
        {**BLOOM, "hidden_size": 48, "n_head": 4, "apply_residual_connection_post_layernorm": True},
        0,
    ),
}

# where the search for clear texts starts: the first seed that gives them
SEEDS = {
    "openai-gpt": 1000,
    "gpt2": 2000,
    "gpt2-untied": 3000,
    "llama": 4001,
    "llama-tied": 5000,
    "llama-v5": 6000,
    "llama-linear": 7000,
    "llama-dynamic": 8000,
    "llama-yarn": 9000,
    "llama-yarn-mscale": 10000,
    "llama-llama3": 11000,
    "llama-longrope": 12000,
    "llama-longrope-factor": 13000,
    "mistral": 14000,
    "mistral-full": 15000,
    "qwen2": 16000,
    "qwen2-window": 17000,
    "qwen3": 18000,
    "qwen3-tied": 19000,
    "gpt-neox": 20002,
    "gpt-neox-serial": 21001,
    "bloom": 22045,
    "bloom-power": 23003,
}


def model_class(name):
    return getattr(hf, name if name.endswith("ForCausalLM") else f"{name}Model")


def attempt(name, seed):
    """(model in float64, tensors, results), or Unclear."""
    kind, settings, beams = MODELS[name]
    chosen = model_class(kind)
    config = chosen.config_class(vocab_size=VOCAB, bos_token_id=1, eos_token_id=None, pad_token_id=0, **settings)
    signed = SIGNED if name == "gpt-neox-serial" else ()
    model = weights.random_model(chosen, config, seed, signed=signed).double()
    rng = np.random.default_rng(seed)
    model.generation_config.eos_token_id = None
    generation.choose_eos(model, rng, VOCAB, LOW)
    results = {"greedy": generation.greedy_cases(model, rng, VOCAB, LOW)}
    results["beams"] = generation.beam_cases(model, rng, VOCAB, LOW, generation.BEAMS[:beams])
    whole_length = any(word in name for word in ("dynamic", "longrope"))
    takes_positions = "bloom" not in name
    tensors = forward.expected(model, rng, VOCAB, LOW, takes_positions, not whole_length)
    return model, tensors, results


def save(name, model, folder):
    model.float().save_pretrained(folder, safe_serialization=True)
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = "float32"
    if name == "llama-v5":
        # what transformers 5 writes, byte for byte
        rotary = {**config.pop("rope_scaling"), "rope_theta": config.pop("rope_theta")}
        config["rope_parameters"] = dict(sorted(rotary.items()))
        config["transformers_version"] = "5.24.0"
        config = dict(sorted(config.items()))
    elif name == "llama":
        # what transformers 4 wrote until 4.55
        config["torch_dtype"] = config.pop("dtype")
    files.save_json(folder, "config.json", config)


# Names and extra tensors that published checkpoints have and today's transformers does not write.
def legacy(folder, rename, extra):
    tensors = {rename(key): value for key, value in load_file(folder / "model.safetensors").items()}
    save_file({**tensors, **extra}, folder / "model.safetensors", metadata={"format": "pt"})


def causal_masks(names, size):
    return {name: torch.ones(size, size, dtype=torch.uint8).tril()[None, None] for name in names}


LEGACY = {
    "openai-gpt": lambda key: key.removeprefix("transformer."),
    "gpt2": lambda key: key.removeprefix("transformer."),
    "bloom": lambda key: key.removeprefix("transformer."),
}
EXTRA = {
    "openai-gpt": lambda: causal_masks([f"h.{i}.attn.bias" for i in range(2)], 8),
    "gpt2": lambda: causal_masks([f"h.{i}.attn.bias" for i in range(2)], 8),
    "llama": lambda: {f"model.layers.{i}.self_attn.rotary_emb.inv_freq": torch.zeros(6) for i in range(2)},
    "gpt-neox": lambda: {
        **causal_masks([f"gpt_neox.layers.{i}.attention.bias" for i in range(2)], 8),
        **{f"gpt_neox.layers.{i}.attention.masked_bias": torch.tensor(-1e9) for i in range(2)},
        **{f"gpt_neox.layers.{i}.attention.rotary_emb.inv_freq": torch.zeros(2) for i in range(2)},
    },
}


def build_one(out, name):
    for seed in range(SEEDS[name], SEEDS[name] + 200):
        try:
            model, tensors, results = attempt(name, seed)
        except generation.Unclear as reason:
            print(f"  {name}, seed {seed}: {reason}")
            continue
        break
    else:
        raise RuntimeError(f"{name}: no seed gives clear texts")
    folder = out / name
    save(name, model, folder)
    if name in LEGACY or name in EXTRA:
        legacy(folder, LEGACY.get(name, lambda key: key), EXTRA.get(name, dict)())
    files.save_expected(folder, tensors, results)
    lengths = [len(case["ids"]) for case in results["greedy"]]
    print(f"decoders/{name}: seed {seed}, texts of {lengths}, {sum(f.stat().st_size for f in folder.iterdir())} bytes")


def build(out, wanted):
    for name in MODELS:
        if wanted(name):
            build_one(out, name)
