"""Trains models/dates: a Transformer of the original architecture that turns dates as people write them into ISO 8601.

    python models/training/dates.py              the committed model, 18 minutes on two cores
    python models/training/dates.py --samples 50000 --out /tmp/dates   a short trial

Needs torch 2.13, tokenizers 0.22, numpy 2 and safetensors 0.7. Seeded: the same versions on the same kind of processor give the same
weights. Writes the model folder, its model card, and test/golden/models/dates.json.
"""

import argparse
import itertools
import multiprocessing
import random
import time
from collections import defaultdict, deque
from pathlib import Path

import torch
from torch import nn

from dates_text.export import write_golden, write_model
from dates_text.model import DateTransformer
from dates_text.report import HELD_OUT, evaluate, held_out_texts, table
from dates_text.samples import samples
from dates_text.tokenizer import END, PAD, START, make_tokenizer
from muon import Muon, split

ROOT = Path(__file__).parents[2]
LONGEST = 80  # tokens of a source, its end included

tokenizer = make_tokenizer()
VOCABULARY = tokenizer.get_vocab_size()
pad, start, end = (tokenizer.token_to_id(token) for token in (PAD, START, END))
CONFIG = {
    "model_type": "transformer",
    "d_model": 64,
    "nhead": 4,
    "num_encoder_layers": 3,
    "num_decoder_layers": 2,
    "dim_feedforward": 256,
    "activation": "relu",
    "norm_first": False,
    "layer_norm_eps": 1e-05,
    "bias": True,
    "src_vocab_size": VOCABULARY,
    "tgt_vocab_size": VOCABULARY,
    "max_len": LONGEST,
    "bos_token_id": start,
    "eos_token_id": end,
    "pad_token_id": pad,
    "decoder_start_token_id": start,
    "task_specific_params": {"translation": {"answer": "iso-8601-date"}},
}
CHUNK = 16384
TOKENS = 4096  # of all sources of a batch
WARM = 40_000


def answer_ids(answer):
    return [*map(tokenizer.token_to_id, answer), end]


def chunk(seed):
    """So many samples as (source ids, target ids); none of the held-out texts. Leap years are a rule that takes many examples."""
    held = held_out_texts()
    found = []
    for sample in samples(f"training {seed}", noisy_share=0.38, leap_share=0.04):
        if sample.text in held:
            continue
        source = tokenizer.encode(sample.text).ids
        if len(source) <= LONGEST:
            found.append((source, answer_ids(sample.answer)))
        if len(found) == CHUNK:
            return found


def batches(total):
    """Batches of sources of one length, from chunks that a process beside this one makes."""
    order = random.Random(7)
    waiting = defaultdict(list)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seeds = iter(range(-(-total // CHUNK)))
        ahead = deque(pool.apply_async(chunk, (seed,)) for seed in itertools.islice(seeds, 2))
        while ahead:
            made = ahead.popleft().get()
            ahead.extend(pool.apply_async(chunk, (seed,)) for seed in itertools.islice(seeds, 1))
            for pair in made:
                waiting[len(pair[0])].append(pair)
            full = []
            for length, pairs in waiting.items():
                size = min(512, max(16, TOKENS // length))
                while len(pairs) >= size:
                    full.append([pairs.pop() for _ in range(size)])
            order.shuffle(full)
            yield from full


def tensors(batch):
    """Sources [batch, length], and targets between their start and end, padded."""
    longest = max(len(ids) for _, ids in batch)
    targets = [[start, *ids, *[pad] * (longest - len(ids))] for _, ids in batch]
    return torch.tensor([source for source, _ in batch]), torch.tensor(targets)


def optimizers(model):
    """Muon for the matrices of the layers, AdamW for embeddings, the generator, biases and norms."""
    matrices, others = split(model.transformer, model)
    return [Muon(matrices, lr=1e-2), torch.optim.AdamW(others, lr=4e-3, betas=(0.9, 0.98), weight_decay=0.01)]


def train(model, total, fall):
    """Warm-up, constant rates, and for the last `fall` of the samples a straight fall to nothing."""
    both = optimizers(model)
    peaks = [(group, group["lr"]) for optimizer in both for group in optimizer.param_groups]
    seen, begun, losses = 0, time.time(), []
    for step, batch in enumerate(batches(total)):
        seen += len(batch)
        rate = max(0.01, min(1, seen / WARM, (total - seen) / (fall * total)))
        for group, peak in peaks:
            group["lr"] = peak * rate
        source, target = tensors(batch)
        logits = model(source, target[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=pad)
        model.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in both:
            optimizer.step()
        losses.append(loss.item())
        if step % 100 == 99:
            mean = sum(losses) / len(losses)
            losses.clear()
            print(f"{seen:8} samples  {time.time() - begun:5.0f} s  loss {mean:.4f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=950_000)
    parser.add_argument("--fall", type=float, default=0.4, help="share of the samples over which the rates fall")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "dates")
    parser.add_argument("--golden", type=Path, default=ROOT / "test" / "golden" / "models" / "dates.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(2017)
    model = DateTransformer(CONFIG)
    print(f"{sum(parameter.numel() for parameter in model.parameters())} parameters", flush=True)
    begun = time.time()
    train(model, options.samples, options.fall)
    minutes = (time.time() - begun) / 60
    # what is measured is what is stored
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    model.eval()
    scores = evaluate(model, tokenizer, HELD_OUT(), start, end)
    print(table(scores))
    write_model(options.out, model, CONFIG, tokenizer, LONGEST, scores, options.samples, minutes)
    write_golden(options.golden, model, tokenizer, start, end)


if __name__ == "__main__":
    main()
