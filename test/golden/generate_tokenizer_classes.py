"""Goldens of tokenizer.json files that their class changes as it loads them, from Python's transformers (4.57). Run by hand:

    python test/golden/generate_tokenizer_classes.py

Writes tokenizers/classes.json.gz: what is replaced in one of the small tokenizer.json files, tokenizer_config.json, and ids.
"""

import gzip
import json
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
import transformers

transformers.logging.set_verbosity_error()
HERE = Path(__file__).parent / "tokenizers"
TEXTS = ["The old lighthouse", "  Café  ", "", "naïve 中文 tea", "a [PAD2] the <x><y> river <z>it <mask> </s>"]
PAIRS = [["The lighthouse", "a river"]]
LANGUAGES = {"MBartTokenizer": ["en_XX", "fr_XX"], "MBart50TokenizerFast": ["en_XX", "fr_XX"], "NllbTokenizer": ["eng_Latn", "fra_Latn"]}


def special(content, id):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}


def template(single, pair, ids):
    item = lambda word: {"Sequence": {"id": word, "type_id": 0}} if word in "AB" else {"SpecialToken": {"id": word, "type_id": 0}}
    specials = {word: {"id": word, "ids": [id], "tokens": [word]} for word, id in ids.items()}
    return {"type": "TemplateProcessing", "single": [item(w) for w in single.split()], "pair": [item(w) for w in pair.split()],
            "special_tokens": specials}


def languages():
    base = json.loads((HERE / "tiny-unigram.tokenizer.json").read_text())
    next_id = 1 + max(token["id"] for token in base["added_tokens"])
    for name, (usual, other) in LANGUAGES.items():
        added = [*base["added_tokens"], *(special(token, next_id + i) for i, token in enumerate(["<s>", usual, other]))]
        last = template(f"A </s> {usual}", f"A B </s> {usual}", {"</s>": 1, usual: next_id + 1})
        first = template(f"{usual} A </s>", f"{usual} A B </s>", {"</s>": 1, usual: next_id + 1})
        legacy = [{}, {"legacy_behaviour": True}, {"legacy_behaviour": False}] if name == "NllbTokenizer" else [{}]
        for stored in (None, first, last):
            for config in ({}, {"src_lang": other}, {"src_lang": None, "tgt_lang": other}):
                for more in legacy:
                    roles = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
                    roles |= {"unk_token": "<unk>", "mask_token": None}
                    yield "tiny-unigram", {"added_tokens": added, "post_processor": stored}, {"tokenizer_class": name, **roles, **config, **more}


def bounds():
    base = json.loads((HERE / "tiny-unigram.tokenizer.json").read_text())
    next_id = 1 + max(token["id"] for token in base["added_tokens"])
    added = [*base["added_tokens"], special("<s>", next_id)]
    begins = template("<s> A", "<s> A <s> B", {"<s>": next_id})
    roles = {"bos_token": "<s>", "eos_token": {"__type": "AddedToken", "content": "</s>", "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True}, "pad_token": "<pad>", "unk_token": "<unk>"}
    for name in ("LlamaTokenizer", "LlamaTokenizerFast", "GemmaTokenizer", "GPTNeoXTokenizer"):
        for stored in (None, begins):
            for config in ({"add_bos_token": True}, {"add_bos_token": False}, {"add_eos_token": True}, {"add_bos_token": True, "add_eos_token": True}):
                yield "tiny-unigram", {"added_tokens": added, "post_processor": stored}, {"tokenizer_class": name, **roles, **config}


def prefixes():
    base = json.loads((HERE / "tiny-bytebpe.tokenizer.json").read_text())
    for name in ("GPT2Tokenizer", "RobertaTokenizer", "BartTokenizerFast", "Qwen2Tokenizer"):
        for stored in (True, False):
            for prefix in (True, False):
                yield "tiny-bytebpe", {"pre_tokenizer": {**base["pre_tokenizer"], "add_prefix_space": stored}}, {
                    "tokenizer_class": name, "add_prefix_space": prefix}


def normalizers():
    base = json.loads((HERE / "tiny-wordpiece.tokenizer.json").read_text())
    for name in ("BertTokenizer", "DistilBertTokenizerFast", "ElectraTokenizer", "PreTrainedTokenizerFast"):
        for stored in (True, False):
            for lower in (True, False):
                for more in ({}, {"strip_accents": False}, {"strip_accents": None, "tokenize_chinese_chars": False}):
                    yield "tiny-wordpiece", {"normalizer": {**base["normalizer"], "lowercase": stored}}, {
                        "tokenizer_class": name, "do_lower_case": lower, **more}


def tokens():
    entry = lambda content, **flags: {"content": content, "lstrip": False, "rstrip": False, "normalized": False, "single_word": False, "special": True, **flags}
    configs = [
        {"pad_token": "[PAD2]"},
        {"eos_token": "the"},
        {"eos_token": {"__type": "AddedToken", **entry("lighthouse", lstrip=True)}, "additional_special_tokens": ["<y>", "<x>"]},
        {"added_tokens_decoder": {"401": entry("<z>", lstrip=True), "400": entry("river", special=False, normalized=True)}, "pad_token": "<z>"},
        {"added_tokens_decoder": {"2": entry("</s>", lstrip=True), "4": entry("<mask>", rstrip=True)}, "mask_token": "<mask>"},
    ]
    for base, name in (("tiny-bytebpe", "RobertaTokenizer"), ("tiny-unigram", "PreTrainedTokenizerFast")):
        for config in configs:
            prefix = {"add_prefix_space": True} if base == "tiny-bytebpe" else {}
            yield base, {}, {"tokenizer_class": name, **prefix, **config}
    yield "tiny-wordpiece", {}, {"tokenizer_class": "BertTokenizer", **configs[0]}


def main():
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        for base, changes, config in (*languages(), *bounds(), *prefixes(), *normalizers(), *tokens()):
            file = {**json.loads((HERE / f"{base}.tokenizer.json").read_text()), **changes}
            (Path(folder) / "tokenizer.json").write_text(json.dumps(file))
            (Path(folder) / "tokenizer_config.json").write_text(json.dumps(config))
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
            ids = [tokenizer(text)["input_ids"] for text in TEXTS] + [tokenizer(*pair)["input_ids"] for pair in PAIRS]
            cases.append({"base": base, "changes": changes, "config": config, "ids": ids})
    raw = json.dumps({"texts": TEXTS, "pairs": PAIRS, "cases": cases}).encode()
    (HERE / "classes.json.gz").write_bytes(gzip.compress(raw, 9, mtime=0))
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
