"""Trains models/dates: a Transformer of the original architecture that turns dates as people write them into ISO 8601.

    python models/training/dates.py              the committed model, within 20 minutes on two cores
    python models/training/dates.py --samples 50000 --out /tmp/dates   a short trial

Needs torch 2.13, tokenizers 0.22, numpy 2 and safetensors 0.7. Seeded: the same versions on the same kind of processor give the same
weights. Writes the model folder, its model card, and test/golden/models/dates.json.
"""

import argparse
import itertools
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import torch
from torch import distributed, multiprocessing, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from dates_text.export import write_golden, write_model
from dates_text.model import DateTransformer
from dates_text.report import HELD_OUT, evaluate, held_out_texts, table
from dates_text.samples import samples
from dates_text.tokenizer import END, PAD, START, make_tokenizer

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
PROCESSES = 2
TOKENS = 3072  # of all sources of a process's batch
WARM = 40_000


def answer_ids(answer):
    return tokenizer.encode(answer).ids


def chunk(seed):
    """So many samples as (source ids, target ids); none of the held-out texts."""
    held = held_out_texts()
    found = []
    for sample in samples(f"training {seed}", noisy_share=0.5):
        if sample.text in held:
            continue
        source = tokenizer.encode(sample.text).ids
        if len(source) <= LONGEST:
            found.append((source, answer_ids(sample.answer)))
        if len(found) == CHUNK:
            return found


def batches(rank):
    """Batches of sources of one length, without end, from chunks of this process's own."""
    order = random.Random(7 + rank)
    waiting = defaultdict(list)
    for seed in itertools.count(rank, PROCESSES):
        for pair in chunk(seed):
            waiting[len(pair[0])].append(pair)
        full = []
        for length, pairs in waiting.items():
            size = min(512, max(16, TOKENS // length))
            while len(pairs) >= size:
                full.append([pairs.pop() for _ in range(size)])
        order.shuffle(full)
        yield from full


def tensors(batch):
    source = torch.tensor([pair[0] for pair in batch])
    longest = max(len(pair[1]) for pair in batch)
    target = torch.full((len(batch), longest + 1), pad)
    target[:, 0] = start
    for row, (_, ids) in zip(target, batch):
        row[1 : len(ids) + 1] = torch.tensor(ids)
    return source, target


def shared(model, loss, samples):
    """Averages the gradients of all processes in place; gives the mean loss and the samples of all."""
    flat = torch.cat([parameter.grad.flatten() for parameter in model.parameters()] + [torch.tensor([loss, samples])])
    distributed.all_reduce(flat)
    at = 0
    for parameter in model.parameters():
        count = parameter.numel()
        parameter.grad.copy_(flat[at : at + count].view_as(parameter) / PROCESSES)
        at += count
    return float(flat[-2]) / PROCESSES, int(flat[-1])


def train(model, rank, total, fall, peak, smoothing):
    """Warm-up, a constant rate, and for the last `fall` samples a straight fall to nothing. Every process makes the same steps."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.98), weight_decay=0.01)
    seen, begun, losses = 0, time.time(), []
    for step, batch in enumerate(batches(rank)):
        rate = max(0.01, min(1, (seen + 1) / WARM, (total - seen) / fall))
        for group in optimizer.param_groups:
            group["lr"] = peak * rate
        source, target = tensors(batch)
        logits = model(source, target[:, :-1])
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1), target[:, 1:].flatten(), ignore_index=pad, label_smoothing=smoothing
        )
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        mean, samples = shared(model, loss.item(), len(batch))
        seen += samples
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(mean)
        if rank == 0 and step % 100 == 99:
            print(f"{seen:8} samples  {time.time() - begun:5.0f} s  loss {sum(losses) / len(losses):.4f}", flush=True)
            losses.clear()
        if seen >= total:
            return


def work(rank, options):
    """One process: two with a thread each are a third faster than one with two threads, the matrices being so small."""
    torch.set_num_threads(1)
    torch.manual_seed(2017)
    store = f"file://{options.meeting}"
    distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=PROCESSES)
    model = DateTransformer(CONFIG)
    begun = time.time()
    # of two ways to compute attention the plain one is a tenth faster for sequences so short
    with sdpa_kernel(SDPBackend.MATH):
        train(model, rank, options.samples, options.fall, options.peak, options.smoothing)
    if rank == 0:
        finish(model, options, (time.time() - begun) / 60)
    distributed.destroy_process_group()


def finish(model, options, minutes):
    torch.set_num_threads(PROCESSES)
    # what is measured is what is stored
    for parameter in model.parameters():
        parameter.data = parameter.data.half().float()
    model.eval()
    scores = evaluate(model, tokenizer, HELD_OUT(), start, end)
    print(table(scores))
    write_model(options.out, model, CONFIG, tokenizer, LONGEST, scores, options.samples, minutes)
    write_golden(options.golden, model, tokenizer, start, end)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--samples", type=int, default=1_150_000)
    parser.add_argument("--fall", type=int, default=500_000)
    parser.add_argument("--peak", type=float, default=2e-3)
    parser.add_argument("--smoothing", type=float, default=0.0)
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "dates")
    parser.add_argument("--golden", type=Path, default=ROOT / "test" / "golden" / "models" / "dates.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.meeting = Path(folder) / "meeting"
        multiprocessing.spawn(work, (options,), nprocs=PROCESSES)


if __name__ == "__main__":
    main()
