"""Makes models/stories: a causal language model in Llama's layout, trained on the stories of grammar.py.

    python models/training/stories.py             # trains (12 minutes), writes the folder, evaluates it
    python models/training/stories.py evaluate    # evaluates the folder and writes its card

needs torch, tokenizers and safetensors. One command, no data: a byte-level BPE is trained on drawn stories, then the model
on stories that are drawn as it goes, none of them twice. Weights are written in 16 bits and evaluated as they are read.
One thread, so that every machine of a kind gives the same sums.
"""

import json
import math
import pathlib
import random
import sys
import time

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch import nn
from torch.nn import functional

from grammar import parse, sample
from stories_card import card

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "stories"
SEED = 1
THREADS = 1
STEPS = 3000
BATCH = 24
WARMUP = 100
RATE = 3e-3
HELD_OUT = 2000
SAMPLES = 500

BOS, EOS = "<s>", "</s>"
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 768,
    "hidden_size": 96,
    "intermediate_size": 256,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "hidden_act": "silu",
    "max_position_embeddings": 512,
    "rope_theta": 10000.0,
    "rms_norm_eps": 1e-5,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
    "attention_dropout": 0.0,
    "initializer_range": 0.02,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
    "torch_dtype": "float16",
}
GENERATION = {
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
    "do_sample": True,
    "temperature": 0.4,
    "top_k": 0,
    "max_new_tokens": 300,
}
TOKENIZER = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": BOS,
    "eos_token": EOS,
    "pad_token": EOS,
    "add_bos_token": True,
    "clean_up_tokenization_spaces": False,
    "model_max_length": CONFIG["max_position_embeddings"],
}


def train_tokenizer(texts):
    """A byte-level BPE that puts <s> before every text; any string can be encoded."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=CONFIG["vocab_size"],
        special_tokens=[BOS, EOS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    return tokenizer


class Attention(nn.Module):
    """Causal self-attention in which a few heads of keys and values serve more heads of queries; rotary positions."""

    def __init__(self, d, heads, kv_heads, d_head):
        super().__init__()
        self.heads, self.kv_heads, self.d_head = heads, kv_heads, d_head
        self.q_proj = nn.Linear(d, heads * d_head, bias=False)
        self.k_proj = nn.Linear(d, kv_heads * d_head, bias=False)
        self.v_proj = nn.Linear(d, kv_heads * d_head, bias=False)
        self.o_proj = nn.Linear(heads * d_head, d, bias=False)

    def forward(self, x, turn, cache=None):
        batch, length, _ = x.shape

        def split(states, heads):
            return states.view(batch, length, heads, self.d_head).transpose(1, 2)

        q = turn(split(self.q_proj(x), self.heads))
        k = turn(split(self.k_proj(x), self.kv_heads))
        v = split(self.v_proj(x), self.kv_heads)
        first = True
        if cache is not None:
            first = not cache
            if cache:
                k, v = torch.cat((cache[0], k), 2), torch.cat((cache[1], v), 2)
            cache[:] = k, v
        shared = self.heads // self.kv_heads
        mixed = functional.scaled_dot_product_attention(
            q, k.repeat_interleave(shared, 1), v.repeat_interleave(shared, 1), is_causal=first
        )
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, -1))


class FeedForward(nn.Module):
    def __init__(self, d, inner):
        super().__init__()
        self.gate_proj = nn.Linear(d, inner, bias=False)
        self.up_proj = nn.Linear(d, inner, bias=False)
        self.down_proj = nn.Linear(inner, d, bias=False)

    def forward(self, x):
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        d, eps = config["hidden_size"], config["rms_norm_eps"]
        self.input_layernorm = nn.RMSNorm(d, eps)
        self.self_attn = Attention(
            d, config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
        )
        self.post_attention_layernorm = nn.RMSNorm(d, eps)
        self.mlp = FeedForward(d, config["intermediate_size"])

    def forward(self, x, turn, cache=None):
        x = x + self.self_attn(self.input_layernorm(x), turn, cache)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """Ids [batch, length] to logits [batch, length, vocab]. Its parameters have the names of a Llama checkpoint below `model.`."""

    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config["vocab_size"], config["hidden_size"])
        self.layers = nn.ModuleList(Block(config) for _ in range(config["num_hidden_layers"]))
        self.norm = nn.RMSNorm(config["hidden_size"], config["rms_norm_eps"])
        half = config["head_dim"] // 2
        speeds = config["rope_theta"] ** -(torch.arange(half) / half)
        angles = torch.outer(torch.arange(config["max_position_embeddings"]).float(), speeds).repeat(1, 2)
        self.cos, self.sin = angles.cos(), angles.sin()
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=config["initializer_range"])

    def forward(self, ids, caches=None):
        """`caches`, a list for each layer, hold the keys and values of the ids before; then `ids` is one more column."""
        start = caches[0][0].shape[2] if caches and caches[0] else 0
        cos, sin = self.cos[start : start + ids.shape[1]], self.sin[start : start + ids.shape[1]]

        def turn(heads):
            first, second = heads.chunk(2, -1)
            return heads * cos + torch.cat((-second, first), -1) * sin

        x = self.embed_tokens(ids)
        for at, layer in enumerate(self.layers):
            x = layer(x, turn, caches and caches[at])
        return functional.linear(self.norm(x), self.embed_tokens.weight)


def tensor_of(rows):
    """Rows of ids as one tensor, filled up with -1."""
    width = max(map(len, rows))
    return torch.tensor([row + [-1] * (width - len(row)) for row in rows])


def loss_of(model, rows, reduction="mean"):
    """Cross-entropy of every token behind <s>, </s> included."""
    ids = tensor_of(rows)
    logits = model(ids[:, :-1].clamp(min=0))
    return functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), ignore_index=-1, reduction=reduction)


def encoded(tokenizer, text):
    """The ids of a text as the model learns it: <s>, the text, </s>."""
    return [*tokenizer.encode(text).ids, CONFIG["eos_token_id"]]


def batches(tokenizer, rng):
    """Endless batches of new stories, those of one batch about equally long."""
    while True:
        rows = sorted((encoded(tokenizer, sample(rng).text) for _ in range(16 * BATCH)), key=len)
        parts = [rows[start : start + BATCH] for start in range(0, len(rows), BATCH)]
        rng.shuffle(parts)
        yield from parts


def train(model, tokenizer):
    decayed = [parameter for parameter in model.parameters() if parameter.dim() == 2]
    others = [parameter for parameter in model.parameters() if parameter.dim() != 2]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    stories = batches(tokenizer, random.Random(SEED))
    start = time.monotonic()
    for step in range(STEPS):
        # linear warm-up, then half a cosine down to nothing
        rate = RATE * min((step + 1) / WARMUP, 0.5 + 0.5 * math.cos(math.pi * step / STEPS))
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = loss_of(model, next(stories))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 99:
            print(f"step {step + 1}: loss {loss.item():.4f}, {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


@torch.no_grad()
def generate(model, tokenizer, choose, count=1):
    """`count` texts from <s> to </s>; `choose` takes logits [texts, vocab] and gives the next ids [texts, 1]."""
    caches = [[] for _ in model.layers]
    ids = torch.tensor([tokenizer.encode("").ids] * count)
    ended = torch.zeros(count, dtype=torch.bool)
    new = ids
    while not ended.all() and ids.shape[1] < CONFIG["max_position_embeddings"]:
        new = choose(model(new, caches)[:, -1])
        ids = torch.cat((ids, new), 1)
        ended |= new[:, 0] == CONFIG["eos_token_id"]
    rows = [[*row, CONFIG["eos_token_id"]] for row in ids.tolist()]
    return [tokenizer.decode(row[: row.index(CONFIG["eos_token_id"])]) for row in rows]


def sampler(temperature):
    generator = torch.Generator().manual_seed(SEED)
    return lambda logits: torch.multinomial(functional.softmax(logits / temperature, -1), 1, generator=generator)


@torch.no_grad()
def evaluate(model, tokenizer):
    """The figures of the model card. Losses and entropies are in nats."""
    # seeds of their own: that one of these was drawn for training has a chance far below one in a million
    told = [sample(random.Random(f"held out {index}")) for index in range(HELD_OUT)]
    rows = sorted((encoded(tokenizer, story.text) for story in told), key=len)
    loss = sum(loss_of(model, rows[start : start + BATCH], "sum").item() for start in range(0, HELD_OUT, BATCH))
    entropy = -math.fsum(parse(story.text) for story in told)
    tokens = sum(len(row) - 1 for row in rows)
    texts = {heat: generate(model, tokenizer, sampler(heat), SAMPLES) for heat in (1.0, GENERATION["temperature"])}
    greedy = generate(model, tokenizer, lambda logits: logits.argmax(-1, keepdim=True))[0]
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "held_out": HELD_OUT,
        "tokens": tokens / HELD_OUT,
        "loss": loss / tokens,
        "entropy": entropy / tokens,
        "story_loss": loss / HELD_OUT,
        "story_entropy": entropy / HELD_OUT,
        "sampled": SAMPLES,
        "grammatical": {heat: sum(parse(text) is not None for text in drawn) / SAMPLES for heat, drawn in texts.items()},
        "distinct": len(set(texts[1.0])),
        "greedy": greedy,
        "greedy_is_grammatical": parse(greedy) is not None,
        "samples": texts[GENERATION["temperature"]][:3],
    }


def write_json(name, value):
    (FOLDER / name).write_text(json.dumps(value, indent=2) + "\n")


def write(model, tokenizer):
    FOLDER.mkdir(exist_ok=True)
    tensors = {f"model.{name}": value.half().contiguous() for name, value in model.state_dict().items()}
    save_file(tensors, FOLDER / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(FOLDER / "tokenizer.json"))
    write_json("config.json", CONFIG)
    write_json("generation_config.json", GENERATION)
    write_json("tokenizer_config.json", TOKENIZER)


def read():
    """The model and the tokenizer of the folder."""
    model = Llama(json.loads((FOLDER / "config.json").read_text()))
    tensors = load_file(FOLDER / "model.safetensors")
    model.load_state_dict({name.removeprefix("model."): value.float() for name, value in tensors.items()})
    return model, Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


def main():
    torch.manual_seed(SEED)
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    if sys.argv[1:] != ["evaluate"]:
        rng = random.Random(f"tokenizer {SEED}")
        tokenizer = train_tokenizer([sample(rng).text for _ in range(20_000)])
        model = Llama(CONFIG)
        train(model, tokenizer)
        write(model, tokenizer)
    figures = evaluate(*read())
    print(json.dumps(figures, indent=2), file=sys.stderr)
    (FOLDER / "README.md").write_text(card(CONFIG, GENERATION, {**figures, "stories": STEPS * BATCH}))


if __name__ == "__main__":
    main()
