"""Tiny models with tokenizers, for tests of generated text: byte-level BPE, and pieces with byte fallback as SentencePiece has them."""

import json
import re

import torch
import transformers as hf
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from shared import files, weights

SPECIALS = ["<unk>", "<s>", "</s>"]
SENTENCES = ["the cat sat on the mat", "a dog and a cat", "once upon a time there was a dog", "the end of the day"]
PROMPTS = ["once upon a", "the cat", "a dog \U0001f436 and the"]


def byte_level():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=SPECIALS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES, trainer)
    return tokenizer


def pieces():
    tokens = [*SPECIALS, *(f"<0x{byte:02X}>" for byte in range(256))]
    letters = sorted(set("".join(SENTENCES)) - {" "})
    tokens += ["\u2581", *letters, "th", "the", "\u2581the", "\u2581a", "at", "\u2581c", "\u2581cat"]
    merges = [("t", "h"), ("th", "e"), ("\u2581", "the"), ("\u2581", "a"), ("a", "t"), ("\u2581", "c"), ("\u2581c", "at")]
    vocab = {token: i for i, token in enumerate(tokens)}
    model = models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIALS])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def cases(model, tokenizer):
    """Greedy continuations: what all ids say behind what the prompt says."""
    results = []
    for prompt in PROMPTS:
        input_ids = tokenizer.encode(prompt).ids
        output = model.generate(torch.tensor([input_ids]), do_sample=False, max_new_tokens=24, eos_token_id=2, pad_token_id=0)
        whole = output[0].tolist()
        text = tokenizer.decode(whole, skip_special_tokens=True)
        start = tokenizer.decode(input_ids, skip_special_tokens=True)
        assert text.startswith(start)
        results.append({"prompt": prompt, "inputIds": input_ids, "ids": whole[len(input_ids) :], "text": text[len(start) :]})
    return results


def stopped_beams(model, tokenizer):
    """Beams, some of which come to a stop string."""
    results = []
    fast = hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    for prompt in PROMPTS:
        input_ids = tokenizer.encode(prompt).ids
        options = {"num_beams": 4, "num_return_sequences": 3, "max_new_tokens": 12, "length_penalty": 0.0}
        settings = {"do_sample": False, "eos_token_id": 2, "pad_token_id": 1, "return_dict_in_generate": True, "output_scores": True}
        free = model.generate(torch.tensor([input_ids]), **options, **settings)
        text = tokenizer.decode(free.sequences[0].tolist()[len(input_ids) :], skip_special_tokens=True)
        # transformers finds no tokens for others
        stops = re.findall("[A-Za-z]{2}", text[2:])[:2]
        if not stops:
            continue
        output = model.generate(torch.tensor([input_ids]), **options, **settings, stop_strings=stops, tokenizer=fast)
        rows = [row[len(input_ids) :].tolist() for row in output.sequences]
        # what is behind an end is padding
        ids = [row[: len(row) - next((i for i, token in enumerate(reversed(row)) if token != 1), len(row))] for row in rows]
        results.append({"inputIds": input_ids, "stopStrings": stops, "sequences": ids, "scores": output.sequences_scores.tolist()})
    return results


def build(out, wanted):
    for seed, (name, make) in enumerate({"bytes": byte_level, "pieces": pieces}.items(), 1):
        if not wanted(name):
            continue
        tokenizer = make()
        config = hf.LlamaConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=16,
            intermediate_size=24,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=256,
            tie_word_embeddings=True,
            bos_token_id=1,
            eos_token_id=2,
        )
        model = weights.random_model(hf.LlamaForCausalLM, config, seed, signed=("model.norm.weight",)).double()
        if name == "pieces":
            # bytes in disorder have no text that could be streamed
            model.generation_config.suppress_tokens = list(range(3, 259))
        folder = out / name
        folder.mkdir(parents=True)
        files.save_json(folder, "expected.json", {"greedy": cases(model, tokenizer), "beams": stopped_beams(model, tokenizer)})
        model.float().save_pretrained(folder, safe_serialization=True)
        (folder / "tokenizer.json").write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")
        files.save_json(folder, "tokenizer_config.json", {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"})
