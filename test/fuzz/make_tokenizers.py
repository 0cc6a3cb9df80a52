"""Tokenizers of random parts, and what Python makes of random texts with them: finds what the goldens do not cover.

    pip install tokenizers sentencepiece
    python test/fuzz/make_tokenizers.py FOLDER [--count 100] [--seed 1] [--kind tokenizers|sentencepiece]
    node test/fuzz/tokenizers.mjs FOLDER

Combinations that the libraries themselves cannot make or run are left out.
"""

import argparse
import io
import json
import pathlib
import random

import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers import decoders as d
from tokenizers import models, trainers
from tokenizers import normalizers as n
from tokenizers import pre_tokenizers as p
from tokenizers import processors as pp

WORDS = (
    "The quick brown fox jumps over the lazy dog. It's 2004, isn't it? Don't! we'll see, you're there; they've 1,234.56 dollars. "
    "Der schnelle Fuchs springt über den faulen Hund, Straße und Öl. Le garçon a mangé une pêche à l'été. ¿verdad? "
    "中文的句子没有空格。日本語のテキストとカタカナ、한국어 문장입니다. Привет мир, как дела? مرحبا بالعالم שלום עולם हिन्दी में पाठ ไทยไม่มี "
    "emoji 😀😃👍🏽 family 👨‍👩‍👧 flags 🇩🇪🇫🇷 e\u0301 a\u0308 o\u0302 ﬁ ½ ² Ⅷ ① ｆｕｌｌ ｗｉｄｔｈ İstanbul ıI ß ẞ ǅ "
    "def f(x):\n    return x**2 + [1, 2]\n\n\tprint('a\\n')  # comment   with   spaces\r\n http://example.com/a_b?c=d&e=f foo_bar $5 #tag"
).split(" ")
CHARACTERS = list(
    "abcdefghijklmnopqrstuvwxyzABCXYZ0123456789 .,!?'\"-_#@$%&*()[]{}<>/\\|~^`+=:;\n\t\räöüßéèêñç¿¡中文日本語カタ。、한국어Приветмирمرحباשלום"
    "हिन्दीไทย😀👍🏽👨\u200d👩🇩🇪e\u0301a\u0308ﬁ½²Ⅷ①ｆﾊﾟ\u00a0\u3000\u2003\u200b\u00ad\ufeffİıẞǅ\u007fĠ\u2028\x85𝔘𝒳ſŉΣςσ\u1e9b\u0323각가ㄱ\ufffd\u212b"
)
BEHAVIORS = ["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"]


def flip(r, chance=0.5):
    return r.random() < chance


def word(r):
    kind = r.random()
    if kind < 0.65:
        return r.choice(WORDS)
    if kind < 0.8:
        return "".join(r.choice(CHARACTERS) for _ in range(r.randint(1, 6)))
    if kind < 0.9:
        return "".join(r.choice(CHARACTERS[:60]) for _ in range(r.randint(1, 12)))
    return r.choice(CHARACTERS) * r.randint(1, 30)


def text(r, own):
    parts = []
    for _ in range(r.choice([0, 1, 2, 3, 5, 8, 13])):
        part = r.choice(own) if own and flip(r, 0.2) else word(r)
        parts += [part.upper() if flip(r, 0.1) else part, r.choice([" "] * 4 + [""] * 3 + ["  ", "\n", "\t", "   "])]
    return "".join(parts[:-1] if flip(r, 0.7) else parts)


def normalizer(r, is_part=False):
    def replace():
        pattern = r.choice([" ", "a", "the", "``", "ü", "e\u0301", Regex(r"\s+"), Regex(" {2,}"), Regex("[aeiou]"), Regex(r"\d"), Regex(r"\p{P}"),
                            Regex(r"[^\w\s]"), Regex("''|``"), Regex(r"\p{M}"), Regex("[[:punct:]]")])
        return n.Replace(pattern, r.choice(["▁", "", "_", "xy", "é", " ", "#"]))

    kinds = [n.NFC, n.NFD, n.NFKC, n.NFKD, n.Lowercase, n.StripAccents, n.Nmt, n.ByteLevel, replace, replace,
             lambda: n.Prepend(r.choice(["▁", "_", " ", "ab"])),
             lambda: n.BertNormalizer(flip(r, 0.7), flip(r, 0.6), r.choice([None, True, False]), flip(r))]
    if not is_part:
        kinds += [lambda: n.Sequence([normalizer(r, True) for _ in range(r.randint(1, 3))])] * 3
    return r.choice(kinds)()


def pre_tokenizer(r, is_part=False):
    def split():
        pattern = r.choice([" ", "a", "the", ".", *map(Regex, [
            r"\s+", r"\d{1,3}", r"\p{L}+|\p{N}+", r"(?=[A-Z])", r"[^\w\s]|_", r"[\p{Han}\p{Hiragana}]", ".", r"\b", "(?<=e)",
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"])])
        return p.Split(pattern, r.choice(BEHAVIORS), invert=flip(r, 0.3))

    kinds = [p.BertPreTokenizer, p.Whitespace, p.WhitespaceSplit, split, split,
             *[lambda: p.ByteLevel(add_prefix_space=flip(r), use_regex=flip(r, 0.6))] * 2,
             *[lambda: p.Metaspace("▁", r.choice(["always", "first", "never"]), flip(r, 0.7))] * 2,
             lambda: p.Punctuation(r.choice(BEHAVIORS)), lambda: p.Digits(flip(r)), lambda: p.CharDelimiterSplit(r.choice(" a-中")),
             lambda: p.FixedLength(r.choice([1, 3, 5]))]
    if not is_part:
        kinds += [lambda: p.Sequence([pre_tokenizer(r, True) for _ in range(r.randint(1, 3))])] * 4
    return r.choice(kinds)()


def decoder(r, is_part=False):
    kinds = [d.ByteLevel, d.Fuse, d.ByteFallback, lambda: d.WordPiece(r.choice(["##", "@@"]), flip(r, 0.6)),
             lambda: d.Metaspace(r.choice("▁_"), r.choice(["always", "first", "never"]), flip(r, 0.7)), lambda: d.BPEDecoder(r.choice(["</w>", "@@"])),
             lambda: d.CTC(r.choice(["[PAD]", "a"]), r.choice("|▁"), flip(r, 0.6)),
             lambda: d.Strip(r.choice(" ▁a"), r.choice([0, 1, 2]), r.choice([0, 0, 1])), lambda: d.Replace(r.choice(["▁", "##", "a", "Ġ"]), r.choice([" ", "", "x"])),
             lambda: d.Replace(Regex(r.choice([r"\s+", "[aeiou]"])), r.choice([" ", ""]))]
    if not is_part:
        kinds += [lambda: d.Sequence([decoder(r, True) for _ in range(r.randint(1, 4))])] * 5
    return r.choice(kinds)()


def post_processor(r, ids):
    a, b = r.choice(list(ids.items())), r.choice(list(ids.items()))

    def template():
        single = r.choice([f"{a[0]} $A {b[0]}", f"$A {b[0]}", f"{a[0]}:1 $A:1", "$0", f"{a[0]} {a[0]} $A"])
        pair = r.choice([f"{a[0]} $A {b[0]} $B:1 {b[0]}:1", f"$A:0 {b[0]}:0 $B:1", f"$B:1 {a[0]} $A:0", "$A $B", f"{a[0]} $A:2 {b[0]}:3 $B:1"])
        return pp.TemplateProcessing(single=single, pair=pair, special_tokens=list({a, b}))

    def level():
        return pp.ByteLevel(trim_offsets=flip(r, 0.6), add_prefix_space=flip(r))

    return r.choice([lambda: None, lambda: pp.BertProcessing(a, b), lambda: pp.RobertaProcessing(a, b, flip(r, 0.6), flip(r)), template, template, level,
                     lambda: pp.Sequence(r.sample([level(), template()], 2))])()


def train(r, tokenizer, specials):
    """Gives the tokenizer a model."""
    corpus = [" ".join(r.sample(WORDS, r.randint(10, len(WORDS)))) for _ in range(8)]
    parts = f"{tokenizer.pre_tokenizer} {tokenizer.normalizer}"
    alphabet = p.ByteLevel.alphabet() if "ByteLevel" in parts else []
    options = {"vocab_size": r.choice([120, 300, 500]) + len(alphabet), "show_progress": False, "special_tokens": specials}
    kind = r.choice(["BPE"] * 3 + ["Unigram"] * 3 + ["WordPiece"] * 2 + ["WordLevel"])
    if kind == "BPE":
        marks = r.choice([{}, {}, {}, {"end_of_word_suffix": "</w>"}, {"continuing_subword_prefix": "##"}])
        bytes_ = flip(r, 0.3) and not marks
        tokenizer.model = models.BPE(unk_token=specials[0], fuse_unk=flip(r), byte_fallback=bytes_, ignore_merges=flip(r, 0.3), **marks)
        if bytes_:
            options["special_tokens"] = specials + [f"<0x{i:02X}>" for i in range(256)]
        trainer = trainers.BpeTrainer(initial_alphabet=alphabet, **options, **marks)
    elif kind == "Unigram":
        tokenizer.model = models.Unigram()
        trainer = trainers.UnigramTrainer(unk_token=specials[0], initial_alphabet=alphabet, max_piece_length=r.choice([4, 16]), **options)
    elif kind == "WordPiece":
        tokenizer.model = models.WordPiece(unk_token=specials[0], max_input_chars_per_word=r.choice([100, 100, 5]))
        trainer = trainers.WordPieceTrainer(initial_alphabet=alphabet, **options)
    else:
        tokenizer.model = models.WordLevel(unk_token=specials[0])
        trainer = trainers.WordLevelTrainer(**options)
    tokenizer.train_from_iterator(corpus, trainer)


def make_tokenizer(r):
    specials = r.choice([["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"], ["<unk>", "<s>", "</s>", "<pad>"]])
    tokenizer = Tokenizer(models.BPE())
    if flip(r, 0.7):
        tokenizer.normalizer = normalizer(r)
    if flip(r, 0.85):
        tokenizer.pre_tokenizer = pre_tokenizer(r)
    train(r, tokenizer, specials)
    for _ in range(r.choice([0, 0, 1, 3])):
        content = r.choice(["<extra>", "fox", "the", "New York", "@@", "é", "ü", "ab", "ABC", "<|im_start|>", "中文", "1", "[new]", "ﬁ", "_x", specials[-1]])
        token = AddedToken(content, single_word=flip(r, 0.3), lstrip=flip(r, 0.3), rstrip=flip(r, 0.3), normalized=flip(r))
        (tokenizer.add_special_tokens if flip(r, 0.4) else tokenizer.add_tokens)([token])
    if flip(r, 0.85):
        tokenizer.decoder = decoder(r)
    processor = post_processor(r, {token: tokenizer.token_to_id(token) for token in specials})
    if processor is not None:
        tokenizer.post_processor = processor
    # scores are read from a file as other numbers than they were written
    return Tokenizer.from_str(tokenizer.to_str())


def tokenizer_case(r, tokenizer, own):
    case = {"text": text(r, own), "pair": text(r, own) if flip(r, 0.2) else None, "specials": flip(r, 0.6)}
    tokenizer.no_truncation()
    if flip(r, 0.15):
        case["maxLength"] = r.choice([5, 6, 8])
        tokenizer.enable_truncation(case["maxLength"])
    e = tokenizer.encode(case["text"], case["pair"], add_special_tokens=case["specials"])
    ids = r.choice([e.ids, r.sample(e.ids, len(e.ids)), [r.randrange(tokenizer.get_vocab_size() + 2) for _ in range(r.randint(1, 12))]])
    return {**case, "ids": e.ids, "offsets": e.offsets, "words": e.word_ids, "types": e.type_ids, "mask": e.special_tokens_mask, "decode": ids,
            "texts": [tokenizer.decode(ids, skip_special_tokens=skips) for skips in [False, True]]}


def make_sentencepiece(r):
    kind = r.choice(["unigram", "unigram", "bpe"])
    options = {
        "model_type": kind, "vocab_size": r.choice([600, 900]), "byte_fallback": flip(r, 0.35), "add_dummy_prefix": flip(r, 0.75),
        "normalization_rule_name": r.choice(["identity", "nfkc", "nmt_nfkc", "nmt_nfkc_cf", "nfkc_cf"]), "remove_extra_whitespaces": flip(r, 0.6),
        "split_digits": flip(r, 0.3), "split_by_whitespace": flip(r, 0.8), "split_by_unicode_script": flip(r, 0.8), "split_by_number": flip(r, 0.8),
        "allow_whitespace_only_pieces": flip(r, 0.4), "character_coverage": r.choice([0.98, 1.0]), "max_sentencepiece_length": r.choice([4, 16]),
    }
    # those of BPE are cut out first, as the fast tokenizers do
    own = r.sample(["<sep>", "é", "(", "ing", "  ", "the", "中", "<mask>", "\n", "a", "😀", "ＡＢ", "½", "\t"], r.randint(1, 4)) if kind == "unigram" and flip(r, 0.4) else []
    file = io.BytesIO()
    lines = (" ".join(r.sample(WORDS, len(WORDS))) for _ in range(40))
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=lines, model_writer=file, hard_vocab_limit=False, minloglevel=4, num_threads=1,
                                             user_defined_symbols=own, **options)
    return sentencepiece.SentencePieceProcessor(model_proto=file.getvalue()), own, file.getvalue()


def sentencepiece_case(r, processor, own):
    line = text(r, own)
    ids = processor.encode(line)
    texts = r.choice([ids, [r.randrange(processor.get_piece_size()) for _ in range(r.randint(1, 10))]])
    # what it writes for unknown and control pieces is its own, and bytes that are no character it repairs one by one
    texts = [i for i in texts if not (processor.is_unknown(i) or processor.is_control(i) or processor.is_byte(i))]
    return {"text": line, "ids": ids, "decode": texts, "texts": [processor.decode(texts)] * 2}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kind", choices=["tokenizers", "sentencepiece"])
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    made = tried = 0
    while made < args.count:
        tried += 1
        r = random.Random(f"{args.seed} {tried}")
        kind = args.kind or r.choice(["tokenizers", "sentencepiece"])
        try:
            if kind == "tokenizers":
                tokenizer = make_tokenizer(r)
                content, suffix, make = tokenizer.to_str().encode(), "tokenizer.json", tokenizer_case
                own = [token.content for token in tokenizer.get_added_tokens_decoder().values() if not token.content.startswith("<0x")]
            else:
                tokenizer, own, content = make_sentencepiece(r)
                suffix, make = "model", sentencepiece_case
        except Exception:  # a vocabulary that cannot be as small, say
            continue
        cases = []
        for _ in range(30):
            try:
                cases.append(make(r, tokenizer, own))
            except BaseException as error:  # the Rust library panics
                if isinstance(error, KeyboardInterrupt):
                    raise
        name = f"{args.seed}-{tried}"
        (args.folder / f"{name}.{suffix}").write_bytes(content)
        (args.folder / f"{name}.cases.json").write_text(json.dumps(cases))
        made += 1
    print(made, "made,", tried, "tried")


if __name__ == "__main__":
    main()
