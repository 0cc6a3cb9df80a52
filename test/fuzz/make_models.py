"""Tiny models of random configs, with what transformers computes from them in float64: finds what the goldens do not cover.

    pip install torch==2.13.0 transformers safetensors        (version 4 and version 5 write different configs: try both)
    python test/fuzz/make_models.py FOLDER [--count 5] [--seed 1] [--only llama t5 ...]
    npm run build && node test/fuzz/compare.mjs FOLDER

Options that a version of the library itself cannot run are counted and left out.
"""

import argparse
import json
import math
import os
import pathlib
import random

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers as hf

VOCAB = 97
LOW, HIGH = 6, VOCAB - 12  # ids of texts
NEW_TOKENS = 14
SIZES = [8, 12, 16, 20]
ACTIVATIONS = ["gelu", "gelu_new", "relu", "silu", "gelu_pytorch_tanh", "quick_gelu", "tanh", "gelu_fast"]
WIDE = 0.3  # standard deviation of weights: answers that differ from token to token


def rope(r, size):
    """`rope_scaling`, in the keys that versions 4 and 5 read alike."""
    kind = r.choice([None, None, "linear", "dynamic", "yarn", "llama3"])
    if kind is None:
        return {}
    settings = {"rope_type": kind, "factor": r.choice([2.0, 3.5, 8.0])}
    if kind == "yarn":
        settings["original_max_position_embeddings"] = r.choice([8, 16])
        settings.update(r.choice([{}, {"beta_fast": 8.0}, {"attention_factor": 1.3}, {"mscale": 1.2, "mscale_all_dim": 0.8}]))
    if kind == "llama3":
        settings.update(low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16)
    return {"rope_scaling": settings}


def llama_like(r, own_size):
    size, heads = r.choice(SIZES), r.choice([1, 2, 3, 4, 6])
    config = {
        "num_attention_heads": heads,
        "num_key_value_heads": r.choice([n for n in (1, 2, 3, 4, 6) if heads % n == 0]),
        "hidden_size": size * heads,
        "intermediate_size": r.choice([17, 40, 64]),
        "num_hidden_layers": r.choice([1, 2, 3]),
        "max_position_embeddings": r.choice([64, 128]),
        "rms_norm_eps": r.choice([1e-6, 1e-5]),
        "hidden_act": r.choice(["silu", "silu", "gelu", "gelu_pytorch_tanh", "relu"]),
        "tie_word_embeddings": r.random() < 0.5,
        "rope_theta": r.choice([10000.0, 500.0, 1e6]),
        "initializer_range": WIDE,
        **rope(r, size),
    }
    if own_size:
        config["head_dim"] = size
        config["hidden_size"] = r.choice([config["hidden_size"], 20, 36, 48])
    return config


def llama(r):
    return "LlamaForCausalLM", {**llama_like(r, r.random() < 0.5), "attention_bias": r.random() < 0.3, "mlp_bias": r.random() < 0.3}


def mistral(r):
    return "MistralForCausalLM", {**llama_like(r, True), "sliding_window": r.choice([None, 3, 7, 16])}


def window(r):
    return {"use_sliding_window": r.random() < 0.5, "sliding_window": r.choice([3, 6]), "max_window_layers": r.choice([0, 1, 2])}


def qwen2(r):
    return "Qwen2ForCausalLM", {**llama_like(r, False), **window(r)}


def qwen3(r):
    return "Qwen3ForCausalLM", {**llama_like(r, True), **window(r), "attention_bias": r.random() < 0.3}


def gpt_neox(r):
    heads = r.choice([1, 2, 3])
    return "GPTNeoXForCausalLM", {
        "hidden_size": r.choice(SIZES) * heads,
        "num_attention_heads": heads,
        "num_hidden_layers": r.choice([1, 2]),
        "intermediate_size": r.choice([40, 51]),
        "hidden_act": r.choice(ACTIVATIONS),
        "rotary_pct": r.choice([0.25, 0.5, 1.0]),
        "rotary_emb_base": r.choice([10000, 300]),
        "use_parallel_residual": r.random() < 0.5,
        "attention_bias": r.random() < 0.7,
        "tie_word_embeddings": r.random() < 0.4,
        "max_position_embeddings": 64,
        "layer_norm_eps": r.choice([1e-5, 1e-3]),
        "initializer_range": WIDE,
    }


def gpt(r):
    heads = r.choice([1, 2, 3])
    return {"n_embd": heads * r.choice(SIZES), "n_head": heads, "n_layer": r.choice([1, 2, 3]), "n_positions": 64, "initializer_range": WIDE}


def gpt2(r):
    return "GPT2LMHeadModel", {
        **gpt(r),
        "n_inner": r.choice([None, 33, 80]),
        "activation_function": r.choice(ACTIVATIONS),
        "scale_attn_weights": r.random() < 0.8,
        "scale_attn_by_inverse_layer_idx": r.random() < 0.3,
        "tie_word_embeddings": r.random() < 0.7,
    }


def openai_gpt(r):
    return "OpenAIGPTLMHeadModel", {**gpt(r), "afn": r.choice(["gelu", "relu", "silu"])}


def bloom(r):
    heads = r.choice([1, 3, 4, 5, 6, 8])
    return "BloomForCausalLM", {
        "hidden_size": heads * r.choice([8, 12]),
        "n_head": heads,
        "n_layer": 2,
        "apply_residual_connection_post_layernorm": r.random() < 0.4,
        "initializer_range": WIDE,
    }


HEADS = ["Model", "ForMaskedLM", "ForSequenceClassification", "ForTokenClassification", "ForQuestionAnswering"]


def encoder(name, own, more_heads=()):
    """A family of encoders: BERT's config, the head by chance, and what `own` gives."""

    def make(r):
        heads, head = r.choice([1, 2, 3]), r.choice([*HEADS, *more_heads])
        return name + head, {
            "hidden_size": heads * r.choice(SIZES),
            "num_attention_heads": heads,
            "num_hidden_layers": r.choice([1, 2, 3]),
            "intermediate_size": r.choice([33, 64]),
            "hidden_act": r.choice(ACTIVATIONS),
            "max_position_embeddings": 64,
            "layer_norm_eps": r.choice([1e-12, 1e-5]),
            "tie_word_embeddings": r.random() < 0.7,
            "initializer_range": WIDE,
            "num_labels": r.choice([1, 2, 5]),
            **own(r),
        }

    return make


def distilbert(r):
    heads = r.choice([1, 2, 3])
    return "DistilBert" + r.choice(HEADS), {
        "dim": heads * r.choice(SIZES),
        "n_heads": heads,
        "n_layers": r.choice([1, 2]),
        "hidden_dim": r.choice([33, 64]),
        "activation": r.choice(ACTIVATIONS),
        "max_position_embeddings": 64,
        "sinusoidal_pos_embds": r.random() < 0.3,
        "tie_word_embeddings": r.random() < 0.7,
        "initializer_range": WIDE,
        "num_labels": r.choice([1, 2, 5]),
    }


def bart_like(name, own):
    def make(r):
        heads = r.choice([1, 2, 3])
        width = heads * r.choice(SIZES)
        return name, {
            "d_model": width,
            "encoder_attention_heads": heads,
            "decoder_attention_heads": r.choice([n for n in (1, 2, 3, 4) if width % n == 0]),
            "encoder_layers": r.choice([1, 2]),
            "decoder_layers": r.choice([1, 2, 3]),
            "encoder_ffn_dim": r.choice([33, 64]),
            "decoder_ffn_dim": r.choice([40, 51]),
            "activation_function": r.choice(ACTIVATIONS),
            "max_position_embeddings": 64,
            "scale_embedding": r.random() < 0.5,
            "encoder_layerdrop": 0.0,
            "decoder_layerdrop": 0.0,
            "init_std": WIDE,
            **own(r),
        }

    return make


START_2 = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "decoder_start_token_id": 2}


def marian(r):
    last = {"pad_token_id": VOCAB - 1, "decoder_start_token_id": VOCAB - 1, "eos_token_id": 0, "bos_token_id": 0, "forced_eos_token_id": 0}
    return {**last, "tie_word_embeddings": r.random() < 0.7}


def t5_like(name):
    return lambda r: (
        name,
        {
            "d_model": r.choice([24, 36]),
            "d_kv": r.choice(SIZES),
            "d_ff": r.choice([33, 64]),
            "num_layers": 2,
            "num_decoder_layers": r.choice([None, 1, 2]),
            "num_heads": r.choice([1, 2, 3]),
            "relative_attention_num_buckets": r.choice([8, 32]),
            "relative_attention_max_distance": r.choice([20, 128]),
            "feed_forward_proj": r.choice(["relu", "gated-gelu", "gated-silu", "gelu"]),
            "tie_word_embeddings": r.random() < 0.5,
            "pad_token_id": 0,
            "eos_token_id": 1,
            "decoder_start_token_id": 0,
            "initializer_factor": 0.5,
        },
    )


DECODERS = {f.__name__: f for f in (llama, mistral, qwen2, qwen3, gpt_neox, gpt2, openai_gpt, bloom)}
ENCODERS = {
    "bert": encoder("Bert", lambda r: {"type_vocab_size": r.choice([1, 2, 3])}, ("ForPreTraining", "ForNextSentencePrediction")),
    "roberta": encoder("Roberta", lambda r: {"type_vocab_size": 1, "pad_token_id": r.choice([0, 1, 1, 5])}),
    "xlm_roberta": encoder("XLMRoberta", lambda r: {"type_vocab_size": r.choice([1, 2])}),
    "camembert": encoder("Camembert", lambda r: {}),
    "mpnet": encoder("MPNet", lambda r: {}),
    "distilbert": distilbert,
}
TRANSFORMERS = {
    "bart": bart_like("BartForConditionalGeneration", lambda r: {**START_2, "forced_eos_token_id": r.choice([2, None])}),
    "mbart": bart_like("MBartForConditionalGeneration", lambda r: {**START_2, "forced_eos_token_id": 2}),
    "marian": bart_like("MarianMTModel", marian),
    "m2m_100": bart_like("M2M100ForConditionalGeneration", lambda r: START_2),
    "pegasus": bart_like(
        "PegasusForConditionalGeneration",
        lambda r: {"pad_token_id": 0, "eos_token_id": 1, "decoder_start_token_id": 0, "forced_eos_token_id": 1},
    ),
    "t5": t5_like("T5ForConditionalGeneration"),
    "mt5": t5_like("MT5ForConditionalGeneration"),
    "umt5": t5_like("UMT5ForConditionalGeneration"),
}
FAMILIES = {**ENCODERS, **DECODERS, **TRANSFORMERS}


def random_ids(r, n):
    return [r.randrange(LOW, HIGH) for _ in range(n)]


def drawn(r, likely):
    """Options by name: each with its likelihood, and what draws its value."""
    return {name: draw() for name, (share, draw) in likely.items() if r.random() < share}


def generation_options(r):
    """Of transformers' generate(); without sampling, whose numbers are its own."""
    ids = lambda n: random_ids(r, n)
    likely = {
        "repetition_penalty": (0.4, lambda: r.choice([1.2, 0.8, 2.0])),
        "no_repeat_ngram_size": (0.3, lambda: r.choice([1, 2, 3])),
        "bad_words_ids": (0.3, lambda: [ids(r.choice([1, 1, 2, 3])) for _ in range(r.choice([1, 5, 20]))]),
        "suppress_tokens": (0.3, lambda: ids(10)),
        "begin_suppress_tokens": (0.3, lambda: ids(10)),
        "min_new_tokens": (0.3, lambda: r.choice([2, 6])),
        "eos_token_id": (0.5, lambda: ids(r.choice([1, 3, 12]))),
        "forced_eos_token_id": (0.2, lambda: r.randrange(LOW, HIGH)),
    }
    options = drawn(r, likely)
    if options.get("forced_eos_token_id") in options.get("suppress_tokens", []):
        del options["suppress_tokens"]
    if r.random() < 0.6:
        beams = r.choice([2, 3, 5])
        options.update(num_beams=beams, num_return_sequences=r.randint(1, beams), length_penalty=r.choice([1.0, 0.5, 2.0, -1.0, 0.0]))
        options["early_stopping"] = r.choice([True, False, "never"])
    return options


def sampling_options(r, is_seq2seq):
    """Of transformers' generate() with do_sample, and processors that `generation_options` leaves out."""
    ids = lambda n: random_ids(r, n)
    likely = {
        "temperature": (0.5, lambda: r.choice([0.3, 0.7, 1.5])),
        "top_k": (0.8, lambda: r.choice([0, 1, 5, 20, 200])),
        "top_p": (0.4, lambda: r.choice([0.05, 0.5, 0.9])),
        "min_p": (0.3, lambda: r.choice([0.001, 0.05, 0.3])),
        "typical_p": (0.3, lambda: r.choice([0.2, 0.8])),
        "epsilon_cutoff": (0.2, lambda: r.choice([0.0003, 0.02])),
        "eta_cutoff": (0.2, lambda: r.choice([0.0003, 0.02])),
        "sequence_bias": (0.3, lambda: [[ids(n), r.choice([-3.0, 2.5, 8.0])] for n in [1, 1, 2, 3][: r.randint(1, 4)]]),
        "exponential_decay_length_penalty": (0.3, lambda: [r.choice([0, 3]), r.choice([1.05, 1.4])]),
        "renormalize_logits": (0.2, lambda: True),
        "forced_bos_token_id": (0.2, lambda: r.randrange(LOW, HIGH)),
        "min_length": (0.2, lambda: r.choice([5, 20])),
    }
    if is_seq2seq:
        likely["encoder_repetition_penalty"] = (0.4, lambda: r.choice([1.3, 0.7]))
        likely["encoder_no_repeat_ngram_size"] = (0.3, lambda: r.choice([1, 2]))
    options = drawn(r, likely)
    beams = ("num_beams", "num_return_sequences", "length_penalty", "early_stopping")
    plain = {name: value for name, value in generation_options(r).items() if name not in beams}
    if "exponential_decay_length_penalty" in options:
        plain.setdefault("eos_token_id", ids(2))  # some configs name one beyond this vocabulary
    if "min_length" in options:
        plain.pop("min_new_tokens", None)
    if options.get("forced_bos_token_id") in plain.get("suppress_tokens", []):
        del plain["suppress_tokens"]
    return {**plain, **options}


def sample(model, family, row, options):
    """A text and, for each of its tokens, the log-probabilities that it was drawn from; None where they are zero."""
    ids, given = torch.tensor([row]), {"max_new_tokens": 8, "num_beams": 1, **options}
    try:
        out = model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, return_dict_in_generate=True, output_scores=True, **given
        )
    except (RuntimeError, ValueError):  # options that leave no token
        return None
    steps = [[None if value == -math.inf else value for value in scores[0].log_softmax(-1).tolist()] for scores in out.scores]
    return {"row": row, "options": given, "ids": out.sequences[0, -len(steps) :].tolist(), "steps": steps}


def tensor(value):
    return {"dims": list(value.shape), "data": value.flatten().tolist()}


def forward(model, family, row, r):
    inputs = {"inputIds": [row]}
    given = {"input_ids": torch.tensor([row]), "output_hidden_states": True, "output_attentions": True}
    if family in TRANSFORMERS:
        target = [model.config.decoder_start_token_id, *(r.randrange(LOW, HIGH) for _ in range(r.randint(1, 12)))]
        inputs["decoderInputIds"] = [target]
        given["decoder_input_ids"] = torch.tensor([target])
    outputs = {}
    for name, value in model(**given).items():
        if isinstance(value, torch.Tensor):
            outputs[name] = tensor(value)
        elif isinstance(value, tuple) and all(isinstance(one, torch.Tensor) for one in value):
            outputs |= {f"{name}.{i}": tensor(one) for i, one in enumerate(value)}
    return {"inputs": inputs, "outputs": outputs}


def generate(model, family, row, options):
    given = {"max_new_tokens": NEW_TOKENS, "num_beams": 1, **options}
    ids = torch.tensor([row])
    out = model.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, return_dict_in_generate=True, output_scores=True, **given
    )
    skipped = 1 if family in TRANSFORMERS else len(row)
    eos = options.get("eos_token_id", model.generation_config.eos_token_id)
    ends = set(eos if isinstance(eos, list) else [eos])
    sequences = [ids[skipped:] for ids in out.sequences.tolist()]
    # shorter ones are padded
    sequences = [ids[: next((i + 1 for i, id in enumerate(ids) if id in ends), len(ids))] for ids in sequences]
    scores = out.sequences_scores.tolist() if "num_beams" in options else None
    return {"row": row, "options": given, "sequences": sequences, "scores": scores}


def make(family, r, folder):
    name, config = FAMILIES[family](r)
    chosen = getattr(hf, name)
    model = chosen(chosen.config_class(vocab_size=VOCAB, **config)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 1:
                parameter.add_(torch.randn_like(parameter) * 0.2)
    (model.half() if r.random() < 0.3 else model).save_pretrained(folder)
    # as a user of the folder has it
    model = chosen.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager").eval()
    rows = [[r.randrange(LOW, HIGH) for _ in range(n)] for n in (13, 1, r.randint(2, 30))]
    expected = {"forward": [forward(model, family, row, r) for row in rows], "generate": []}
    if family not in ENCODERS:
        expected["generate"] = [generate(model, family, row, options) for row in rows for options in ({}, generation_options(r))]
        samples = [sample(model, family, row, sampling_options(r, family in TRANSFORMERS)) for row in rows for _ in range(2)]
        expected["sample"] = [one for one in samples if one]
    kind = "Encoder" if family in ENCODERS else "Decoder" if family in DECODERS else "Transformer"
    (folder / "expected.json").write_text(json.dumps({"class": kind, "name": name, "config": config, **expected}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=5, help="models of each family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=list(FAMILIES), default=list(FAMILIES), metavar="FAMILY", help=", ".join(FAMILIES))
    options = parser.parse_args()
    torch.set_num_threads(1)
    hf.logging.set_verbosity_error()
    hf.logging.disable_progress_bar()
    for family in options.only:
        for i in range(options.count):
            r = random.Random(f"{options.seed} {family} {i}")
            torch.manual_seed(r.randrange(1 << 30))
            try:
                with torch.no_grad():
                    make(family, r, options.folder / f"{family}-{options.seed}-{i}")
            except Exception as error:  # of the library, at options that exclude each other
                print(f"{family} {i} left out: {type(error).__name__}: {str(error)[:120]}", flush=True)


if __name__ == "__main__":
    main()
