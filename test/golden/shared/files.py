"""Files of a golden: expected.safetensors and expected.json."""

import json

import numpy as np
import torch
from safetensors.torch import save_file


def save_expected(folder, tensors, results=None):
    """tensors: float64 or integer arrays by name. results: lists of cases by name, written one case a line."""
    flat = {
        key: torch.tensor(np.ascontiguousarray(value, np.int32 if value.dtype.kind in "ib" else np.float32))
        for key, value in tensors.items()
    }
    save_file(flat, folder / "expected.safetensors")
    if results is None:
        return
    parts = []
    for key, cases in results.items():
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
        parts.append(f'"{key}": [\n{lines}\n]')
    (folder / "expected.json").write_text("{ " + ", ".join(parts) + " }\n")


def save_json(folder, name, value):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(value, indent=2) + "\n")
