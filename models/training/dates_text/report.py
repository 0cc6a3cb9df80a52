"""How often the model is right on texts that training never saw."""

import csv
import functools
import itertools
from collections import defaultdict
from pathlib import Path

import torch

from .samples import Sample, samples

EACH = 4000


@functools.cache
def HELD_OUT():
    """By name: generated clean and noisy texts, and texts written by hand."""
    clean = list(itertools.islice(samples("held out, clean", noisy_share=0.0), EACH))
    noisy = list(itertools.islice(samples("held out, noisy", noisy_share=1.0), EACH))
    return {"clean": clean, "noisy": noisy, "by hand": by_hand()}


@functools.cache
def held_out_texts():
    return {sample.text for rows in HELD_OUT().values() for sample in rows}


def by_hand():
    with open(Path(__file__).with_name("by_hand.tsv"), encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Sample(text, answer, kind, False) for kind, answer, text in rows]


def answers(model, tokenizer, texts, start, end):
    """Ids of the greedy answers, in the order of the texts."""
    by_length = defaultdict(list)
    for i, encoding in enumerate(tokenizer.encode_batch(texts)):
        by_length[len(encoding.ids)].append((i, encoding.ids))
    found = [None] * len(texts)
    for rows in by_length.values():
        for at in range(0, len(rows), 256):
            part = rows[at : at + 256]
            ids = model.greedy(torch.tensor([row for _, row in part]), start, end)
            for (i, _), row in zip(part, ids):
                found[i] = row
    return found


def evaluate(model, tokenizer, sets, start, end):
    """{ name: { kind: (right, all) } }, kind 'all' included; and the texts that were read wrongly."""
    scores = {}
    for name, rows in sets.items():
        right = defaultdict(lambda: [0, 0])
        wrong = []
        given = tokenizer.decode_batch(answers(model, tokenizer, [row.text for row in rows], start, end))
        for row, answer in zip(rows, given):
            for kind in (row.kind, "all"):
                right[kind][0] += answer == row.answer
                right[kind][1] += 1
            if answer != row.answer:
                wrong.append((row.text, row.answer, answer))
        scores[name] = {"right": dict(right), "wrong": wrong}
    return scores


NAMES = {"en": "English", "de": "German", "fr": "French", "es": "Spanish", "numbers": "numbers only", "none": "no date", "all": "all"}


def table(scores):
    """The scores as a Markdown table: a row for each kind of text."""
    lines = ["| exact match  | " + " | ".join(f"{name:>20}" for name in scores) + " |", "| :----------- | " + " | ".join("-" * 19 + ":" for _ in scores) + " |"]
    for kind, title in NAMES.items():
        cells = []
        for score in scores.values():
            right, total = score["right"].get(kind, (0, 0))
            cells.append(f"{100 * right / total:.2f} % ({right}/{total})" if total else "")
        lines.append(f"| {title:<12} | " + " | ".join(f"{cell:>20}" for cell in cells) + " |")
    return "\n".join(lines)
