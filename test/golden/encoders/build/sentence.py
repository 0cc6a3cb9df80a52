"""Folders of sentence-transformers (modules.json, pooling, prompts) and the embeddings that package computes."""

import json

import torch
import transformers as hf
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer

from . import reference
from .models import D_SMALL, SHALLOW, bert_config, distilbert_config, roberta_config
from .texts import tokenizer_for

TEXTS = [
    "The bridge was built in 1871.",
    "Zoë 😀",
    "The old lighthouse keeper counts the ships that pass the harbour every evening, and nobody knows who painted it.",
]
ROUGH_TEXTS = ["  The Bridge\nwas built in 1871.\n\n", "ZOË", " \t"]
TINY = {"hidden_size": 12, "num_attention_heads": 1, "intermediate_size": 20, "num_hidden_layers": 1}
PROMPTS = {"query": "query: ", "passage": "the passage: "}

# folder: family, pooling mode, Normalize module, max_seq_length, do_lower_case, prompts, default prompt, include_prompt, layout
FOLDERS = {
    "sentence-mean": ("bert", "mean", True, 32, False, PROMPTS, None, True, "old"),
    "sentence-cls": ("bert", "cls", True, 24, False, PROMPTS, None, False, "old"),
    "sentence-max": ("distilbert", "max", False, 24, False, {}, None, True, "new"),
    "sentence-sqrt": ("bert", "mean_sqrt_len_tokens", False, 20, False, PROMPTS, "query", False, "old"),
    "sentence-lower": ("roberta", "mean", False, 30, True, PROMPTS, "query", False, "old"),
    "sentence-dense": ("bert", "cls", True, 24, False, PROMPTS, None, True, "old"),
}
# layers behind the pooling: output size, bias, activation, weight file
DENSE = {
    "sentence-dense": [
        (10, True, "activation.Tanh", "model.safetensors"),
        (7, False, "linear.Identity", "pytorch_model.bin"),
    ]
}
OLD_FLAGS = {
    "cls": "pooling_mode_cls_token",
    "mean": "pooling_mode_mean_tokens",
    "max": "pooling_mode_max_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
}


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_modules(folder, mode, normalize, max_length, lower, prompts, default_prompt, include_prompt, layout, width, dense):
    """layout "old": a flag per pooling mode (up to version 5); "new": one pooling_mode (since version 6)."""
    kinds = ["Transformer", "Pooling", *["Dense" for _ in dense], *(["Normalize"] if normalize else [])]
    modules = [(f"{i}_{kind}" if i else "", kind) for i, kind in enumerate(kinds)]
    write_json(
        folder / "modules.json",
        [
            {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for i, (path, kind) in enumerate(modules)
        ],
    )
    if layout == "old":
        pooling = {"word_embedding_dimension": width, **{flag: key == mode for key, flag in OLD_FLAGS.items()}}
    else:
        pooling = {"embedding_dimension": width, "pooling_mode": mode}
    write_json(folder / "1_Pooling" / "config.json", {**pooling, "include_prompt": include_prompt})
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": lower})
    write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": prompts, "default_prompt_name": default_prompt, "similarity_fn_name": "cosine"},
    )


def write_dense(folder, layers, width, seed):
    torch.manual_seed(seed)
    for i, (size, bias, activation, file) in enumerate(layers, 2):
        path = folder / f"{i}_Dense"
        facts = {"in_features": width, "out_features": size, "bias": bias}
        write_json(path / "config.json", {**facts, "activation_function": f"torch.nn.modules.{activation}"})
        state = {"linear.weight": torch.randn(size, width) * 0.3}
        if bias:
            state["linear.bias"] = torch.randn(size) * 0.3
        save_file(state, path / file) if file.endswith(".safetensors") else torch.save(state, path / file)
        width = size


def load(folder, layout, mode, width):
    """The package's own model. Version 5 reads only the old pooling keys, so the new layout is translated for it."""
    config = folder / "1_Pooling" / "config.json"
    stored = config.read_text()
    if layout == "new":
        write_json(config, {"word_embedding_dimension": width, **{flag: key == mode for key, flag in OLD_FLAGS.items()}})
    try:
        return SentenceTransformer(str(folder), device="cpu", local_files_only=True).double()
    finally:
        config.write_text(stored)


def build(out):
    for seed, (name, settings) in enumerate(FOLDERS.items(), 301):
        family, mode, _, _, _, prompts, _, _, layout = settings
        texts = ROUGH_TEXTS if family == "roberta" else TEXTS
        folder = out / name
        tokenizer = tokenizer_for(family)
        if family == "bert":
            kind, config = hf.BertModel, bert_config(SHALLOW, len(tokenizer))
        elif family == "roberta":
            kind, config = hf.RobertaModel, roberta_config(TINY, len(tokenizer))
        else:
            kind, config = hf.DistilBertModel, distilbert_config({**D_SMALL, "n_layers": 1}, len(tokenizer))
        reference.save_model(reference.random_model(kind, config, seed), folder)
        reference.save_tokenizer(tokenizer, folder)
        dense = DENSE.get(name, [])
        write_modules(folder, *settings[1:], config.hidden_size, dense)
        write_dense(folder, dense, config.hidden_size, seed)
        model = load(folder, layout, mode, config.hidden_size)
        tensors, tasks = {}, []
        for prompt_name in [None, *prompts]:
            key = f"embeddings.{len(tasks)}"
            values = model.encode(texts, prompt_name=prompt_name, convert_to_tensor=True)
            assert values.dtype == torch.float64
            tensors[key] = values.numpy()
            options = {"promptName": prompt_name} if prompt_name else {}
            tasks.append({"task": "embed", "texts": texts, "options": options, "embeddings": key})
        reference.save_expected(folder, tensors, tasks)
        print(f"{name}: {len(tasks)} calls")
