"""Loads what savePretrained writes into Hugging Face's and PyTorch's own classes, and keeps what they compute from it.

    npm run build && golden-env/bin/python test/golden/load_saved.py

(the environment of generate.py). For every case below a model with random weights is made from its config and seed by the built
package and saved; transformers or torch.nn loads the folder, which must have every tensor that the class wants and no other. Its
logits or hidden states, computed in float64, go to saved/{case}.json beside config, seed and inputs. transformers 5 gives the
same numbers.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import torch
import transformers
from safetensors.torch import load_file
from torch import nn

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE / "transformers" / "build"))

from original import Translator, causal  # noqa: E402
from shared.precision import Double  # noqa: E402

IDS = [3, 7, 1, 22, 19, 30, 4]
TARGET = [2, 5, 29, 8]
SEED = 20170612

TINY = {"vocab_size": 31, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 20}
LLAMA = {**TINY, "num_key_value_heads": 1, "max_position_embeddings": 16, "initializer_range": 0.2}
BERT = {**TINY, "max_position_embeddings": 16, "initializer_range": 0.2}
BART = {
    "vocab_size": 31,
    "max_position_embeddings": 16,
    "d_model": 16,
    "encoder_layers": 1,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 20,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 20,
    "init_std": 0.2,
    "pad_token_id": 0,
    "eos_token_id": 2,
    "forced_eos_token_id": 2,
    "decoder_start_token_id": 2,
}
T5 = {"vocab_size": 31, "d_model": 16, "d_kv": 6, "d_ff": 20, "num_layers": 2, "num_heads": 2}
SHAPE = {"d_model": 16, "nhead": 2, "dim_feedforward": 20}

# name: (our class, its class in transformers, config)
CASES = {
    "bert": ("Encoder", "BertModel", {"model_type": "bert", **BERT, "architectures": ["BertModel"]}),
    "bert-masked-lm": ("Encoder", "BertForMaskedLM", {"model_type": "bert", **BERT, "architectures": ["BertForMaskedLM"]}),
    "roberta-classify": (
        "Encoder",
        "RobertaForSequenceClassification",
        {"model_type": "roberta", **BERT, "pad_token_id": 0, "architectures": ["RobertaForSequenceClassification"]},
    ),
    "distilbert-masked-lm": (
        "Encoder",
        "DistilBertForMaskedLM",
        {
            "model_type": "distilbert",
            "architectures": ["DistilBertForMaskedLM"],
            **{"vocab_size": 31, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 20},
            **{"max_position_embeddings": 16, "sinusoidal_pos_embds": True, "initializer_range": 0.2},
        },
    ),
    "gpt2": (
        "Decoder",
        "GPT2LMHeadModel",
        {"model_type": "gpt2", "vocab_size": 31, "n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2},
    ),
    "openai-gpt": (
        "Decoder",
        "OpenAIGPTLMHeadModel",
        {"model_type": "openai-gpt", "vocab_size": 31, "n_positions": 16, "n_embd": 16, "n_layer": 2, "n_head": 2},
    ),
    "llama": ("Decoder", "LlamaForCausalLM", {"model_type": "llama", **LLAMA}),
    "qwen3": ("Decoder", "Qwen3ForCausalLM", {"model_type": "qwen3", **LLAMA, "head_dim": 6, "tie_word_embeddings": True}),
    "gpt-neox": ("Decoder", "GPTNeoXForCausalLM", {"model_type": "gpt_neox", **BERT, "rotary_pct": 0.5}),
    "bloom": (
        "Decoder",
        "BloomForCausalLM",
        {"model_type": "bloom", "vocab_size": 31, "hidden_size": 16, "n_layer": 2, "n_head": 2, "initializer_range": 0.2},
    ),
    "bart": ("Transformer", "BartForConditionalGeneration", {"model_type": "bart", **BART}),
    "marian": ("Transformer", "MarianMTModel", {"model_type": "marian", **BART}),
    "m2m-100": ("Transformer", "M2M100ForConditionalGeneration", {"model_type": "m2m_100", **BART}),
    "t5": ("Transformer", "T5ForConditionalGeneration", {"model_type": "t5", **T5}),
    "mt5": ("Transformer", "MT5ForConditionalGeneration", {"model_type": "mt5", **T5, "feed_forward_proj": "gated-gelu"}),
    "transformer": (
        "Transformer",
        None,
        {
            "model_type": "transformer",
            **SHAPE,
            **{"num_encoder_layers": 1, "num_decoder_layers": 1, "src_vocab_size": 31, "tgt_vocab_size": 31, "max_len": 16},
        },
    ),
    "transformer-encoder": ("Encoder", None, {"model_type": "transformer_encoder", **SHAPE, "num_layers": 1, "final_norm": True}),
    "transformer-decoder": ("Decoder", None, {"model_type": "transformer_decoder", **SHAPE, "num_layers": 1, "norm_first": True}),
}

WRITE = """
import * as wasmformer from %s;
const [cases, folder, seed] = JSON.parse(process.argv[1]);
for (const [name, [kind, , config]] of Object.entries(cases)) {
  const model = await wasmformer[kind].fromConfig(config, { seed, threads: 1 });
  await model.savePretrained(`${folder}/${name}`);
  await model.dispose();
}
"""


def embeds(length, size):
    """Rows that need no file."""
    return torch.arange(length * size, dtype=torch.float64).reshape(1, length, size).sin()


def original(config, folder):
    """The result of torch.nn's own modules with these weights, all of which must have a place."""
    kind, size = config["model_type"], config["d_model"]
    named = {**config, "activation": "relu", "norm_first": config.get("norm_first", False), "layer_norm_eps": 1e-5, "bias": True}
    if kind == "transformer":
        model = Translator(named)
    else:
        encoder = kind == "transformer_encoder"
        kinds = (nn.TransformerEncoderLayer, nn.TransformerEncoder) if encoder else (nn.TransformerDecoderLayer, nn.TransformerDecoder)
        layer = kinds[0](size, config["nhead"], config["dim_feedforward"], norm_first=named["norm_first"], batch_first=True)
        norm = nn.LayerNorm(size) if config.get("final_norm") else None
        model = kinds[1](layer, config["num_layers"], norm=norm)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    model = model.double().eval()
    if kind == "transformer":
        return model.generator(model.decode(torch.tensor([TARGET]), model.encode(torch.tensor([IDS]))))
    if kind == "transformer_encoder":
        return model(embeds(5, size))
    return model(embeds(5, size), embeds(3, size), tgt_mask=causal(5))


def hugging_face(name, folder):
    """The result of a class of transformers, which finds all it wants in the folder."""
    model, found = getattr(transformers, name).from_pretrained(folder, output_loading_info=True)
    for kind in ["missing_keys", "unexpected_keys", "mismatched_keys"]:
        if found[kind]:
            sys.exit(f"{name}: {kind} {found[kind]}")
    model = model.double().eval()
    inputs = {"input_ids": torch.tensor([IDS])}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.tensor([TARGET])
    with Double():
        result = model(**inputs)
    return result.logits if "logits" in result else result.last_hidden_state


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    package = (HERE.parents[1] / "dist/node/index.js").as_uri()
    (HERE / "saved").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        script = WRITE % json.dumps(package)
        arguments = json.dumps([CASES, temporary, SEED])
        subprocess.run(["node", "--input-type=module", "-e", script, arguments], check=True)
        for name, (kind, theirs, config) in CASES.items():
            folder = pathlib.Path(temporary) / name
            with torch.no_grad():
                result = hugging_face(theirs, folder) if theirs else original(config, folder)
            expected = {"dims": list(result.shape), "data": [float(f"{x:.9g}") for x in result.flatten().tolist()]}
            case = {"class": kind, "config": config, "seed": SEED, "expected": expected}
            case.update({"inputIds": IDS, "decoderInputIds": TARGET})
            (HERE / "saved" / f"{name}.json").write_text(json.dumps(case) + "\n")
            print(f"{name}: {expected['dims']}, deviation {result.std():.3f}")


if __name__ == "__main__":
    main()
