"""Writes the model folder, its model card, and the cases that the runtime's tests read."""

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from .report import HELD_OUT, answers, table
from .tokenizer import token_config

CARD = Path(__file__).with_name("card.md")


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_model(folder, model, config, tokenizer, longest, scores, count, minutes):
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"))
    write_json(folder / "config.json", config)
    write_json(folder / "tokenizer_config.json", token_config(longest))
    write_json(
        folder / "generation_config.json",
        {
            "bos_token_id": config["bos_token_id"],
            "decoder_start_token_id": config["decoder_start_token_id"],
            "eos_token_id": config["eos_token_id"],
            "pad_token_id": config["pad_token_id"],
            "max_new_tokens": 12,
        },
    )
    wrong = [row for name in ("noisy", "by hand") for row in scores[name]["wrong"]][:12]
    mistakes = "\n".join(f"| `{text.strip()}` | {answer} | {given} |" for text, answer, given in wrong if "|" not in text and "`" not in text)
    card = CARD.read_text(encoding="utf-8")
    for name, value in {
        "PARAMETERS": f"{sum(tensor.numel() for tensor in state.values()):,}",
        "SAMPLES": f"{count:,}",
        "MINUTES": f"{minutes:.0f}",
        "TORCH": torch.__version__.split("+")[0],
        "SCORES": table(scores),
        "MISTAKES": mistakes,
    }.items():
        card = card.replace("{{" + name + "}}", value)
    (folder / "README.md").write_text(card, encoding="utf-8")
    licence = Path(__file__).parents[3] / "LICENSE"
    shutil.copyfile(licence, folder.parent / "LICENSE") if folder.parent.name == "models" else None


def write_golden(path, model, tokenizer, start, end):
    """Held-out texts with their answers and with the ids that PyTorch's greedy decoding gives for the stored weights."""
    sets = {"clean": 250, "noisy": 250, "by hand": None}
    golden = {}
    for name, count in sets.items():
        rows = HELD_OUT()[name][:count]
        texts = [row.text for row in rows]
        given = answers(model, tokenizer, texts, start, end)
        sources = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        golden[name] = [
            {"text": row.text, "answer": row.answer, "source": source, "ids": ids}
            for row, source, ids in zip(rows, sources, given)
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        f"  {json.dumps(name)}: [\n" + ",\n".join("    " + json.dumps(row, ensure_ascii=False) for row in rows) + "\n  ]"
        for name, rows in golden.items()
    ]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
