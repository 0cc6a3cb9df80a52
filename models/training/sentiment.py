"""Makes models/sentiment by BERT's recipe (Devlin et al. 2018), every step of it:

1. a WordPiece vocabulary from the text,
2. pretraining on pairs of segments: the masked words, and whether the second segment follows the first,
3. fine-tuning of the pretrained encoder to a task of its own: is a text's feeling negative, neutral or positive?

    pip install torch==2.13.0 transformers==4.57.6 tokenizers==0.22.2 safetensors numpy
    python models/training/sentiment.py

writes models/sentiment/pretrained (after step 2) and models/sentiment (after step 3) with their model cards. The text comes from
grammar.py and sentiment_data.py; everything is drawn from SEED. `--quick` runs every step on a hundredth of the data.
"""

import argparse
import json
import os
import pathlib
import random
import sys
import time

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["HF_HUB_OFFLINE"] = "1"
sys.dont_write_bytecode = True

import numpy
import torch
from safetensors.torch import save
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn import functional
from transformers import BertConfig, BertForPreTraining, BertForSequenceClassification

import sentiment_card
from grammar import sample
from muon import Muon, split
from sentiment_data import LABELS, NEGATIVE, NEUTRAL, POSITIVE, paragraph, text

SEED = 20
HELD_OUT_SEED = SEED + 1
HERE = pathlib.Path(__file__).resolve().parent
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
VOCABULARY = 2048
POSITIONS = 256
SEGMENTS = 64  # tokens of most pairs; one batch in ten has pairs of POSITIONS, as BERT saves its long ones for the end


def config():
    return BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=POSITIONS,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=PAD,
    )


# --- 1. the vocabulary ------------------------------------------------------------------------------------------------------


def train_tokenizer(texts):
    """BERT's lower-casing WordPiece. Every letter and digit is a piece, alone and inside a word: no plain word is [UNK]."""
    inner = [f"##{letter}" for letter in LETTERS]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    # given as special, the inner letters have the same ids in every run, and so ties between merges fall the same way
    trainer = trainers.WordPieceTrainer(
        vocab_size=VOCABULARY, initial_alphabet=list(LETTERS + SIGNS), limit_alphabet=len(LETTERS + SIGNS),
        special_tokens=SPECIALS + inner, show_progress=False,
    )  # fmt: skip
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)]
    )
    described = json.loads(tokenizer.to_str())
    described["added_tokens"] = described["added_tokens"][: len(SPECIALS)]
    return Tokenizer.from_str(json.dumps(described))


# --- 2. pretraining ---------------------------------------------------------------------------------------------------------


def documents(rng, count):
    """Half stories of the grammar, half paragraphs; each a list of sentences."""
    for i in range(count):
        yield sample(rng).sentences if i % 2 else paragraph(rng, rng.choice((NEGATIVE, NEUTRAL, POSITIVE)), rng.randint(3, 8))


def encode_all(tokenizer, texts):
    return [encoding.ids for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]


def encode_documents(tokenizer, documents):
    """Token ids of documents, [document][sentence][token]."""
    flat = iter(encode_all(tokenizer, [sentence for document in documents for sentence in document]))
    return [[next(flat) for _ in document] for document in documents]


def pair(rng, corpus, at, limit):
    """Two segments, and 1 if the second was drawn from another document instead of being what follows the first.

    The other document is of the same kind (corpus alternates between kinds), so that the style gives nothing away."""
    document = corpus[at]
    start = rng.randrange(len(document) - 1)
    split = rng.randint(start + 1, min(len(document) - 1, start + 4))
    strange = rng.random() < 0.5
    second, second_at = document, split
    if strange:
        second = corpus[(at + 2 * rng.randrange(1, len(corpus) // 2)) % len(corpus)]
        second_at = rng.randrange(len(second))
    second_end = rng.randint(second_at + 1, min(len(second), second_at + 4))
    first = [token for sentence in document[start:split] for token in sentence]
    rest = [token for sentence in second[second_at:second_end] for token in sentence]
    while len(first) + len(rest) > limit - 3:
        (first if len(first) > len(rest) else rest).pop()
    return first, rest, int(strange)


def long_pair(rng, corpus, at):
    """A pair of as many tokens as there are positions: documents after one another, cut in two or with a strange second half."""
    here, there = [], []
    for own, from_ in ((here, at), (there, at + 2 * rng.randrange(1, len(corpus) // 2))):
        while len(own) < POSITIONS:
            own.extend(token for sentence in corpus[from_ % len(corpus)] for token in sentence)
            from_ += 2
    cut = rng.randint(POSITIONS // 4, POSITIONS * 3 // 4)
    strange = rng.random() < 0.5
    return here[:cut], (there[: POSITIONS - 3 - cut] if strange else here[cut : POSITIONS - 3]), int(strange)


def pad(rows):
    """Lists of ids as a tensor [rows, longest], and which of its places are tokens."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    return ids, torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])


def collate_pairs(pairs):
    rows = [[CLS, *first, SEP, *second, SEP] for first, second, _ in pairs]
    types = [[0] * (len(first) + 2) + [1] * (len(second) + 1) for first, second, _ in pairs]
    ids, mask = pad(rows)
    return ids, mask, pad(types)[0], torch.tensor([strange for *_, strange in pairs])


def masked(ids, generator):
    """15 % of the tokens are to be told: 80 % of these become [MASK], 10 % another token, 10 % stay. -> ids, where to tell"""
    chosen = (torch.rand(ids.shape, generator=generator) < 0.15) & (ids >= len(SPECIALS))
    roll = torch.rand(ids.shape, generator=generator)
    other = torch.randint(len(SPECIALS), VOCABULARY, ids.shape, generator=generator)
    hidden = torch.where(chosen & (roll < 0.8), MASK, ids)
    return torch.where(chosen & (roll >= 0.9), other, hidden), chosen


def predict(model, ids, mask, types, chosen):
    """Logits of the chosen tokens alone (the head over all of them would cost more than the encoder), and of the pair."""
    hidden, pooled = model.bert(ids, attention_mask=mask, token_type_ids=types, return_dict=False)
    return model.cls.predictions(hidden[chosen]), model.cls.seq_relationship(pooled)


def pretrain(model, corpus, steps, batch, rng, generator):
    training = Training(model, steps, matrices=1e-2, rest=4e-3)
    pool, seen = [], {"mlm": [], "nsp": []}
    started = time.time()
    for step in range(steps):
        if step % 10 == 9:
            pairs = [long_pair(rng, corpus, rng.randrange(len(corpus))) for _ in range(batch // 8)]
        else:
            if not pool:
                drawn = [pair(rng, corpus, rng.randrange(len(corpus)), SEGMENTS) for _ in range(batch * 50)]
                pool = in_batches(rng, drawn, batch, lambda drawn_pair: len(drawn_pair[0]) + len(drawn_pair[1]))
            pairs = pool.pop()
        ids, mask, types, strange = collate_pairs(pairs)
        hidden, chosen = masked(ids, generator)
        words, follows = predict(model, hidden, mask, types, chosen)
        mlm, nsp = functional.cross_entropy(words, ids[chosen]), functional.cross_entropy(follows, strange)
        training.advance(mlm + nsp)
        seen["mlm"].append(mlm.item())
        seen["nsp"].append(nsp.item())
        if step % 200 == 199:
            means = {name: sum(losses[-200:]) / 200 for name, losses in seen.items()}
            print(f"pretraining {step + 1}/{steps}: mlm {means['mlm']:.3f}, nsp {means['nsp']:.3f}, {time.time() - started:.0f} s", flush=True)


def evaluate_pretraining(model, corpus, rng, generator):
    """How many of the masked words and of the pairs are told right, by kind of document."""
    figures = {}
    with torch.inference_mode():
        for kind, name in ((1, "stories"), (0, "paragraphs")):
            right = {"mlm": [0, 0], "nsp": [0, 0]}
            pairs = [pair(rng, corpus, at, SEGMENTS) for at in range(kind, len(corpus), 2)]
            for at in range(0, len(pairs), 128):
                ids, mask, types, strange = collate_pairs(pairs[at : at + 128])
                hidden, chosen = masked(ids, generator)
                words, follows = predict(model, hidden, mask, types, chosen)
                for task, logits, truth in (("mlm", words, ids[chosen]), ("nsp", follows, strange)):
                    right[task][0] += (logits.argmax(-1) == truth).sum().item()
                    right[task][1] += len(truth)
            figures[name] = {task: hits / total for task, (hits, total) in right.items()}
    return figures


# --- 3. fine-tuning ---------------------------------------------------------------------------------------------------------


def labelled(rng, count, leave_out=frozenset()):
    """Texts with their labels and kinds, none of them among those left out."""
    found = []
    while len(found) < count:
        drawn = text(rng)
        if drawn[0].lower() not in leave_out:
            found.append(drawn)
    return found


def fine_tune(model, tokenizer, examples, batch, rate, rng, epochs=1):
    rows = [(ids[: POSITIONS - 2], label) for ids, (_, label, _) in zip(encode_all(tokenizer, [t for t, *_ in examples]), examples)]
    steps = epochs * (len(rows) // batch)
    training = Training(model, steps, matrices=5 * rate, rest=rate)
    started, recent = time.time(), []
    pool = []
    for step in range(steps):
        if not pool:
            pool = in_batches(rng, rows, batch, lambda row: len(row[0]))
        drawn = pool.pop()
        ids, mask = pad([[CLS, *row, SEP] for row, _ in drawn])
        logits = model(ids, attention_mask=mask).logits
        loss = functional.cross_entropy(logits, torch.tensor([label for _, label in drawn]))
        training.advance(loss)
        recent.append(loss.item())
        if step % 500 == 499:
            print(f"fine-tuning {step + 1}/{steps}: {sum(recent[-500:]) / 500:.4f}, {time.time() - started:.0f} s", flush=True)


def classify(model, tokenizer, texts):
    """The index of each text's likeliest label."""
    found = []
    rows = encode_all(tokenizer, texts)
    with torch.inference_mode():
        for at in range(0, len(rows), 128):
            ids, mask = pad([[CLS, *row[: POSITIONS - 2], SEP] for row in rows[at : at + 128]])
            found.extend(model(ids, attention_mask=mask).logits.argmax(-1).tolist())
    return found


def accuracy(model, tokenizer, examples):
    """Of all and of each kind."""
    hits = {}
    for found, (_, label, kind) in zip(classify(model, tokenizer, [t for t, *_ in examples]), examples):
        for name in ("all", kind):
            hits.setdefault(name, []).append(found == label)
    return {name: sum(own) / len(own) for name, own in hits.items()}


def by_hand():
    """The sentences written by hand for the test, never trained on: (text, label, kind)."""
    rows = [line.split("\t") for line in (HERE / "sentiment_by_hand.tsv").read_text().splitlines()]
    return [(sentence, LABELS.index(label), "by hand") for label, sentence in rows]


# --- training and files -----------------------------------------------------------------------------------------------------


class Training:
    """Muon for the matrices of the encoder, AdamW for all else; rates with a warm-up over a tenth of the steps, then linear decay.
    Norms and biases are not decayed."""

    def __init__(self, model, steps, matrices, rest):
        inner, others = split(model.bert.encoder, model)
        groups = [
            {"params": [p for p in others if p.dim() > 1], "weight_decay": 0.01},
            {"params": [p for p in others if p.dim() == 1], "weight_decay": 0.0},
        ]
        self.model = model
        self.optimisers = [Muon(inner, lr=matrices), torch.optim.AdamW(groups, lr=rest, betas=(0.9, 0.98), eps=1e-6)]
        warm = max(1, steps // 10)
        self.schedules = [
            torch.optim.lr_scheduler.LambdaLR(each, lambda step: min((step + 1) / warm, (steps - step) / (steps - warm)))
            for each in self.optimisers
        ]

    def advance(self, loss):
        self.model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for each in (*self.optimisers, *self.schedules):
            each.step()


def in_batches(rng, items, size, length):
    """Batches of items of like length, in random order: little padding."""
    ordered = sorted(rng.sample(items, len(items)), key=length)
    batches = [ordered[at : at + size] for at in range(0, len(ordered) - size + 1, size)]
    rng.shuffle(batches)
    return batches


def rounded(model):
    """The model with the weights as the files have them."""
    return model.half().float().eval()


def save_folder(model, tokenizer, folder, architecture, extra):
    """A Hugging Face folder: f16 weights without the copies of tied ones, config, tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.half().contiguous() for name, value in model.state_dict().items() if "predictions.decoder" not in name}
    (folder / "model.safetensors").write_bytes(save(weights, metadata={"format": "pt"}))
    settings = {
        "architectures": [architecture],
        "model_type": "bert",
        **{name: getattr(model.config, name) for name in (
            "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
            "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "pad_token_id", "hidden_dropout_prob",
            "attention_probs_dropout_prob", "initializer_range",
        )},
        "torch_dtype": "float16",
        **extra,
    }  # fmt: skip
    specials = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
    tokens = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": POSITIONS, **specials}
    for name, value in (("config.json", settings), ("tokenizer_config.json", tokens)):
        (folder / name).write_text(json.dumps(value, indent=2) + "\n")
    (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), indent=1) + "\n")
    return sum(value.numel() for value in weights.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "sentiment")
    parser.add_argument("--quick", action="store_true", help="a hundredth of the data, to try the script")
    options = parser.parse_args()
    scale = 100 if options.quick else 1
    torch.set_num_threads(2)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(SEED)
    numpy.random.seed(SEED)
    rng, generator = random.Random(SEED), torch.Generator().manual_seed(SEED)
    held_rng = random.Random(HELD_OUT_SEED)
    started = time.time()

    held_out = labelled(held_rng, max(600, 6_000 // scale))
    held_out_corpus = list(documents(held_rng, max(400, 4_000 // scale)))
    hand = by_hand()
    corpus = list(documents(rng, 60_000 // scale))
    examples = labelled(rng, 200_000 // scale, frozenset(t.lower() for t, *_ in held_out + hand))
    tokenizer = train_tokenizer([sentence for document in corpus for sentence in document] + [t for t, *_ in examples[: len(corpus)]])
    figures = {
        "vocabulary": VOCABULARY, "positions": POSITIONS, "examples": len(examples), "held_out": len(held_out), "hand": len(hand),
        "documents": len(corpus), "held_out_documents": len(held_out_corpus), "steps": 3_500 // scale,
    }  # fmt: skip
    print(f"text and vocabulary of {tokenizer.get_vocab_size()} pieces: {time.time() - started:.0f} s", flush=True)

    model = BertForPreTraining(config())
    pretrain(model, encode_documents(tokenizer, corpus), figures["steps"], 64, rng, generator)
    model = rounded(model)
    figures["pretraining"] = evaluate_pretraining(model, encode_documents(tokenizer, held_out_corpus), held_rng, generator)
    pretrained = options.out / "pretrained"
    figures["pretrained_parameters"] = save_folder(model, tokenizer, pretrained, "BertForPreTraining", {"tie_word_embeddings": True})
    print(json.dumps(figures), flush=True)

    labels = {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
    classifier = BertForSequenceClassification.from_pretrained(pretrained, dtype=torch.float32, **labels)
    fine_tune(classifier, tokenizer, examples, 64, 1e-3, rng)
    classifier = rounded(classifier)
    figures["classification"] = accuracy(classifier, tokenizer, held_out)
    figures["by_hand"] = accuracy(classifier, tokenizer, hand)["all"]
    figures["parameters"] = save_folder(classifier, tokenizer, options.out, "BertForSequenceClassification", labels)
    figures["minutes"] = (time.time() - started) / 60
    print(json.dumps(figures), flush=True)
    sentiment_card.write(options.out, figures)


if __name__ == "__main__":
    main()
