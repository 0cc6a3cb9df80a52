"""What PyTorch computes from the committed weights of models/sentiment: sentiment.json beside this file.

    golden-env/bin/python test/golden/models/sentiment.py

(the environment of ../generate.py). The float16 weights are widened, and everything is computed in float64 and rounded.
"""

import json
import pathlib
import random
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FOLDER = ROOT / "models" / "sentiment"
sys.path.insert(0, str(ROOT / "models" / "training"))

import torch  # noqa: E402
from tokenizers import Tokenizer  # noqa: E402
from transformers import BertForPreTraining, BertForSequenceClassification  # noqa: E402

from sentiment import HELD_OUT_SEED, LABELS, MASK, by_hand, labelled  # noqa: E402

MASKED = [
    "The girl was very [MASK] because she won the race.",
    "The boy was very [MASK] because he lost his kite.",
    "He was not [MASK] at all.",
    "She [MASK] the book on the table.",
    "There are [MASK] apples in the [MASK].",
    "My grandmother [MASK] to the market.",
    "[MASK] is this?",
]
PAIRS = [
    ("Anna had a red kite.", "She took the kite to the park."),
    ("Anna had a red kite.", "He was a tired old king."),
    ("The little dog was lonely.", "It had no friends."),
    ("The little dog was lonely.", "The train leaves at nine."),
    ("My sister won a prize.", "She was very proud and happy."),
    ("My sister won a prize.", "The bear lived in the forest."),
    ("The soup was cold.", "Nobody liked it."),
]


def tensors(encoding):
    return {
        "input_ids": torch.tensor([encoding.ids]),
        "token_type_ids": torch.tensor([encoding.type_ids]),
        "attention_mask": torch.tensor([encoding.attention_mask]),
    }


def numbers(tensor):
    return [round(value, 7) for value in tensor.tolist()]


@torch.inference_mode()
def main():
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    classifier = BertForSequenceClassification.from_pretrained(FOLDER, dtype=torch.float64).eval()
    pretrained = BertForPreTraining.from_pretrained(FOLDER / "pretrained", dtype=torch.float64).eval()
    expected = {"classify": [], "fillMask": [], "nextSentence": []}
    for text, label, _ in by_hand() + labelled(random.Random(HELD_OUT_SEED), 300):
        encoding = tokenizer.encode(text)
        logits = classifier(**tensors(encoding)).logits[0]
        expected["classify"].append({
            "text": text, "label": LABELS[label], "found": LABELS[logits.argmax()], "ids": encoding.ids, "logits": numbers(logits),
        })  # fmt: skip
    for text in MASKED:
        encoding = tokenizer.encode(text)
        logits = pretrained(**tensors(encoding)).prediction_logits[0]
        masks = []
        for at, token in enumerate(encoding.ids):
            if token != MASK:
                continue
            scores, best = logits[at].softmax(-1).topk(5)
            masks.append([
                {"token": token, "tokenStr": tokenizer.id_to_token(token), "score": round(score, 7)}
                for token, score in zip(best.tolist(), scores.tolist())
            ])  # fmt: skip
        expected["fillMask"].append({"text": text, "masks": masks})
    for first, second in PAIRS:
        logits = pretrained(**tensors(tokenizer.encode(first, second))).seq_relationship_logits[0]
        expected["nextSentence"].append({
            "first": first, "second": second, "logits": numbers(logits), "score": round(logits.softmax(-1)[0].item(), 7),
        })  # fmt: skip
    cases = (",\n".join(f"    {json.dumps(case)}" for case in cases) for cases in expected.values())
    lists = ",\n".join(f'  "{name}": [\n{body}\n  ]' for name, body in zip(expected, cases))
    (HERE / "sentiment.json").write_text(f"{{\n{lists}\n}}\n")


if __name__ == "__main__":
    main()
