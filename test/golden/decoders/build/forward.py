"""Forward passes of causal models: every sequence alone, in float64, put back at its place in a padded batch."""

import numpy as np
import torch

from shared.precision import Double, forget_lengths

LENGTHS = [13, 7, 2]


def batch(rng, vocab, low, left=False, ids=None):
    """Random ids for LENGTHS, padded with id 0: (ids, mask), both [3, 13]."""
    width = max(LENGTHS)
    out = np.zeros((len(LENGTHS), width), dtype=np.int64)
    mask = np.zeros_like(out)
    for row, length in enumerate(LENGTHS):
        at = width - length if left else 0
        out[row, at : at + length] = rng.integers(low, vocab, length) if ids is None else ids[row]
        mask[row, at : at + length] = 1
    return out, mask


def run(model, **inputs):
    forget_lengths(model)
    with torch.no_grad(), Double():
        out = model(**inputs, output_hidden_states=True, output_attentions=True, use_cache=False)
    named = {"logits": out.logits}
    named.update({f"hidden_states.{i}": value for i, value in enumerate(out.hidden_states)})
    named.update({f"attentions.{i}": value for i, value in enumerate(out.attentions)})
    return {name: value.double().numpy() for name, value in named.items()}


def place(results, name, row, keep, value, width):
    """value: of one sequence, [1, tokens, n] or maps [1, heads, tokens, tokens]."""
    if name.startswith("attentions"):
        target = results.setdefault(name, np.zeros((len(LENGTHS), value.shape[1], width, width)))
        target[row][:, keep[:, None], keep[None, :]] = value[0]
    else:
        results.setdefault(name, np.zeros((len(LENGTHS), width, value.shape[2])))[row, keep] = value[0]


def alone(model, ids, mask):
    results = {}
    for row in range(len(ids)):
        keep = np.flatnonzero(mask[row])
        for name, value in run(model, input_ids=torch.tensor(ids[row : row + 1, keep])).items():
            place(results, name, row, keep, value, ids.shape[1])
    return results


def check_batched(model, ids, mask, results, positions):
    """Hugging Face's own padded batch must agree; positions: whether the model takes position_ids."""
    feed = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}
    if positions:
        feed["position_ids"] = torch.tensor(np.maximum(mask.cumsum(axis=1) - 1, 0))
    for name, theirs in run(model, **feed).items():
        maps = name.startswith("attentions")
        theirs = theirs * (mask[:, None, :, None] if maps else mask[:, :, None])
        error = np.abs(theirs - results[name]).max()
        assert error < 1e-9, f"{name}: padded and unpadded differ by {error}"


def expected(model, rng, vocab, low, positions=True, batched=True):
    """The tensors of a golden, padded on the right; the left-padded batch holds the same rows, moved."""
    ids, mask = batch(rng, vocab, low)
    results = alone(model, ids, mask)
    if batched:
        check_batched(model, ids, mask, results, positions)
        rows = [ids[row, :length] for row, length in enumerate(LENGTHS)]
        ids_left, mask_left = batch(rng, vocab, low, True, rows)
        check_batched(model, ids_left, mask_left, alone(model, ids_left, mask_left), positions)
    return {"input_ids": ids, "attention_mask": mask, **results}
