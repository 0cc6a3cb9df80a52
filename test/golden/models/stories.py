"""What PyTorch computes from the committed weights of models/stories: stories.json beside this file.

    golden-env/bin/python test/golden/models/stories.py

(the environment of ../generate.py). The float16 weights are widened, and everything is computed in float64 and rounded.
"""

import json
import pathlib
import random
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FOLDER = ROOT / "models" / "stories"
sys.path[:0] = [str(HERE.parent), str(ROOT / "models" / "training")]

import torch  # noqa: E402
import transformers as hf  # noqa: E402

from grammar import parse, sample  # noqa: E402
from shared.precision import Double  # noqa: E402

PROMPTS = ["", "One day", "Once upon a time", "In a land far away, there lived a little bear called Mia.", "Tom was a brave boy. It was winter."]
LIMIT = 300
MARGIN = 1e-4  # by which the likeliest token must lead, in log probability
LOSSES = 8


def greedy(model, tokenizer, prompt):
    """The likeliest continuation, and whether the whole is a story of the grammar."""
    input_ids = tokenizer(prompt)["input_ids"]
    ids = model.generate(
        torch.tensor([input_ids]), do_sample=False, temperature=None, top_k=None, max_new_tokens=LIMIT
    )[0].tolist()
    ranked = model(torch.tensor([ids])).logits[0, len(input_ids) - 1 : -1].topk(2).values
    assert (ranked[:, 0] - ranked[:, 1]).min() > MARGIN, f"unclear: {prompt}"
    text = tokenizer.decode(ids, skip_special_tokens=True)
    assert text.startswith(prompt)
    return {
        "prompt": prompt,
        "inputIds": input_ids,
        "ids": ids[len(input_ids) :],
        "text": text[len(prompt) :],
        "grammatical": parse(text) is not None,
    }


def loss(model, tokenizer, text):
    """Mean cross-entropy in nats of the text's tokens and its end."""
    input_ids = [*tokenizer(text)["input_ids"], model.config.eos_token_id]
    logits = model(torch.tensor([input_ids])).logits[0, :-1]
    value = torch.nn.functional.cross_entropy(logits, torch.tensor(input_ids[1:]))
    return {"text": text, "inputIds": input_ids, "loss": round(value.item(), 7)}


@torch.no_grad()
def main():
    hf.logging.set_verbosity_error()
    tokenizer = hf.AutoTokenizer.from_pretrained(FOLDER)
    model = hf.LlamaForCausalLM.from_pretrained(FOLDER, dtype=torch.float64).eval()
    rng = random.Random("golden")
    with Double():
        expected = {
            "maxNewTokens": LIMIT,
            "greedy": [greedy(model, tokenizer, prompt) for prompt in PROMPTS],
            "losses": [loss(model, tokenizer, sample(rng).text) for _ in range(LOSSES)],
        }
    (HERE / "stories.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
