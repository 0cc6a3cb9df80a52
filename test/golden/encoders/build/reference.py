"""Random weights, float64 forward passes and the files of one golden model."""

import json
import math

import numpy as np
import torch
from safetensors.torch import load_file, save_file

OUTPUTS = ["logits", "prediction_logits", "seq_relationship_logits", "start_logits", "end_logits"]


def random_model(model_class, config, seed):
    """A model whose every parameter is random and large enough to matter: attention far from uniform, biases not zero."""
    generator = torch.Generator().manual_seed(seed)
    config._attn_implementation = "eager"
    model = model_class(config).eval()
    done = set()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.data_ptr() in done:
                continue
            done.add(parameter.data_ptr())
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name.lower():
                value = noise * 0.2 + (1 if name.endswith("weight") else 0)
            elif parameter.ndim == 1:
                value = noise * 0.2
            elif "embeddings" in name:
                value = noise * 0.7
            else:
                value = noise * (1.6 / math.sqrt(parameter.shape[1]))
            parameter.copy_(value)
    model.tie_weights()
    return model


def save_model(model, folder, rename=None, dtype=None, extra=None):
    """Writes config.json and model.safetensors. rename: old name -> new name; dtype: of the stored weights."""
    model.save_pretrained(folder, safe_serialization=True)
    for name in ["generation_config.json"]:
        (folder / name).unlink(missing_ok=True)
    if rename is None and dtype is None and extra is None:
        return
    tensors = load_file(folder / "model.safetensors")
    tensors = {(rename(k) if rename else k): (v.to(dtype) if dtype else v) for k, v in tensors.items()}
    tensors.update(extra or {})
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    if dtype:
        config = json.loads((folder / "config.json").read_text())
        config["dtype"] = str(dtype).replace("torch.", "")
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def save_tokenizer(tokenizer, folder):
    """Writes tokenizer.json (compact) and tokenizer_config.json, and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    raw = json.loads(tokenizer.backend_tokenizer.to_str())
    raw["truncation"] = raw["padding"] = None
    (folder / "tokenizer.json").write_text(json.dumps(raw, ensure_ascii=False, separators=(",", ":")) + "\n")
    special = ["cls_token", "sep_token", "unk_token", "pad_token", "mask_token"]
    config = {"tokenizer_class": type(tokenizer).__name__.replace("Fast", "")}
    config.update({name: str(getattr(tokenizer, name)) for name in special})
    config["model_max_length"] = tokenizer.model_max_length
    if "Bert" in config["tokenizer_class"]:
        config["do_lower_case"] = True
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")


def batch(lengths, vocab, seed, left=False, types=0, pad=0, low=5):
    """Random ids in a padded batch: dict of input_ids, attention_mask and, where types > 1, token_type_ids."""
    rng = np.random.default_rng(seed)
    width = max(lengths)
    ids = np.full((len(lengths), width), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    kinds = np.zeros_like(ids)
    for row, length in enumerate(lengths):
        at = width - length if left else 0
        ids[row, at : at + length] = rng.integers(low, vocab, length)
        mask[row, at : at + length] = 1
        if types > 1:
            kinds[row, at + (length + 1) // 2 : at + length] = 1
    out = {"input_ids": ids, "attention_mask": mask}
    if types > 1:
        out["token_type_ids"] = kinds
    return out


def forward(model, inputs, details):
    """Every sequence alone, without padding, in float64; put back at its place in the padded batch, zero elsewhere.

    Where the batch is padded on the right, Hugging Face's own batched forward must agree.
    """
    double = model.double()
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    flags = {"output_hidden_states": details, "output_attentions": details}
    results = {}
    with torch.no_grad():
        for row in range(ids.shape[0]):
            keep = np.flatnonzero(mask[row])
            feed = {k: torch.tensor(v[row : row + 1, keep]) for k, v in inputs.items()}
            for name, value in named(double(**feed, **flags)):
                value = value[0].numpy()
                target = results.setdefault(name, padded_zeros(name, value.shape, ids.shape, len(keep)))
                place(target, row, keep, name, value)
        if mask[:, 0].all():
            feed = {k: torch.tensor(v) for k, v in inputs.items()}
            for name, value in named(double(**feed, **flags)):
                compare(results[name], value.numpy(), mask, name)
    return {k: v.astype(np.float32) for k, v in results.items()}


def named(output):
    if "last_hidden_state" in output:
        yield "last_hidden_state", output["last_hidden_state"]
    if output.get("pooler_output") is not None:
        yield "pooler_output", output["pooler_output"]
    for name in OUTPUTS:
        if name in output:
            yield name, output[name]
    for name in ["hidden_states", "attentions"]:
        for layer, value in enumerate(output.get(name) or ()):
            yield f"{name}.{layer}", value


def per_token(name, shape, length):
    return name.startswith(("last_hidden", "hidden_states", "prediction", "start", "end")) or (
        name == "logits" and len(shape) == 2 and shape[0] == length
    )


def padded_zeros(name, shape, ids_shape, length):
    rows, width = ids_shape
    if name.startswith("attentions"):
        return np.zeros((rows, shape[0], width, width))
    if per_token(name, shape, length):
        return np.zeros((rows, width, *shape[1:]))
    return np.zeros((rows, *shape))


def place(target, row, keep, name, value):
    if name.startswith("attentions"):
        target[row][:, keep[:, None], keep[None, :]] = value
    elif per_token(name, value.shape, len(keep)):
        target[row, keep] = value
    else:
        target[row] = value


def compare(ours, theirs, mask, name):
    if name.startswith("attentions"):
        theirs = theirs * mask[:, None, :, None]
    elif ours.ndim > 1 and ours.shape[:2] == mask.shape:
        theirs = theirs * mask.reshape(*mask.shape, *[1] * (ours.ndim - 2))
    assert ours.shape == theirs.shape, (name, ours.shape, theirs.shape)
    error = np.abs(ours - theirs).max()
    assert error < 1e-10, f"{name}: padded and unpadded differ by {error}"


def save_expected(folder, tensors, tasks=None, encodings=()):
    """expected.safetensors (int32 and float32) and, with tasks, expected.json: { encodings, tasks }, one item a line."""
    flat = {k: torch.tensor(v.astype(np.int32 if v.dtype.kind == "i" else np.float32)) for k, v in tensors.items()}
    save_file(flat, folder / "expected.safetensors")
    if tasks is not None:
        compact = {"ensure_ascii": False, "separators": (",", ":")}
        lines = [",\n".join(json.dumps(item, **compact) for item in items) for items in (encodings, tasks)]
        (folder / "expected.json").write_text('{ "encodings": [\n%s\n], "tasks": [\n%s\n] }\n' % tuple(lines))
