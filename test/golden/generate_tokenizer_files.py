"""Goldens of tokenizers that are converted from older files, from Python's transformers (4.57) and sentencepiece. Run by hand:

    python test/golden/generate_tokenizer_files.py [--models DIR] [--cases N] [--seed N] [--out FILE]

Writes tokenizers/files.json.gz: for each family of checkpoints the files of a folder (texts here, or where they lie below the
models' folder), and what Python makes of texts with them. Families that SentencePiece is behind are asked in their slow form,
which calls it; the others in the fast form that transformers itself converts. The small SentencePiece models beside it are
trained here, unless they are there.
"""

import argparse
import gzip
import json
import random
import shutil
import tempfile
import warnings
from pathlib import Path

import sentencepiece
import transformers
from generate_tokenizers import FIXED, HERE, SENTENCES, sample
from sentencepiece import sentencepiece_model_pb2

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()

UNIGRAM = "tokenizers/hf-fixtures/test_sentencepiece.model"
ALBERT = "tokenizers/hf-fixtures/spiece.model"
BPE = "tokenizers/hf-fixtures/test_sentencepiece_bpe.model"
LLAMA = "tokenizers/llama2-32k/tokenizer.model"
GPT2 = {"vocab.json": "tokenizers/gpt2/vocab.json", "merges.txt": "tokenizers/gpt2/merges.txt"}
BART = {"vocab.json": "tokenizers/bart-roberta/vocab.json", "merges.txt": "tokenizers/bart-roberta/merges.txt"}
MARIAN = {name: f"tokenizers/marian-opus-en-fr/{name}" for name in ["vocab.json", "source.spm", "target.spm", "tokenizer_config.json"]}

RULES = [("é", "e"), ("e\u0301", "e"), ("ﬁ", "fi"), ("…", "..."), ("\t", " "), ("\n", " "), ("\u3000", " "), ("\u00a0", " "), ("½", "1/2"),
         ("\u200b", ""), ("\u212b", "Å"), ("A\u030a", "Å"), ("▁", " ")]

WORDPIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "The", "a", "b", "c", "##e", "##s", "caf", "é", "##é", "cafe", "!", ",", "中",
              "dog", "Dog", "##ing", "quick", "fox", "'", "t", "don"]
LETTERS = "abcdefghijklmnopqrstuvwxyz.,!'"


def tiny_models(out):
    """Models with everything that files can say: a character map, byte fallback, user-defined and control symbols."""
    text = out / "sentences.txt"
    text.write_text("\n".join(SENTENCES * 3))
    rules = out / "rules.tsv"
    rules.write_text("".join(f"{' '.join(f'{ord(c):X}' for c in a)}\t{' '.join(f'{ord(c):X}' for c in b)}\n" for a, b in RULES))
    common = {"input": str(text), "hard_vocab_limit": False, "minloglevel": 2, "num_threads": 1}
    kinds = {
        "tiny-unigram-map": {"model_type": "unigram", "vocab_size": 160, "normalization_rule_tsv": str(rules),
                             "user_defined_symbols": ["<sep>", "é", "(", "ing"], "control_symbols": ["<ctl>"], "pad_id": 3},
        "tiny-unigram-bytes": {"model_type": "unigram", "vocab_size": 420, "byte_fallback": True, "normalization_rule_name": "identity",
                               "remove_extra_whitespaces": False},
        "tiny-unigram-symbols": {"model_type": "unigram", "vocab_size": 120, "normalization_rule_name": "nmt_nfkc", "add_dummy_prefix": False,
                                 "user_defined_symbols": ["river", "  ", "\t", "kettle"]},
        "tiny-bpe-map": {"model_type": "bpe", "vocab_size": 200, "normalization_rule_tsv": str(rules), "character_coverage": 0.98},
        "tiny-bpe-bytes": {"model_type": "bpe", "vocab_size": 480, "byte_fallback": True, "normalization_rule_name": "identity",
                           "remove_extra_whitespaces": False, "add_dummy_prefix": False, "allow_whitespace_only_pieces": True,
                           "split_by_whitespace": True},
    }
    for name, options in kinds.items():
        target = out / f"{name}.model"
        if not target.exists():
            sentencepiece.SentencePieceTrainer.train(model_prefix=str(out / name), **common, **options)
            (out / f"{name}.vocab").unlink()
            # where it was trained belongs to nobody
            proto = sentencepiece_model_pb2.ModelProto.FromString(target.read_bytes())
            for field in ["input", "model_prefix"]:
                proto.trainer_spec.ClearField(field)
            proto.normalizer_spec.ClearField("normalization_rule_tsv")
            target.write_bytes(proto.SerializeToString())
    text.unlink()
    rules.unlink()


def added(*tokens):
    return {str(i): {"content": c, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": s}
            for i, c, s in tokens}


def families():
    """Name, class, slow, files (text, or a path below the models' folder), tokenizer_config.json, config.json."""
    vocab = "\n".join(WORDPIECES) + "\n"
    yield "bert", "BertTokenizer", False, {"vocab.txt": [vocab]}, {}, {"model_type": "bert"}
    yield "bert-cased", "BertTokenizer", False, {"vocab.txt": [vocab]}, {"do_lower_case": False}, {"model_type": "bert"}
    yield "bert-accents", "DistilBertTokenizer", False, {"vocab.txt": [vocab]}, {"strip_accents": False, "tokenize_chinese_chars": False}, {}
    yield "bert-added", "BertTokenizer", False, {
        "vocab.txt": [vocab], "added_tokens.json": [json.dumps({"FooBar": 27, "[EXTRA]": 28})],
        "special_tokens_map.json": [json.dumps({"additional_special_tokens": ["[EXTRA]"], "mask_token": {
            "content": "[MASK]", "single_word": False, "lstrip": True, "rstrip": False, "normalized": False}})]}, {}, {"model_type": "bert"}
    mpnet = vocab.replace("[PAD]", "<pad>").replace("[CLS]", "<s>").replace("[SEP]", "</s>").replace("[MASK]", "<mask>")
    yield "mpnet", "MPNetTokenizer", False, {"vocab.txt": [mpnet]}, {}, {"model_type": "mpnet"}

    letters = {c: i for i, c in enumerate(["<unk>", "<s>", "</s>", "<pad>", "<mask>"] + list(LETTERS) + [c + "</w>" for c in LETTERS])}
    merges = [("t", "h"), ("th", "e</w>"), ("i", "n"), ("in", "g</w>"), ("q", "u")]
    small = {"vocab.json": [json.dumps({**letters, **{a + b: len(letters) + i for i, (a, b) in enumerate(merges)}})],
             "merges.txt": ["#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges)]}
    yield "openai-gpt", "OpenAIGPTTokenizer", False, small, {}, {"model_type": "openai-gpt"}
    yield "herbert", "HerbertTokenizer", False, small, {}, {"model_type": "herbert"}

    yield "gpt2", "GPT2Tokenizer", False, GPT2, {}, {"model_type": "gpt2"}
    yield "gpt2-prefix", "GPT2Tokenizer", False, GPT2, {"add_prefix_space": True}, {"model_type": "gpt_neo"}
    yield "gpt2-added", "GPT2Tokenizer", False, GPT2, {"added_tokens_decoder": added((50256, "<|endoftext|>", True), (50257, "<|im_start|>", True),
                                                                                       (50259, "  two", False))}, {"model_type": "gpt2"}
    yield "codegen", "CodeGenTokenizer", False, GPT2, {}, {"model_type": "codegen"}
    yield "bart", "BartTokenizer", False, BART, {}, {"model_type": "bart"}
    yield "roberta-prefix", "RobertaTokenizer", False, BART, {"add_prefix_space": True}, {"model_type": "roberta"}
    yield "blenderbot", "BlenderbotTokenizer", False, BART, {"add_prefix_space": True}, {"model_type": "blenderbot"}
    yield "qwen2", "Qwen2Tokenizer", False, GPT2, {}, {"model_type": "qwen2"}
    yield "whisper", "WhisperTokenizer", False, GPT2, {"added_tokens_decoder": added(
        (50256, "<|endoftext|>", True), (50257, "<|startoftranscript|>", True), (50258, "<|notimestamps|>", True))}, {"model_type": "whisper"}
    clip = dict(small)
    vocab_json = json.loads(small["vocab.json"][0])
    vocab_json.update({"<|startoftext|>": len(vocab_json), "<|endoftext|>": len(vocab_json) + 1})
    clip["vocab.json"] = [json.dumps(vocab_json)]
    yield "clip", "CLIPTokenizer", False, clip, {}, {"model_type": "clip"}

    yield "llama", "LlamaTokenizer", True, {"tokenizer.model": LLAMA}, {}, {"model_type": "llama"}
    yield "llama-first", "LlamaTokenizer", False, {"tokenizer.model": LLAMA}, {"legacy": False, "add_eos_token": True}, {"model_type": "llama"}
    yield "gemma", "GemmaTokenizer", True, {"tokenizer.model": "golden/tiny-bpe-bytes.model"}, {
        "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<unk>"}, {"model_type": "gemma"}
    yield "t5", "T5Tokenizer", True, {"spiece.model": "tokenizers/t5-legal-fr-en/spiece.model"}, {}, {"model_type": "t5"}
    yield "t5-few", "T5Tokenizer", True, {"spiece.model": UNIGRAM}, {"extra_ids": 7, "additional_special_tokens": [
        f"<extra_id_{i}>" for i in range(7)]}, {"model_type": "t5"}
    yield "reformer", "ReformerTokenizer", True, {"spiece.model": UNIGRAM}, {}, {"model_type": "reformer"}
    yield "unigram-map", "ReformerTokenizer", True, {"spiece.model": "golden/tiny-unigram-map.model"}, {}, {"model_type": "reformer"}
    yield "unigram-bytes", "ReformerTokenizer", True, {"spiece.model": "golden/tiny-unigram-bytes.model"}, {}, {"model_type": "reformer"}
    yield "bpe-map", "ReformerTokenizer", True, {"spiece.model": "golden/tiny-bpe-map.model"}, {}, {"model_type": "reformer"}
    yield "bpe", "ReformerTokenizer", True, {"spiece.model": BPE}, {}, {"model_type": "reformer"}
    yield "albert", "AlbertTokenizer", True, {"spiece.model": ALBERT}, {}, {"model_type": "albert"}
    yield "albert-accents", "AlbertTokenizer", True, {"spiece.model": ALBERT}, {"keep_accents": True, "do_lower_case": False}, {"model_type": "albert"}
    yield "xlnet", "XLNetTokenizer", True, {"spiece.model": UNIGRAM}, {}, {"model_type": "xlnet"}
    yield "big_bird", "BigBirdTokenizer", True, {"spiece.model": UNIGRAM}, {}, {"model_type": "big_bird"}
    yield "deberta-v2", "DebertaV2Tokenizer", True, {"spm.model": UNIGRAM}, {}, {"model_type": "deberta-v2"}
    yield "rembert", "RemBertTokenizer", True, {"sentencepiece.model": UNIGRAM}, {}, {"model_type": "rembert"}
    yield "xlm-roberta", "XLMRobertaTokenizer", True, {"sentencepiece.bpe.model": UNIGRAM}, {}, {"model_type": "xlm-roberta"}
    yield "camembert", "CamembertTokenizer", True, {"sentencepiece.bpe.model": UNIGRAM}, {}, {"model_type": "camembert"}
    yield "xglm", "XGLMTokenizer", True, {"sentencepiece.bpe.model": UNIGRAM}, {}, {"model_type": "xglm"}
    yield "mbart", "MBartTokenizer", True, {"sentencepiece.bpe.model": UNIGRAM}, {"src_lang": "fr_XX"}, {"model_type": "mbart"}
    yield "mbart50", "MBart50Tokenizer", True, {"sentencepiece.bpe.model": UNIGRAM}, {}, {"model_type": "mbart"}
    yield "nllb", "NllbTokenizer", True, {"sentencepiece.bpe.model": UNIGRAM}, {}, {"model_type": "m2m_100"}
    yield "pegasus", "PegasusTokenizer", True, {"spiece.model": "tokenizers/t5-legal-fr-en/spiece.model"}, {}, {"model_type": "pegasus"}
    processor = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "▁the": 4, "▁": 5, "a": 6, "e": 7, "▁a": 8, "s": 9, "t": 10, "中": 11, "▁of": 12}
    yield "m2m_100", "M2M100Tokenizer", True, {"vocab.json": [json.dumps(processor)], "sentencepiece.bpe.model": UNIGRAM}, {
        "src_lang": "fr"}, {"model_type": "m2m_100"}
    yield "marian", "MarianTokenizer", True, MARIAN, None, {"model_type": "marian"}
    marian = {"</s>": 0, "<unk>": 1, "▁the": 2, "▁": 3, "a": 4, "e": 5, ">>fra<<": 6, "ing": 7, "中": 8, "<pad>": 9}
    yield "marian-languages", "MarianTokenizer", True, {"vocab.json": [json.dumps(marian)], "source.spm": UNIGRAM, "target.spm": BPE}, {}, {
        "model_type": "marian"}
    yield "unigram-symbols", "ReformerTokenizer", True, {"spiece.model": "golden/tiny-unigram-symbols.model"}, {}, {"model_type": "reformer"}


# What a family's own special tokens do is asked for too.
OWN = ["<extra_id_0> a <extra_id_3>b", ">>fra<< The dog", ">>fra<<The dog", "a <|im_start|>b  two", "<mask_1> a<mask_2>", "fr_XX the __fr__",
       "FooBar foobar [EXTRA]the", "  leading and trailing  ", "a\tb\nc", "the ▁ the", "1,000, 25, a", "``quoted''", "<unk> <pad>", "ＡＢ＜s＞",
       "é e\u0301 … ½  ½ x", "the <sep>é(ing ing"]
# Where cuts of the same tokens in other orders have one score, the rounding of its sum decides.
RUNS = [f"{before}{' '.join(unit * n for unit in ['.', '-', 'a', 'e', '1', '=', 'ha', 'the', '0'] for n in [7, 14, 29])}"
        for before in ["", "the quick brown fox jumps over the lazy dog " * 9]]
RUNS += ["   the river  \t  rivers\tkettle  ", "  rettle"]


def golden(models, cases, seed):
    out = []
    for number, (name, kind, slow, files, config, model) in enumerate(families()):
        with tempfile.TemporaryDirectory() as folder:
            for file, content in files.items():
                if isinstance(content, list):
                    Path(folder, file).write_text(content[0])
                else:
                    origin = HERE / content.replace("golden", "tokenizers") if content.startswith("golden/") else models / content
                    shutil.copyfile(origin, Path(folder, file))
            if config is not None:
                Path(folder, "tokenizer_config.json").write_text(json.dumps({**config, "tokenizer_class": kind}))
            Path(folder, "config.json").write_text(json.dumps(model))
            class_ = getattr(transformers, kind if slow else kind + "Fast")
            tokenizer = class_.from_pretrained(folder)
        rng = random.Random(seed * 1000 + number)
        texts = FIXED + OWN + [sample(rng) for _ in range(cases)] + RUNS
        entries = []
        for i, text in enumerate(texts):
            entry = {"text": text}
            if i % 6 == 5 and text not in RUNS and name != "blenderbot" and text.strip() != "":
                entry["pair"] = sample(rng)
            ids = tokenizer(text, entry.get("pair")).input_ids
            entries.append({**entry, "ids": ids, "decoded": tokenizer.decode(
                ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)})
        own = None if config is None else {**config, "tokenizer_class": kind}
        out.append({"name": name, "files": files, "config": own, "model": model, "cases": entries})
        print(name, len(entries))
    return {"cases": out}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, default=HERE.parents[2] / "shared/models")
    parser.add_argument("--cases", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "tokenizers/files.json.gz")
    args = parser.parse_args()
    tiny_models(HERE / "tokenizers")
    raw = json.dumps(golden(args.models, args.cases, args.seed), ensure_ascii=False, separators=(",", ":")).encode()
    args.out.write_bytes(gzip.compress(raw, 9, mtime=0))
    print(args.out.name, args.out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
