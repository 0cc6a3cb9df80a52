"""The golden encoder-decoders of Hugging Face: one folder each, with expected.safetensors and expected.json."""

import json

import numpy as np
import torch
import transformers as hf
from safetensors.torch import load_file, save_file

from shared import files, generation, weights
from shared.precision import Double

VOCAB = 59
LOW = 4  # smallest id in prompts and texts
SOURCE = [13, 7, 2]
TARGET = [5, 3, 1]

BART = {
    "d_model": 24,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 37,
    "decoder_ffn_dim": 37,
    "max_position_embeddings": 40,
    "pad_token_id": 1,
    "bos_token_id": 0,
}
ONE_HEAD = {**BART, "d_model": 20, "encoder_attention_heads": 1, "decoder_attention_heads": 1, "encoder_ffn_dim": 50}
T5 = {
    "d_model": 24,
    "d_kv": 12,
    "d_ff": 37,
    "num_layers": 2,
    "num_heads": 2,
    "relative_attention_num_buckets": 8,
    "relative_attention_max_distance": 10,
    "pad_token_id": 0,
    "decoder_start_token_id": 0,
}
T5_WIDE = {**T5, "d_model": 28, "d_kv": 20, "num_decoder_layers": 1, "relative_attention_num_buckets": 12}
GATED = {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False}
ENDS = ["decoder_start_token_id", "forced_eos_token_id"]

# folder: (class, config, generation settings, keys that hold the eos id, how many beam settings)
MODELS = {
    "bart": ("BartForConditionalGeneration", BART, {"forced_bos_token_id": 0}, ENDS, 6),
    "bart-scaled": (
        "BartForConditionalGeneration",
        {**ONE_HEAD, "scale_embedding": True, "activation_function": "relu", "decoder_layers": 1},
        {"no_repeat_ngram_size": 3, "min_length": 6, "early_stopping": True, "length_penalty": 2.0, "num_beams": 4},
        ENDS,
        0,
    ),
    "mbart": (
        "MBartForConditionalGeneration",
        {**ONE_HEAD, "scale_embedding": True},
        {"forced_bos_token_id": 57},
        ENDS,
        2,
    ),
    "marian": (
        "MarianMTModel",
        {**BART, "scale_embedding": True, "activation_function": "swish", "pad_token_id": 58, "decoder_start_token_id": 58},
        {"bad_words_ids": [[58]]},
        ["forced_eos_token_id"],
        2,
    ),
    "marian-separate": (
        "MarianMTModel",
        {
            **BART,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "share_encoder_decoder_embeddings": False,
            "tie_word_embeddings": False,
            "decoder_vocab_size": 47,
            "pad_token_id": 46,
            "decoder_start_token_id": 46,
        },
        {"bad_words_ids": [[46]]},
        ["forced_eos_token_id"],
        0,
    ),
    "t5": ("T5ForConditionalGeneration", {**T5, "feed_forward_proj": "relu"}, {}, [], 6),
    "t5-gated": ("T5ForConditionalGeneration", {**T5_WIDE, **GATED}, {}, [], 2),
    "mt5": ("MT5ForConditionalGeneration", {**T5, **GATED, "d_kv": 8, "num_heads": 3, "num_layers": 1}, {}, [], 0),
    "umt5": ("UMT5ForConditionalGeneration", {**T5, **GATED}, {}, [], 2),
    "m2m-100": (
        "M2M100ForConditionalGeneration",
        {**BART, "scale_embedding": True, "activation_function": "relu"},
        {"forced_bos_token_id": 55},
        ["decoder_start_token_id"],
        2,
    ),
    "pegasus": (
        "PegasusForConditionalGeneration",
        {**BART, "scale_embedding": True, "pad_token_id": 0, "decoder_start_token_id": 0, "activation_function": "relu"},
        {"length_penalty": 0.6, "num_beams": 4},
        ["forced_eos_token_id"],
        2,
    ),
}

# where the search for clear texts starts: the first seed that gives them
SEEDS = {
    "bart": 101000,
    "bart-scaled": 102000,
    "mbart": 103000,
    "marian": 104007,
    "marian-separate": 105002,
    "t5": 106002,
    "t5-gated": 107000,
    "mt5": 108000,
    "umt5": 109001,
    "m2m-100": 110000,
    "pegasus": 111000,
}


def spread(kind, config):
    """How the random weights of a family are scaled, so that attention and logits are neither flat nor one-hot."""
    if "T5" in kind:
        signed = ("decoder.final_layer_norm.weight",)
        rescale = [(".q.weight", config.d_kv**-0.5), ("lm_head", 2.0)]
        return {"embedding": 3.0, "linear": 2.0, "rescale": rescale, "signed": signed}
    last = f"decoder.layers.{config.decoder_layers - 1}.final_layer_norm.weight"
    return {
        "embedding": 0.3 if config.scale_embedding else 0.7,
        "rescale": [("encoder_attn.out_proj.weight", 0.4), ("final_logits_bias", 0.5)],
        "signed": ("decoder.layer_norm.weight", last),
    }


class Outputs:
    """Results of single sequences, put at their places in the padded batch."""

    def __init__(self):
        self.tensors = {}

    def put(self, name, row, value):
        sides = sizes(name)
        shape = (len(SOURCE), *(value.shape[:1] if len(sides) == 2 else ()), *map(max, sides))
        if len(sides) == 1:
            shape += value.shape[-1:]
        target = self.tensors.setdefault(name, np.zeros(shape))[row]
        lengths = tuple(slice(side[row]) for side in sides)
        if len(sides) == 2:
            target[:, lengths[0], lengths[1]] = value
        else:
            target[lengths[0]] = value


def sizes(name):
    """The lengths along the token axes of an output."""
    if name.startswith("cross_attentions"):
        return [TARGET, SOURCE]
    side = SOURCE if name.startswith("encoder") else TARGET
    return [side, side] if "attentions" in name else [side]


def run(model, **inputs):
    with torch.no_grad(), Double():
        out = model(**inputs, output_hidden_states=True, output_attentions=True, use_cache=False)
    named = {"logits": out.logits, "encoder_last_hidden_state": out.encoder_last_hidden_state}
    groups = ["encoder_hidden_states", "decoder_hidden_states", "encoder_attentions", "decoder_attentions"]
    for group in [*groups, "cross_attentions"]:
        named.update({f"{group}.{i}": value for i, value in enumerate(out[group])})
    return {name: value.double().numpy() for name, value in named.items()}


def padded(rows, pad):
    ids = np.full((len(rows), max(map(len, rows))), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for at, row in enumerate(rows):
        ids[at, : len(row)] = row
        mask[at, : len(row)] = 1
    return ids, mask


def forward(model, rng, low, high_source, high_target):
    """Every pair alone in float64, and Hugging Face's own padded batch must agree."""
    start, pad = model.generation_config.decoder_start_token_id, model.config.pad_token_id
    sources = [rng.integers(low, high_source, length).tolist() for length in SOURCE]
    targets = [[start, *rng.integers(low, high_target, length - 1).tolist()] for length in TARGET]
    outputs = Outputs()
    for row, (source, target) in enumerate(zip(sources, targets)):
        alone = run(model, input_ids=torch.tensor([source]), decoder_input_ids=torch.tensor([target]))
        for name, value in alone.items():
            outputs.put(name, row, value[0])
    ids, mask = padded(sources, pad)
    decoder_ids, decoder_mask = padded(targets, pad)
    inputs = {
        "input_ids": ids,
        "attention_mask": mask,
        "decoder_input_ids": decoder_ids,
        "decoder_attention_mask": decoder_mask,
    }
    for name, theirs in run(model, **{key: torch.tensor(value) for key, value in inputs.items()}).items():
        rows = mask if sizes(name)[0] is SOURCE else decoder_mask
        theirs = theirs * (rows[:, None, :, None] if len(sizes(name)) == 2 else rows[:, :, None])
        error = np.abs(theirs - outputs.tensors[name]).max()
        assert error < 1e-9, f"{name}: padded and unpadded differ by {error}"
    return {**inputs, **outputs.tensors}


def attempt(name, seed):
    """(model in float64, tensors, results), or Unclear."""
    kind, settings, generating, ends, beams = MODELS[name]
    chosen = getattr(hf, kind)
    config = chosen.config_class(vocab_size=VOCAB, **{"eos_token_id": 2, **settings})
    model = weights.random_model(chosen, config, seed, **spread(kind, config)).double()
    rng = np.random.default_rng(seed)
    high = getattr(config, "decoder_vocab_size", None) or VOCAB
    high -= 4  # language and padding ids are the last ones

    def set_eos(eos):
        values = {key: getattr(config, key) for key in ["pad_token_id", "bos_token_id", "decoder_start_token_id"]}
        values.update(generating, eos_token_id=eos, **{key: eos for key in ends})
        model.generation_config = hf.GenerationConfig(**values)
        if eos is None and "decoder_start_token_id" in ends:
            model.generation_config.decoder_start_token_id = 2

    set_eos(None)
    # Hugging Face's beam search needs logits as wide as config.vocab_size
    generation.choose_eos(model, rng, high, LOW, beams=name != "marian-separate")
    eos = config.eos_token_id
    set_eos(eos)
    if "decoder_start_token_id" in ends:
        config.decoder_start_token_id = eos
    results = {"greedy": generation.greedy_cases(model, rng, high, LOW)}
    results["beams"] = generation.beam_cases(model, rng, high, LOW, generation.BEAMS[:beams], (9, 4))
    return model, forward(model, rng, LOW, VOCAB - 4, high), results


# Extra tensors and names that published checkpoints have and today's transformers does not write.
def legacy(name, folder):
    tensors = load_file(folder / "model.safetensors")
    if name == "t5":
        unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
        tensors[unused] = torch.zeros(8, 2)
    elif name == "bart":
        for side in ["encoder", "decoder"]:
            tensors[f"model.{side}.embed_tokens.weight"] = tensors["model.shared.weight"].clone()
            tensors[f"model.{side}.version"] = torch.tensor([2.0])
    elif name == "marian-separate":
        # transformers 4 gives the decoder as many embeddings as the encoder; published files and version 5 do not
        words = "model.decoder.embed_tokens.weight"
        tensors[words] = tensors[words][: MODELS[name][1]["decoder_vocab_size"]].clone()
    else:
        return
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def save(name, model, folder):
    for key in ["forced_eos_token_id", "forced_bos_token_id"]:
        setattr(model.config, key, None)
    model.float().save_pretrained(folder, safe_serialization=True)
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = "float32"
    if name == "bart-scaled":
        # as checkpoints of before generation_config.json have it
        generating = json.loads((folder / "generation_config.json").read_text())
        (folder / "generation_config.json").unlink()
        config = {**config, **generating}
    elif name in ("mt5", "t5-gated"):
        # what transformers 5 writes: heads of their own are in the file alone
        config = {**config, "tie_word_embeddings": True, "transformers_version": "5.24.0"}
        if name == "t5-gated":
            config["scale_decoder_outputs"] = False
        config = dict(sorted(config.items()))
    files.save_json(folder, "config.json", config)


def build(out, wanted):
    for name in MODELS:
        if not wanted(name):
            continue
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
        legacy(name, folder)
        files.save_expected(folder, tensors, results)
        lengths = [len(case["ids"]) for case in results["greedy"]]
        size = sum(f.stat().st_size for f in folder.iterdir())
        print(f"transformers/{name}: seed {seed}, texts of {lengths}, {size} bytes")
