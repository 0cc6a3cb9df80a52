"""Goldens of the tokenizer tests, from Python's `tokenizers` (0.23). Run by hand:

    python test/golden/generate_tokenizers.py [--models DIR] [--cases N] [--out DIR]

Without options it writes test/golden/tokenizers/: three tiny tokenizer.json files trained here on made-up sentences (unless they
are there: delete them to train anew), for each of them and for every tokenizer.json of real checkpoints a gzip'd JSON of cases,
variants.json.gz with small tokenizers for one component each, decoders.json.gz with decoders alone, and long.json with hashes of the
ids of long texts, which both languages make by one recipe. With --cases and --out it writes larger
sets for fuzzing. Offsets are converted from code points to UTF-16 units. Everything is drawn from a fixed seed.
"""

import argparse
import gzip
import hashlib
import json
import random
import struct
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from tokenizers import AddedToken, Regex

HERE = Path(__file__).resolve().parent
REAL = {
    "minilm": "all-MiniLM-L6-v2",
    "gpt2": "tokenizers/gpt2",
    "bart-roberta": "tokenizers/bart-roberta",
    "t5-legal": "tokenizers/t5-legal-fr-en",
}

WORDS = """the quick brown fox jumps over lazy dog tokenization unbelievable internationally don't we'll it's I'm they've
Paris is capital of France 1984 3.14159 1,000,000 e-mail user@example.com https://example.org/a?b=c#d C++ naïve café résumé
Ångström ÀÉÎÕÜ Straße ΣΊΣΥΦΟΣ ὈΔΥΣΣΕΎΣ İstanbul ıŞIK Привет мир ёлка שלום عالم مرحبا हिन्दी नमस्ते ไทยคำ ພາສາ 한국어 각 각 日本語
中文字符 𠀀𠀁𪜀 東京タワー ひらがな ガギグ ｶﾞｷﾞ ﬁnance oﬃce ﬀ ﬅ Ⅳ ⅷ ½ ² ㎏ ㍿ ℌ 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 ﷺ ǆ Ǆ ŉ ẞ 👍 👍🏽 👨‍👩‍👧‍👦 🇫🇷 ❤️ 1️⃣ a🏽 é ạ̈ q̣̇ ḍ̇ s̈́̈ a͜b x̲̅
ṩ Å Ω K ～ — – … ‘quotes’ “double” «guillemets» ¿qué? ¡olé! $100 €50 £5 ^caret ~tilde `tick` |pipe| <tag> a_b snake_case""".split()
SPECIALS = ["[MASK]", "[CLS]", "[SEP]", "[UNK]", "[PAD]", "<s>", "</s>", "<mask>", "<unk>", "<pad>", "<|endoftext|>", "<extra_id_0>",
            "<extra_id_99>", "[mask]", "<MASK>", "▁", "Ġ", "<0x41>", "##ing"]
SPACES = [" "] * 20 + ["  ", "   ", "\t", "\n", "\r\n", "\r", "\n\n", "\u00a0", "\u2003", "\u3000", "\u200b", "\u0085", "\u2028", "\ufeff",
                       "\x0b", "\x1f", "\u180e", ""]
MARKS = [chr(c) for c in [0x300, 0x301, 0x302, 0x308, 0x30A, 0x323, 0x327, 0x331, 0x334, 0x345, 0x5B0, 0x64B, 0x93C, 0x94D, 0x903, 0xE33, 0xE48,
                          0x20E3, 0x3099, 0x1DC4, 0xFE0F, 0x200D, 0x200C, 0x1F3FB]]
CONTROLS = [chr(c) for c in [0, 1, 7, 8, 0x1B, 0x7F, 0x80, 0x9F, 0xAD, 0x600, 0x6DD, 0x200E, 0x202E, 0x2060, 0xE000, 0xFFFD, 0xFFFE, 0xF0000,
                             0xE0041]]
BLOCKS = [(0x20, 0x7E)] * 6 + [(0xA0, 0xFF), (0x100, 0x24F), (0x1E00, 0x1EFF), (0x1F00, 0x1FFF), (0x300, 0x36F), (0x370, 0x3FF),
          (0x400, 0x4FF), (0x590, 0x5F4), (0x600, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F), (0x1100, 0x11FF), (0xAC00, 0xD7A3),
          (0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x20C0), (0x2100, 0x218B), (0x2460, 0x24FF), (0x3000, 0x303F), (0x3040, 0x30FF),
          (0x3200, 0x33FF), (0x4E00, 0x9FFF), (0xF900, 0xFAD9), (0xFB00, 0xFB4F), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF),
          (0x1F300, 0x1F6FF), (0x1F900, 0x1F9FF), (0x20000, 0x2FFFF), (0x2F800, 0x2FA1D)]


def word(rng):
    kind = rng.random()
    if kind < 0.6:
        text = rng.choice(WORDS)
        return text.upper() if rng.random() < 0.1 else text
    if kind < 0.7:
        return "".join(rng.choice(WORDS) for _ in range(rng.randint(2, 4)))
    if kind < 0.8:
        low, high = rng.choice(BLOCKS)
        return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 6)))
    if kind < 0.88:
        base = rng.choice(["a", "e", "n", "S", "ö", "ạ", "ά", "И", "か", "ক", "ا", "ا", "각", "ᄀ", "1", "!", "中", "𝔘", "👍"])
        return base + "".join(rng.choice(MARKS) for _ in range(rng.randint(1, 4)))
    if kind < 0.92:
        return rng.choice(WORDS) + rng.choice(CONTROLS) + rng.choice(WORDS)
    if kind < 0.98:
        return rng.choice(["", " ", "x", "\u0301"]) + rng.choice(SPECIALS) + rng.choice(["", " ", "y", "\u0301"])
    return rng.choice(["a", "ab", "é", "中", "😀", "1"]) * rng.choice([30, 60, 101, 120])


def sample(rng):
    text = rng.choice(["", "", "", " ", "\n", "\u0301"])
    for _ in range(rng.choice([1, 1, 2, 3, 4, 6, 9])):
        text += word(rng) + rng.choice(SPACES)
    return text if rng.random() < 0.5 else text.strip(" ")


FIXED = ["", " ", "  ", "\n", "\u0301", "\ufffd", "\0", "Hello, world!", " Hello  world ", "A\r\nB", "[MASK]", "a [MASK] b", "Hello <mask>.",
         "x  <mask>  y", "<s></s>", "don't stop", "ﬁ", "👨‍👩‍👧‍👦 family", "e\u0331\u0302", "ΟΔΟΣ", "𠀀𠀁", "a\u0085b", "a\ufeffb", "▁ ▁▁a ▁"]


def units(text):
    """Position in UTF-16 units of every code point, and of the end."""
    out = [0]
    for char in text:
        out.append(out[-1] + (2 if ord(char) > 0xFFFF else 1))
    return out


def case(tokenizer, text, pair=None):
    encoding = tokenizer.encode(text, pair) if pair is not None else tokenizer.encode(text)
    return {"text": text, **({"pair": pair} if pair is not None else {}), **record(tokenizer, encoding, text, pair)}


def record(tokenizer, encoding, text, pair):
    maps = [units(text), units(pair or "")]
    offsets = []
    for (start, end), sequence in zip(encoding.offsets, encoding.sequence_ids):
        table = maps[sequence or 0]
        offsets += [table[start], table[end]]
    return {
        "ids": encoding.ids,
        "offsets": offsets,
        "words": [-1 if w is None else w for w in encoding.word_ids],
        "types": encoding.type_ids,
        "specials": encoding.special_tokens_mask,
        "sequences": [-1 if s is None else s for s in encoding.sequence_ids],
        "tokens": encoding.tokens,
        "decoded": tokenizer.decode(encoding.ids, skip_special_tokens=True),
        "decodedWhole": tokenizer.decode(encoding.ids, skip_special_tokens=False),
    }


def slim(entry):
    """Leaves out what the tests can derive, to keep the files small."""
    entry = dict(entry)
    if not any(entry["types"]):
        del entry["types"]
    del entry["sequences"]
    return entry


def truncations(tokenizer, rng):
    out = []
    for _ in range(30):
        text = " ".join(word(rng) for _ in range(rng.randint(1, 14)))
        pair = " ".join(word(rng) for _ in range(rng.randint(1, 14))) if rng.random() < 0.7 else None
        strategy = rng.choice(["longest_first", "only_first", "only_second"])
        length = rng.randint(4, 24)
        tokenizer.enable_truncation(length, strategy=strategy)
        try:
            ids = (tokenizer.encode(text, pair) if pair is not None else tokenizer.encode(text)).ids
        except BaseException:
            ids = None
        tokenizer.no_truncation()
        out.append({"text": text, "pair": pair, "strategy": strategy, "maxLength": length, "ids": ids})
    return out


def windows(tokenizer, rng):
    out = []
    for n in range(12):
        question = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 5)))
        context = " ".join(rng.choice(WORDS) for _ in range(rng.randint(10, 40)))
        strategy = "only_second" if n % 3 else "only_first"
        first, second = (question, context) if strategy == "only_second" else (context, question if n % 2 else None)
        other = len(tokenizer.encode(question, add_special_tokens=False).ids)
        length, stride = other + rng.randint(14, 30), rng.randint(0, 8)
        tokenizer.enable_truncation(length, strategy=strategy, stride=stride)
        encoding = tokenizer.encode(first, second) if second is not None else tokenizer.encode(first)
        tokenizer.no_truncation()
        all_windows = [encoding] + encoding.overflowing
        out.append({"text": first, "pair": second, "strategy": strategy, "maxLength": length, "stride": stride,
                    "windows": [{k: v for k, v in record(tokenizer, e, first, second).items() if k in ("ids", "offsets", "words")}
                                for e in all_windows]})
    return out


def untruncated(path):
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def golden(path, seed, cases):
    tokenizer = untruncated(path)
    rng = random.Random(seed)
    texts = FIXED + [sample(rng) for _ in range(cases)]
    entries = [case(tokenizer, text) for text in texts]
    entries += [case(tokenizer, sample(rng), sample(rng)) for _ in range(cases // 6)]
    return {"vocabSize": tokenizer.get_vocab_size(with_added_tokens=True), "cases": [slim(e) for e in entries],
            "truncations": truncations(tokenizer, rng), "windows": windows(tokenizer, rng),
            "decodings": decodings(tokenizer, rng, max(cases // 4, 40))}


def write(path, data):
    raw = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
    path.write_bytes(gzip.compress(raw, 9, mtime=0))
    print(path.name, len(data["cases"]), "cases", path.stat().st_size, "bytes")


# Made-up sentences for the tiny tokenizers.
SENTENCES = """The red kettle sings while the small boat waits by the green river.
A baker in Lisbon sold eleven loaves, three tarts and one very old clock!
Nobody knew why the lighthouse keeper painted his door in seven colours.
Café owners said: "naïve travellers always order the crème brûlée first."
When winter came, the children built a snow whale and called it Albert.
Two engineers argued about 1984, 3.14 and the price of tea (about 2 euros).
It's raining; they've closed the windows, and we'll wait for the last train.
東京 の 空 は 青い。 北京 的 天空 也 是 蓝 的。
Der große Bär schläft unter dem Baum. Ёлка стоит в углу, мир спит.
The river sings, the boat sings, the kettle sings and the keeper sleeps.""".splitlines()


def tiny(out):
    wordpiece = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=40))
    wordpiece.normalizer = normalizers.BertNormalizer(lowercase=True)
    wordpiece.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    wordpiece.decoder = decoders.WordPiece()
    wordpiece.train_from_iterator(SENTENCES, trainers.WordPieceTrainer(
        vocab_size=220, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    wordpiece.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    wordpiece.enable_truncation(12)
    wordpiece.enable_padding(length=12)

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    bpe.decoder = decoders.ByteLevel()
    bpe.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=340, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        show_progress=False))
    bpe.add_special_tokens([AddedToken("<mask>", lstrip=True)])
    bpe.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)

    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.Sequence([normalizers.Strip(left=False), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    unigram.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    unigram.decoder = decoders.Metaspace(prepend_scheme="first")
    unigram.train_from_iterator(SENTENCES, trainers.UnigramTrainer(
        vocab_size=180, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))
    unigram.add_tokens([AddedToken("lighthouse", single_word=True), AddedToken("Café", normalized=True)])
    unigram.post_processor = processors.TemplateProcessing(single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)])

    # As Llama's: the merges are made within words, but the whole text is one.
    sentencepiece = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    sentencepiece.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    sentencepiece.train_from_iterator(SENTENCES, trainers.BpeTrainer(
        vocab_size=560, special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)], show_progress=False))
    sentencepiece = Tokenizer.from_str(json.dumps({**json.loads(sentencepiece.to_str()), "pre_tokenizer": None}))
    sentencepiece.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    sentencepiece.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    sentencepiece.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])

    for name, tokenizer in {"wordpiece": wordpiece, "bytebpe": bpe, "unigram": unigram, "spbpe": sentencepiece}.items():
        path = out / f"tiny-{name}.tokenizer.json"
        if path.exists():
            continue
        path.write_text(json.dumps(json.loads(tokenizer.to_str()), ensure_ascii=False, separators=(",", ":")) + "\n")


def variants():
    """Small tokenizers for one component each: every character its own word, so that all alignments show."""
    isolated = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    level = lambda: models.WordLevel({"<unk>": 0, "a": 1, "the": 2}, unk_token="<unk>")

    def one(model, normalizer=None, pre_tokenizer=None, processor=None):
        tokenizer = Tokenizer(model)
        if normalizer is not None:
            tokenizer.normalizer = normalizer
        if pre_tokenizer is not None:
            tokenizer.pre_tokenizer = pre_tokenizer
        if processor is not None:
            tokenizer.post_processor = processor
        return tokenizer

    for normalizer in [
        normalizers.NFC(), normalizers.NFD(), normalizers.NFKC(), normalizers.NFKD(), normalizers.Lowercase(),
        normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.NFC()]),
        normalizers.Strip(), normalizers.Strip(right=False), normalizers.Prepend("▁▁"), normalizers.Nmt(), normalizers.ByteLevel(),
        normalizers.Replace(" ", "__"), normalizers.Replace(Regex("[ae]\\s*"), ""), normalizers.Replace(Regex("\\s+"), "<s>"),
        normalizers.BertNormalizer(lowercase=False), normalizers.BertNormalizer(clean_text=False, strip_accents=False),
        normalizers.BertNormalizer(handle_chinese_chars=False, lowercase=False, strip_accents=True),
    ]:
        yield one(level(), normalizer, isolated)
    for pre_tokenizer in [
        pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation(),
        pre_tokenizers.Punctuation("contiguous"), pre_tokenizers.Digits(), pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.CharDelimiterSplit("e"), pre_tokenizers.FixedLength(3), pre_tokenizers.Metaspace(prepend_scheme="never"),
        pre_tokenizers.Metaspace(prepend_scheme="first", split=False), pre_tokenizers.BertPreTokenizer(),
        *[pre_tokenizers.Split(Regex("[aeiou ]+"), behavior) for behavior in
          ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]],
        pre_tokenizers.Split(Regex("\\w+|[^\\w\\s]+"), "removed", invert=True),
        pre_tokenizers.Split(" ", "merged_with_previous"),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
        pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.Punctuation()]),
    ]:
        yield one(level(), None, pre_tokenizer)
    letters = {chr(c): i + 1 for i, c in enumerate(range(0x21, 0x7F))}
    bytes_ = {f"<0x{b:02X}>": 200 + b for b in range(256)}
    merges = [("a", "b"), ("t", "h"), ("th", "e"), ("e", "r"), ("1", "9")]
    vocab = {"<unk>": 0, **letters, "▁": 100, **{a + b: 101 + i for i, (a, b) in enumerate(merges)}}
    spaces = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    yield one(models.BPE({**vocab, **bytes_}, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True), spaces)
    yield one(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True), spaces)
    yield one(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=False), None, pre_tokenizers.Whitespace())
    yield one(models.BPE({**vocab, "the</w>": 110, "e</w>": 111, "a</w>": 112}, merges + [("th", "e</w>")], unk_token="<unk>",
                         end_of_word_suffix="</w>"), normalizers.Lowercase(), pre_tokenizers.WhitespaceSplit())
    alphabet = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    for prefix, regex in [(True, True), (False, False)]:
        yield one(models.BPE({**alphabet, "th": 256, "Ġt": 257}, [("t", "h"), ("Ġ", "t")]), None,
                  pre_tokenizers.Sequence([pre_tokenizers.Split(Regex("\\p{N}{1,3}"), "isolated"),
                                           pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)]),
                  processors.ByteLevel(trim_offsets=True, add_prefix_space=prefix))
    yield one(models.BPE({**alphabet, "th": 256, "the": 257}, [("t", "h"), ("th", "e")], ignore_merges=True), normalizers.NFC(),
              pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=False), pre_tokenizers.Split("e", "isolated")]))
    scores = [("<unk>", 0.0), ("▁", -2.0), ("e", -3.0), ("th", -3.5), ("the", -4.0), ("▁the", -4.1), ("é", -5.0), ("中", -6.0)]
    yield one(models.Unigram(scores + [(t, -20.0) for t in bytes_], 0, True), None, pre_tokenizers.Metaspace())
    yield one(models.Unigram(scores, 0, False), normalizers.NFKC(), pre_tokenizers.Metaspace(prepend_scheme="first"))
    yield one(level(), normalizers.Replace(Regex("[^\\w\\s]"), "#"), isolated)
    ends = {f"{c}</w>": 400 + i for i, c in enumerate("dog.,")}
    yield one(models.BPE({**vocab, **ends}, merges, unk_token="<unk>", fuse_unk=True, end_of_word_suffix="</w>"))
    spaces = one(level(), None, isolated)
    spaces.add_tokens([AddedToken("  ", lstrip=True, rstrip=True), AddedToken("\t\t", rstrip=True)])
    yield spaces
    # The library reads these scores from a file as others, which cut "aaaaaaa" elsewhere.
    yield one(models.Unigram([("<unk>", 0.0), ("a", -3.9120685437784988), ("aa", -5.895654974118699), ("aaa", -5.169654103180426)], 0, False))


# Strings that decoders treat in some special way.
TOKENS = ("▁the ▁ s ▁a . ▁n n't 't ' é é ##ing ## the</w> </w> x</w>y <0xE2> <0x82> <0xAC> <0xF0> <0x9F> <0x41> <0xZZ> <0x+F> | <pad> "
          "Ġa Ġ ð ðŁ Ĥ Ĭ Ģ âĤ ¬ 😀 ▁▁ ▁▁the ab aab b! !").split() + [" ", " .", " do not", "  ' ", "a b", ""]


def decoder_goldens(seed, cases):
    """Decoders alone, on random ids with and without special tokens."""
    d = decoders
    rng = random.Random(seed)
    out = []
    for decoder in [
        None, d.ByteLevel(), d.ByteFallback(), d.Fuse(), d.WordPiece(), d.WordPiece("▁", cleanup=False), d.Metaspace(),
        d.Metaspace(prepend_scheme="first"), d.Metaspace(prepend_scheme="never"), d.BPEDecoder(), d.BPEDecoder(suffix="s"), d.CTC(),
        d.CTC(pad_token="s", word_delimiter_token="▁", cleanup=False), d.Strip("▁", 1, 0), d.Strip(" ", 0, 1), d.Replace("ab", "$&"),
        d.Replace(Regex("a+b?|▁"), "-"), d.Sequence([d.Replace("▁", " "), d.ByteFallback(), d.Fuse(), d.Strip(" ", 1, 0)]),
        d.Sequence([d.Fuse(), d.Replace("aab", "b"), d.Replace("▁▁the", "ab"), d.Strip("▁", 3, 0)]), d.Sequence([d.Fuse(), d.WordPiece()]),
        d.Sequence([d.ByteLevel(), d.Metaspace()]), d.Sequence([d.ByteFallback(), d.Metaspace()]), d.Sequence([d.BPEDecoder(), d.Fuse(), d.CTC()]),
    ]:
        tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(TOKENS)}, unk_token="s"))
        if decoder is not None:
            tokenizer.decoder = decoder
        tokenizer.add_special_tokens(["<s>", "<pad>"])
        tokenizer.add_tokens([" added ", "é€"])
        out.append({"tokenizer": json.loads(tokenizer.to_str()), "cases": decodings(tokenizer, rng, cases)})
    return {"cases": out}


def decodings(tokenizer, rng, cases):
    size = tokenizer.get_vocab_size(with_added_tokens=True)
    out = []
    for _ in range(cases):
        most = rng.choice([size, min(size, 300)])
        ids = [rng.randrange(most) for _ in range(rng.randint(0, 14))]
        out.append({"ids": ids, "decoded": tokenizer.decode(ids), "decodedWhole": tokenizer.decode(ids, skip_special_tokens=False)})
    return out


def long_text(pool, length, seed):
    """The test has the same: parts of the pool, drawn by Numerical Recipes' generator, until there are enough code points."""
    parts, size, state = [], 0, seed
    while size < length:
        state = (state * 1664525 + 1013904223) % 2**32
        part = pool[(state >> 8) % len(pool)]
        parts.append(part)
        size += len(part)
    return "".join(parts)


POOLS = {
    "words": [word + " " for word in WORDS[:40]] + ["\n", ". ", "the ", "and "],
    "letters": list("abcdefghijklmnopqrstuvwxyz"),
    "letter": ["e"],
    "white": [" ", "  ", "\n", "\t", "\r\n", "\u00a0", "\u3000"],
    "emoji": ["😀", "👍🏽", "👨‍👩‍👧‍👦", "🇫🇷", "❤️"],
    "chinese": list("的一是不了人我在有他这为之大来以个中上们，。"),
    "marks": ["e\u0301", "\u0323", "\u0301", "\u0334", "각", "ﬁ"],
    "specials": ["[MASK]", "<s>", "</s>", "<mask>", "<|endoftext|>", "<unk>", "a", " "],
    "everything": WORDS + SPECIALS + SPACES[20:] + MARKS + CONTROLS,
}


def long_goldens(tokenizer, length):
    out = {}
    for seed, (name, pool) in enumerate(POOLS.items(), 1):
        ids = tokenizer.encode(long_text(pool, length, seed)).ids
        out[name] = {"count": len(ids), "sha256": hashlib.sha256(struct.pack(f"<{len(ids)}i", *ids)).hexdigest()}
    return out


def variants_with_tokens():
    for tokenizer in variants():
        tokenizer.add_special_tokens([AddedToken("<s>", rstrip=True), "</s>"])
        tokenizer.add_tokens([AddedToken("don't", single_word=True, normalized=False), AddedToken("Ångström", lstrip=True)])
        yield tokenizer


def variant_goldens(seed, cases):
    out = []
    for number, tokenizer in enumerate(variants_with_tokens()):
        rng = random.Random(seed * 1000 + number)
        written = json.loads(tokenizer.to_str())
        tokenizer = Tokenizer.from_str(tokenizer.to_str())
        texts = ["", " ", "the <s>  the</s>  Ångström", "don't undon't", "aaaaaaa 😀😀   …  \n\n\n\t\t <s>   \t  x"] + [sample(rng) for _ in range(cases)]
        entries = [case(tokenizer, text) for text in texts]
        keep = ("text", "ids", "offsets", "words", "tokens")
        out.append({"tokenizer": written, "cases": [{k: e[k] for k in keep} for e in entries]})
    return {"cases": out}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, default=HERE.parents[2] / "shared/models")
    parser.add_argument("--cases", type=int, default=260)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "tokenizers")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    # Training breaks ties differently from run to run, so the tiny tokenizers are only made where they are missing.
    if args.out == HERE / "tokenizers":
        tiny(args.out)
    write(args.out / "variants.json.gz", variant_goldens(args.seed, max(args.cases // 20, 10)))
    write(args.out / "decoders.json.gz", decoder_goldens(args.seed, max(args.cases // 6, 40)))
    long = {"pools": POOLS, "length": 200_000, "tokenizers": {}}
    for path in sorted((HERE / "tokenizers").glob("tiny-*.tokenizer.json")):
        name = path.name.removesuffix(".tokenizer.json")
        write(args.out / f"{name}.cases.json.gz", golden(path, args.seed, args.cases // 2))
        long["tokenizers"][name] = long_goldens(untruncated(path), long["length"])
    for name, folder in REAL.items():
        path = args.models / folder / "tokenizer.json"
        if path.exists():
            write(args.out / f"{name}.cases.json.gz", golden(path, args.seed, args.cases))
            long["tokenizers"][name] = long_goldens(untruncated(path), long["length"])
    for i, tokenizer in enumerate(variants_with_tokens()):
        long["tokenizers"][f"variant {i}"] = long_goldens(tokenizer, long["length"] // 10)
    (args.out / "long.json").write_text(json.dumps(long, ensure_ascii=True, indent=0) + "\n")


if __name__ == "__main__":
    main()
