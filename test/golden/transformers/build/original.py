"""Goldens of torch.nn.Transformer as PyTorch's translation tutorial uses it, and of its two stacks alone."""

import math

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from seq2seq import SOURCE, TARGET, padded
from shared import files
from shared.generation import GREEDY, KINDS, MARGIN, NEW_TOKENS, Unclear, lively
from shared.precision import Double

BOS, PAD = 1, 0
LOW = 3

BASE = {
    "d_model": 24,
    "nhead": 2,
    "num_encoder_layers": 2,
    "num_decoder_layers": 2,
    "dim_feedforward": 37,
    "activation": "relu",
    "norm_first": False,
    "layer_norm_eps": 1e-5,
    "bias": True,
    "src_vocab_size": 53,
    "tgt_vocab_size": 53,
    "max_len": 32,
}
TRANSFORMERS = {
    "transformer": {"src_vocab_size": 61, "tgt_vocab_size": 47},
    "transformer-pre-norm": {"d_model": 20, "nhead": 1, "dim_feedforward": 50, "activation": "gelu", "norm_first": True},
    "transformer-no-bias": {"num_encoder_layers": 1, "norm_first": True, "bias": False, "nhead": 3},
    "transformer-gelu": {"num_decoder_layers": 1, "activation": "gelu", "layer_norm_eps": 1e-3, "bias": False},
}
# where the search for clear texts starts: the first seed that gives them
SEEDS = {
    "transformer": 201003,
    "transformer-pre-norm": 202003,
    "transformer-no-bias": 203000,
    "transformer-gelu": 204001,
}
STACK = {
    "d_model": 24,
    "nhead": 2,
    "num_layers": 2,
    "dim_feedforward": 37,
    "activation": "relu",
    "norm_first": False,
    "layer_norm_eps": 1e-5,
    "bias": True,
    "final_norm": True,
}
PRE = {"d_model": 20, "nhead": 1, "activation": "gelu", "norm_first": True}
STACKS = {
    "transformer-encoder": ("transformer_encoder", {}),
    "transformer-encoder-plain": ("transformer_encoder", {**PRE, "bias": False, "final_norm": False}),
    "transformer-decoder": ("transformer_decoder", {}),
    "transformer-decoder-plain": ("transformer_decoder", {**PRE, "bias": False, "final_norm": False}),
}


class TokenEmbedding(nn.Module):
    def __init__(self, vocab, size):
        super().__init__()
        self.embedding = nn.Embedding(vocab, size)

    def forward(self, ids):
        return self.embedding(ids) * math.sqrt(self.embedding.embedding_dim)


def positions(length, size):
    """Sines in the even columns, cosines in the odd ones, in float64."""
    angles = torch.arange(length)[:, None] * torch.exp(-torch.arange(0, size, 2) * math.log(10000) / size).double()
    out = torch.zeros(length, size, dtype=torch.float64)
    out[:, 0::2] = angles.sin()
    out[:, 1::2] = angles.cos()
    return out


class Translator(nn.Module):
    """Embeddings times sqrt(d_model) plus sinusoids, nn.Transformer, generator: the tutorial's names."""

    def __init__(self, config):
        super().__init__()
        names = ["d_model", "nhead", "num_encoder_layers", "num_decoder_layers", "dim_feedforward"]
        names += ["activation", "norm_first", "layer_norm_eps", "bias"]
        self.transformer = nn.Transformer(**{name: config[name] for name in names}, batch_first=True)
        self.generator = nn.Linear(config["d_model"], config["tgt_vocab_size"])
        self.src_tok_emb = TokenEmbedding(config["src_vocab_size"], config["d_model"])
        self.tgt_tok_emb = TokenEmbedding(config["tgt_vocab_size"], config["d_model"])
        self.positions = positions(config["max_len"], config["d_model"])

    def embed(self, embedding, ids):
        return embedding(ids) + self.positions[: ids.shape[1]]

    def encode(self, ids, padding=None):
        return self.transformer.encoder(self.embed(self.src_tok_emb, ids), src_key_padding_mask=padding)

    def decode(self, ids, memory, padding=None, memory_padding=None):
        return self.transformer.decoder(
            self.embed(self.tgt_tok_emb, ids),
            memory,
            tgt_mask=causal(ids.shape[1]),
            tgt_key_padding_mask=padding,
            memory_key_padding_mask=memory_padding,
        )


def causal(length):
    return torch.ones(length, length, dtype=torch.bool).triu(1)


def randomise(model, seed):
    """Every weight random, biases and norms included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name:
                value = noise * 0.2 + (1 if name.endswith("weight") else 0)
            elif parameter.ndim == 1:
                value = noise * 0.2
            elif "embedding" in name:
                value = noise * 0.7
            else:
                value = noise * ((0.6 if "multihead_attn.out_proj" in name else 1.6) / math.sqrt(parameter.shape[1]))
            parameter.copy_(value)
    return model.eval()


class Watch:
    """Records what the layers of a stack give and the maps of their attentions."""

    def __init__(self, stack, prefix, maps):
        self.stack, self.prefix, self.maps = stack, prefix, maps
        self.seen = {}
        for index, layer in enumerate(stack.layers):
            layer.register_forward_hook(self.hidden(index))
            for attribute, name in maps.items():
                self.watch_attention(getattr(layer, attribute), f"{name}.{index}")
        stack.register_forward_hook(self.ends)

    def hidden(self, index):
        def hook(module, inputs, output):
            self.seen[f"{self.prefix}hidden_states.{index + 1}"] = output

        return hook

    def ends(self, module, inputs, output):
        """The first state is the input; the last one is after the final norm, as in Hugging Face's models."""
        self.seen[f"{self.prefix}hidden_states.0"] = inputs[0]
        self.seen[f"{self.prefix}hidden_states.{len(module.layers)}"] = output

    def watch_attention(self, attention, name):
        plain = attention.forward

        def forward(*args, **kwargs):
            out, seen = plain(*args, **{**kwargs, "need_weights": True, "average_attn_weights": False})
            self.seen[name] = seen
            return out, None

        attention.forward = forward


def numbers(seen, rows, columns=None):
    """Arrays, with zeros where the query is padding. rows: mask by prefix of the name; maps are [n, heads, t, t]."""
    out = {}
    for name, value in seen.items():
        mask = next(mask for prefix, mask in rows.items() if name.startswith(prefix))
        value = value.detach().double().numpy()
        out[name] = value * (mask[:, None, :, None] if value.ndim == 4 else mask[:, :, None])
    return out


def greedy(model, prompts):
    """The tutorial's loop without its end, for prompts of one length: (new tokens, narrowest margin)."""
    margin = Double()
    with torch.no_grad(), margin:
        memory = model.encode(torch.tensor(prompts))
        text = torch.full((len(prompts), 1), BOS)
        for _ in range(NEW_TOKENS):
            logits = model.generator(model.decode(text, memory)[:, -1])
            text = torch.cat([text, torch.argmax(logits, dim=-1)[:, None]], dim=1)
    return text[:, 1:].tolist(), margin.narrowest


def ending(texts, eos):
    return [text[: text.index(eos) + 1] if eos in text else text for text in texts]


def texts(model, config, rng):
    """Greedy texts of three prompts, of full length, ended by eos and either: (cases, eos)."""
    prompts = [rng.integers(LOW, config["src_vocab_size"], (24, length)).tolist() for length in SOURCE]
    found = [greedy(model, some)[0] for some in prompts]
    ends = [sum(3 < len(text) < NEW_TOKENS - 1 for text in ending(found[1], eos)) for eos in range(config["tgt_vocab_size"])]
    eos = max(range(LOW, len(ends)), key=ends.__getitem__)
    cases = []
    for some, some_found, fit in zip(prompts, found, KINDS):
        for ids, text in zip(some, ending(some_found, eos)):
            if fit(text) and lively(text) and greedy(model, [ids])[1] > MARGIN:
                cases.append({"inputIds": ids, "options": GREEDY, "ids": text})
                break
        else:
            raise Unclear(f"no clear prompt of {len(some[0])} tokens")
    return cases, eos


def translate(model, config, rng):
    """The forward pass of a padded batch."""
    encoder = Watch(model.transformer.encoder, "encoder_", {"self_attn": "encoder_attentions"})
    maps = {"self_attn": "decoder_attentions", "multihead_attn": "cross_attentions"}
    decoder = Watch(model.transformer.decoder, "decoder_", maps)
    sources = [rng.integers(LOW, config["src_vocab_size"], length).tolist() for length in SOURCE]
    targets = [[BOS, *rng.integers(LOW, config["tgt_vocab_size"], length - 1).tolist()] for length in TARGET]
    ids, mask = padded(sources, PAD)
    target_ids, target_mask = padded(targets, PAD)
    with torch.no_grad(), Double():
        hidden, target_hidden = torch.tensor(mask == 0), torch.tensor(target_mask == 0)
        memory = model.encode(torch.tensor(ids), hidden)
        logits = model.generator(model.decode(torch.tensor(target_ids), memory, target_hidden, hidden))
    seen = {**encoder.seen, **decoder.seen, "logits": logits, "encoder_last_hidden_state": memory}
    inputs = {
        "input_ids": ids,
        "attention_mask": mask,
        "decoder_input_ids": target_ids,
        "decoder_attention_mask": target_mask,
    }
    return {**inputs, **numbers(seen, {"encoder": mask, "": target_mask})}


def save_model(model, folder, config, extra=None):
    files.save_json(folder, "config.json", config)
    tensors = {name: value.float().contiguous() for name, value in model.state_dict().items()}
    save_file({**tensors, **(extra or {})}, folder / "model.safetensors", metadata={"format": "pt"})


def build_transformer(out, name, settings):
    config = {"model_type": "transformer", **BASE, **settings}
    for seed in range(SEEDS[name], SEEDS[name] + 100):
        model = randomise(Translator(config), seed).double()
        rng = np.random.default_rng(seed)
        try:
            cases, eos = texts(model, config, rng)
        except Unclear as reason:
            print(f"  {name}, seed {seed}: {reason}")
            continue
        break
    else:
        raise RuntimeError(f"{name}: no seed gives clear texts")
    config.update(bos_token_id=BOS, eos_token_id=eos, pad_token_id=PAD)
    folder = out / name
    # the tutorial's module keeps its table of positions in the state_dict
    table = {"positional_encoding.pos_embedding": model.positions.float()[:, None]} if name == "transformer" else None
    tensors = translate(model, config, rng)
    save_model(model, folder, config, table)
    files.save_expected(folder, tensors, {"greedy": cases})
    report(folder, seed)


def report(folder, seed):
    print(f"transformers/{folder.name}: seed {seed}, {sum(f.stat().st_size for f in folder.iterdir())} bytes")


def masks(rng, width):
    """A boolean mask (true: hidden) that leaves the first key to everyone, and an additive one."""
    boolean = rng.random((width, width)) < 0.4
    boolean[:, 0] = False
    return {"boolean": torch.tensor(boolean), "additive": torch.tensor(rng.normal(size=(width, width)).astype(np.float32))}


def build_stack(out, name, kind, settings, seed):
    config = {"model_type": kind, **STACK, **settings}
    decoder = kind == "transformer_decoder"
    layer_class = nn.TransformerDecoderLayer if decoder else nn.TransformerEncoderLayer
    names = ["d_model", "nhead", "dim_feedforward", "activation", "norm_first", "layer_norm_eps", "bias"]
    layer = layer_class(**{key: config[key] for key in names}, batch_first=True)
    size = config["d_model"]
    norm = nn.LayerNorm(size, config["layer_norm_eps"], bias=config["bias"]) if config["final_norm"] else None
    stack = (nn.TransformerDecoder if decoder else nn.TransformerEncoder)(layer, config["num_layers"], norm)
    model = randomise(stack, seed).double()
    rng = np.random.default_rng(seed)
    _, mask = padded([[1] * length for length in SOURCE], 0)
    _, memory_mask = padded([[1] * length for length in [4, 9, 1]], 0)

    def embeddings(mask):
        return rng.normal(size=(*mask.shape, size)).astype(np.float32) * mask[:, :, None].astype(np.float32)

    tensors = {"inputs_embeds": embeddings(mask), "attention_mask": mask}
    feed = {"src_key_padding_mask": torch.tensor(mask == 0)}
    if decoder:
        memory = embeddings(memory_mask)
        tensors.update(encoder_hidden_states=memory, encoder_attention_mask=memory_mask)
        feed = {
            "memory": torch.tensor(memory).double(),
            "tgt_key_padding_mask": feed["src_key_padding_mask"],
            "memory_key_padding_mask": torch.tensor(memory_mask == 0),
        }
    given = masks(rng, mask.shape[1])
    tensors.update({f"{case}.mask": value.numpy() for case, value in given.items()})
    cases = {**given, "causal": causal(mask.shape[1])}
    if not decoder:
        cases["padding"] = None
    maps = {"self_attn": "attentions", **({"multihead_attn": "cross_attentions"} if decoder else {})}
    watch = Watch(model, "", maps)
    inputs = torch.tensor(tensors["inputs_embeds"]).double()
    for case, value in cases.items():
        value = value.double() if value is not None and value.is_floating_point() else value
        with torch.no_grad(), Double():
            last = model(inputs, **feed, **{"tgt_mask" if decoder else "mask": value})
        seen = {**watch.seen, "last_hidden_state": last}
        if case in given:
            seen = {key: array for key, array in seen.items() if "hidden_states" not in key}
        tensors.update({f"{case}.{key}": array for key, array in numbers(seen, {"": mask}).items()})
    folder = out / name
    save_model(model, folder, config)
    files.save_expected(folder, tensors)
    report(folder, seed)


def build(out, wanted):
    torch.backends.mha.set_fastpath_enabled(False)
    for name, settings in TRANSFORMERS.items():
        if wanted(name):
            build_transformer(out, name, settings)
    for index, (name, (kind, settings)) in enumerate(STACKS.items()):
        if wanted(name):
            build_stack(out, name, kind, settings, 301_000 + index)
