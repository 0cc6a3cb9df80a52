"""The tokenizer: a token for every character, lower case, without accents."""

import string

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

PAD, START, END, UNKNOWN = "<pad>", "<s>", "</s>", "<unk>"
CHARACTERS = " " + string.digits + string.ascii_lowercase + string.punctuation + "°€"


def make_tokenizer():
    """One vocabulary for source and target. A source ends with END, which also stands alone for an empty text."""
    vocabulary = {token: i for i, token in enumerate([PAD, START, END, UNKNOWN, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex("[’‘‛`´ʼ′]"), "'"),
            normalizers.NFKD(),
            normalizers.StripAccents(),
            normalizers.Lowercase(),
            normalizers.Replace("ß", "ss"),
            normalizers.Replace(Regex("[“”„‟«»″]"), '"'),
            normalizers.Replace(Regex("[‐‑‒–—―−]"), "-"),
            normalizers.Replace(Regex("[⁄∕]"), "/"),
            normalizers.Replace(Regex("[\\u200b-\\u200f\\u2060\\ufeff\\u00ad]"), ""),
            normalizers.Replace(Regex("\\s+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[\\s\\S]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([PAD, START, END, UNKNOWN])
    tokenizer.post_processor = processors.TemplateProcessing(f"$A {END}", special_tokens=[(END, vocabulary[END])])
    return tokenizer


def token_config(longest):
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": START,
        "eos_token": END,
        "pad_token": PAD,
        "unk_token": UNKNOWN,
        "model_max_length": longest,
        "clean_up_tokenization_spaces": False,
    }
