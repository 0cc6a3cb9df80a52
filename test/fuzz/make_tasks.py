"""Encoders with heads and trained tokenizers, and what the pipelines of transformers make of random texts with them: finds what the
goldens of the tasks do not cover.

    pip install torch==2.13.0 transformers safetensors
    python test/fuzz/make_tasks.py FOLDER [--count 50] [--seed 1]
    npm run build && node test/fuzz/tasks.mjs FOLDER

Calls that the pipelines themselves refuse are left out.
"""

import argparse
import json
import os
import pathlib
import random

os.environ["HF_HUB_OFFLINE"] = "1"
import torch
import transformers as hf
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers.pipelines import SUPPORTED_TASKS  # version 5 answers no questions any more

WORDS = (
    "Angela Merkel was born in Hamburg, West-Germany. don't isn't U.S.A. (2004) 3.14 naïve café 東京 is big; the keeper's lighthouse "
    "— counts ships... e-mail@example.com #tag 😀 happy👍🏽 NYC I'm quite_a long-winded Straße \"quoted\" 'single' unaffable "
    "antidisestablishmentarianism xqzzyt 12,345.67 $5 50%"
).split(" ") + ["\t", "", "  "]
LABELS = [
    ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    ["PER", "LOC", "O"],
    ["O", "I-A", "I-B"],
    ["B-A-x", "I-A-x", "B-A", "O"],
    ["O", "PER-1", "B-PER", "b-per"],
]
HEADS = {
    "question-answering": hf.AutoModelForQuestionAnswering,
    "token-classification": hf.AutoModelForTokenClassification,
    "text-classification": hf.AutoModelForSequenceClassification,
    "fill-mask": hf.AutoModelForMaskedLM,
}


def text(r, most):
    return " ".join(r.choice(WORDS) for _ in range(r.randint(1, most))).strip() or "x"


BERT = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
ROBERTA = {"cls": "<s>", "pad": "<pad>", "sep": "</s>", "unk": "<unk>", "mask": "<mask>"}


def template(specials, pair, tokenizer):
    cls, sep = specials["cls"], specials["sep"]
    known = [(token, tokenizer.token_to_id(token)) for token in (cls, sep)]
    return processors.TemplateProcessing(single=f"{cls} $A {sep}", pair=pair, special_tokens=known)


def word_piece(r):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=r.random() < 0.5)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=r.choice([120, 200]), special_tokens=list(BERT.values()))
    tokenizer.train_from_iterator(WORDS, trainer)
    tokenizer.post_processor = template(BERT, "[CLS] $A [SEP] $B:1 [SEP]:1", tokenizer)
    return tokenizer, BERT, r.choice(["bert", "distilbert"])


def byte_level(r):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=r.random() < 0.5)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=340, special_tokens=list(ROBERTA.values()), initial_alphabet=alphabet)
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    tokenizer.post_processor = template(ROBERTA, "<s> $A </s> </s> $B </s>", tokenizer)
    return tokenizer, ROBERTA, "roberta"


def unigram(r):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=150, special_tokens=list(ROBERTA.values()), unk_token="<unk>")
    tokenizer.train_from_iterator([" ".join(WORDS)], trainer)
    tokenizer.post_processor = template(ROBERTA, "<s> $A </s> </s> $B </s>", tokenizer)
    return tokenizer, ROBERTA, "xlm-roberta"


def encoder(r, task, family, tokenizer):
    """A model of random weights, and how many tokens it takes."""
    positions = r.choice([48, 64, 100])
    settings = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, "initializer_range": 0.5}
    if family == "distilbert":
        settings.update(dim=24, n_heads=2, n_layers=1, hidden_dim=32, max_position_embeddings=positions)
    else:
        first = tokenizer.pad_token_id + 1 if "roberta" in family else 0
        settings.update(hidden_size=24, num_attention_heads=2, num_hidden_layers=1, intermediate_size=32)
        settings.update(max_position_embeddings=positions + first, type_vocab_size=2 if family == "bert" else 1)
    if task == "token-classification":
        settings["id2label"] = dict(enumerate(r.choice(LABELS)))
    if task == "text-classification":
        settings["id2label"] = dict(enumerate(r.choice([["no", "yes"], ["a", "b", "c"], ["only"]])))
        if r.random() < 0.3:
            settings["problem_type"] = "multi_label_classification"
    return HEADS[task].from_config(hf.AutoConfig.for_model(family, **settings)).eval(), positions


def some(r, **choices):
    """Options of a call, each left out half of the time."""
    return {name: r.choice(values) for name, values in choices.items() if r.random() < 0.5}


def call(r, task, tokenizer, positions):
    """Inputs and options of a call."""
    if task == "question-answering":
        options = some(r, top_k=[1, 2, 3, 7], max_answer_len=[1, 2, 5, 40], doc_stride=[0, 1, 5, 8])
        options.update(some(r, handle_impossible_answer=[True], align_to_words=[False]))
        options.update(max_seq_len=r.choice([positions, 40]), max_question_len=1000)
        return {"question": text(r, 8), "context": text(r, r.choice([3, 20, 150]))}, options
    if task == "token-classification":
        options = some(r, aggregation_strategy=["simple", "first", "average", "max"], ignore_labels=[[], ["PER", "I-PER"]])
        return {"inputs": text(r, 12)}, options
    if task == "text-classification":
        inputs = {"text": text(r, 8)}
        if r.random() < 0.4:
            inputs["text_pair"] = text(r, 4)
        return {"inputs": inputs}, {"top_k": r.choice([None, 1, 2]), **some(r, function_to_apply=["sigmoid", "softmax", "none"])}
    words = text(r, 8).split(" ")
    for _ in range(r.choice([1, 1, 2])):
        words.insert(r.randint(0, len(words)), tokenizer.mask_token)
    return {"inputs": " ".join(words)}, some(r, top_k=[1, 3])


def make(r, folder):
    task = r.choice([task for task in HEADS if task in SUPPORTED_TASKS])
    parts, specials, family = r.choice([word_piece, word_piece, byte_level, unigram])(r)
    tokenizer = hf.PreTrainedTokenizerFast(tokenizer_object=parts, **{f"{name}_token": token for name, token in specials.items()})
    if family != "bert":
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    model, positions = encoder(r, task, family, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    run = hf.pipeline(task, model=model.double(), tokenizer=tokenizer, device="cpu")
    cases = []
    for _ in range(6):
        inputs, options = call(r, task, tokenizer, positions)
        # what is longer than the model allows is an error here; of a question's context it makes windows
        if "inputs" in inputs:
            texts = inputs["inputs"]
            if len(tokenizer(*(texts.values() if isinstance(texts, dict) else [texts]))["input_ids"]) > positions:
                continue
        try:
            cases.append({"inputs": inputs, "options": options, "expected": run(**inputs, **options)})
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a panic of the tokenizer is no Exception
            print(f"{folder.name}: left out: {str(error)[:100]}", flush=True)
    (folder / "cases.json").write_text(json.dumps({"task": task, "cases": cases}, default=lambda number: number.item()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    hf.logging.set_verbosity_error()
    for i in range(options.count):
        r = random.Random(f"{options.seed} {i}")
        torch.manual_seed(r.randrange(1 << 30))
        make(r, options.folder / f"{options.seed}-{i}")


if __name__ == "__main__":
    main()
