"""Results of transformers' own pipelines on the golden models, with the logits and encodings they came from.

Option and result names are camelCase and offsets count UTF-16 units, as in the TypeScript API. Each task's logits are
stored in expected.safetensors under the name given as "logits" ("startLogits" / "endLogits" for question answering);
"encoding" is an index into expected.json's encodings.
"""

import itertools
import warnings

import numpy as np
import torch
from transformers import pipeline

from .texts import QUESTIONS, encoding_json, utf16

warnings.filterwarnings("ignore", message="Tokenizer does not support real words")

CLASSIFY_INPUTS = [
    ("The old clock was repaired by the doctor.", None),
    ("Rain fell on the harbour!", None),
    ("Where does the engineer live?", "He lives in a red house near the mill."),
]
# With one label the pipeline's function depends on problem_type: regression keeps the logit, otherwise sigmoid.
PROBLEM_TYPES = ["regression", None]
FILL_INPUTS = [
    ("The {m} keeper counts ships.", 5),
    ("Zoë walked from {m} to the {m}.", 3),
    ("{m}", 2),
]
TOKEN_INPUTS = [
    "Otto Hartman and Professor Lindqvist walked from Belcastle to Marrowby.",
    "The café of Zoë 😀 is in Northern-Belcastle, isn't it? unexpectedly €250!",
]
STRATEGIES = ["none", "simple", "first", "average", "max"]
WINDOW_LEAVES_OUT = ("tokens", "specialTokensMask", "typeIds")
ANSWER_OPTIONS = [
    {},
    {"top_k": 3},
    {"handle_impossible_answer": True},
    {"top_k": 3, "handle_impossible_answer": True},
    {"top_k": 3, "align_to_words": False},
]


def camel(name):
    special = {"max_seq_len": "maxSequenceLength", "max_answer_len": "maxAnswerLength"}
    head, *rest = name.split("_")
    return special.get(name, head + "".join(part.capitalize() for part in rest))


def camel_keys(item):
    return {camel(key): value.item() if isinstance(value, np.generic) else value for key, value in item.items()}


def check_gaps(scores, what, least=1e-5):
    """The order of results must not hang on float32 rounding."""
    scores = np.sort(np.asarray(scores, dtype=np.float64))
    if len(scores) > 1:
        assert np.diff(scores).min() > least * max(1e-3, abs(scores).max()), f"{what}: two scores are too close"


def forward(model, encoded):
    names = ("input_ids", "attention_mask", "token_type_ids")
    with torch.no_grad():
        return model(**{k: torch.tensor([encoded[k]]) for k in encoded if k in names})


class Recorder:
    """Collects tasks, and the logits and encodings they refer to."""

    def __init__(self):
        self.tasks = []
        self.encodings = []
        self.tensors = {}

    def logits(self, value):
        name = f"task.{len(self.tensors)}"
        self.tensors[name] = value.detach().numpy().astype(np.float32)
        return name

    def encoding(self, *encoding_and_texts, leave_out=()):
        fields = encoding_json(*encoding_and_texts)
        self.encodings.append({name: value for name, value in fields.items() if name not in leave_out})
        return len(self.encodings) - 1


def classification(model, tokenizer, record):
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, device="cpu")
    for text, pair in CLASSIFY_INPUTS:
        encoded = tokenizer(text, pair)
        logits = record.logits(forward(model, encoded)["logits"][0])
        one_label = model.config.num_labels == 1
        for problem_type, top_k in itertools.product(
            PROBLEM_TYPES if one_label else [model.config.problem_type], [1] if one_label else [1, None]
        ):
            model.config.problem_type = problem_type
            result = pipe({"text": text, "text_pair": pair} if pair else text, top_k=top_k)
            check_gaps([item["score"] for item in result], "classification")
            record.tasks.append(
                {
                    "task": "text-classification",
                    "text": text,
                    "textPair": pair,
                    "problemType": problem_type,
                    "options": {"topK": top_k},
                    "ids": encoded["input_ids"],
                    "logits": logits,
                    "result": [camel_keys(item) for item in (result if isinstance(result, list) else [result])],
                }
            )


def fill_mask(model, tokenizer, record):
    pipe = pipeline("fill-mask", model=model, tokenizer=tokenizer, device="cpu")
    for template, top_k in FILL_INPUTS:
        text = template.replace("{m}", tokenizer.mask_token)
        encoded = tokenizer(text)
        result = pipe(text, top_k=top_k)
        rows = result if isinstance(result[0], list) else [result]
        for row in rows:
            check_gaps([item["score"] for item in row], "fill-mask")
        camel_rows = [[camel_keys(item) for item in row] for row in rows]
        record.tasks.append(
            {
                "task": "fill-mask",
                "text": text,
                "options": {"topK": top_k},
                "maskTokenId": tokenizer.mask_token_id,
                "padTokenId": tokenizer.pad_token_id,
                "encoding": record.encoding(encoded.encodings[0], text),
                "logits": record.logits(forward(model, encoded)["logits"][0]),
                "result": camel_rows if isinstance(result[0], list) else camel_rows[0],
            }
        )


def token_classification(model, tokenizer, record):
    pipe = pipeline("token-classification", model=model, tokenizer=tokenizer, device="cpu")
    for text in TOKEN_INPUTS:
        encoded = tokenizer(text)
        logits = forward(model, encoded)["logits"][0]
        for row in torch.softmax(logits, -1).numpy():
            check_gaps(row, "token-classification", 1e-6)
        name = record.logits(logits)
        encoding = record.encoding(encoded.encodings[0], text)
        for strategy in STRATEGIES:
            result = [camel_keys(item) for item in pipe(text, aggregation_strategy=strategy)]
            for item in result:
                item["start"], item["end"] = utf16(text, item["start"]), utf16(text, item["end"])
            record.tasks.append(
                {
                    "task": "token-classification",
                    "text": text,
                    "options": {"aggregationStrategy": strategy},
                    "unkTokenId": tokenizer.unk_token_id,
                    "encoding": encoding,
                    "logits": name,
                    "result": result,
                }
            )


def question_answering(model, tokenizer, record):
    pipe = pipeline("question-answering", model=model, tokenizer=tokenizer, device="cpu")
    for question, context, window in QUESTIONS:
        shape = {k: v for k, v in window.items() if k != "max_answer_len"}
        example = pipe.create_sample(question=question, context=context)
        outputs = [pipe.forward(features) for features in pipe.preprocess(example, **shape)]
        windows = [
            {
                "encoding": record.encoding(output["encoding"], question, context, leave_out=WINDOW_LEAVES_OUT),
                "startLogits": record.logits(output["start"][0]),
                "endLogits": record.logits(output["end"][0]),
            }
            for output in outputs
        ]
        whole = tokenizer.backend_tokenizer
        whole.no_truncation()
        pair = record.encoding(whole.encode(question, context), question, context)
        for options in ANSWER_OPTIONS:
            result = pipe(question=question, context=context, **window, **options)
            result = result if isinstance(result, list) else [result]
            check_gaps([item["score"] for item in result], "question-answering")
            for item in result:
                item["start"], item["end"] = utf16(context, item["start"]), utf16(context, item["end"])
            record.tasks.append(
                {
                    "task": "question-answering",
                    "question": question,
                    "context": context,
                    "options": {camel(k): v for k, v in {**window, **options}.items()},
                    "clsTokenId": tokenizer.cls_token_id,
                    "encoding": pair,
                    "windows": windows,
                    "result": [camel_keys(item) for item in result],
                }
            )


def next_sentence(model, tokenizer, record):
    """Hugging Face has no pipeline for this: softmax over the two logits, 0 is "b follows a"."""
    for text, pair in [
        ("The bridge was closed in winter.", "The river carried away two pillars."),
        ("The clock is old.", "Zoe plays the violin."),
    ]:
        encoded = tokenizer(text, pair)
        output = forward(model, encoded)
        logits = output["logits"] if "logits" in output else output["seq_relationship_logits"]
        score = torch.softmax(logits[0], -1)[0].item()
        record.tasks.append(
            {
                "task": "next-sentence",
                "text": text,
                "textPair": pair,
                "ids": encoded["input_ids"],
                "logits": record.logits(logits[0]),
                "result": {"isNext": score >= 0.5, "score": score},
            }
        )


RUNNERS = {
    "classify": classification,
    "fill-mask": fill_mask,
    "token-classification": token_classification,
    "question-answering": question_answering,
    "next-sentence": next_sentence,
}
