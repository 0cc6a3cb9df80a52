"""Made-up sentences, and the two small tokenizers trained on them: WordPiece as in BERT, byte-level BPE as in RoBERTa."""

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertTokenizerFast, DistilBertTokenizerFast, RobertaTokenizerFast

MAX_LENGTH = 64

SENTENCES = [
    "The old lighthouse keeper counts the ships that pass the harbour every evening.",
    "A small river runs through the village of Marrowby and turns the mill.",
    "Zoe Hartman works for the Northern Railway in the city of Belcastle.",
    "In the winter of 1923 the bridge was closed for forty days.",
    "The baker's daughter plays the violin, and her brother writes letters.",
    "Where does the doctor live? He lives in a red house near the station.",
    "Nobody knows who painted the wall behind the library.",
    "Professor Lindqvist explained how the engine turns heat into motion.",
    "We walked from Belcastle to Marrowby in three hours, without a map.",
    "The museum keeps 250 clocks; most of them still work.",
    "What is the name of the mountain? It is called the Grey Widow.",
    "Her coat was blue, his hat was green, and the umbrella was yellow.",
    "Children of the village learn to swim before they learn to read.",
    "The company sold its ships and bought a railway instead.",
    "Rain fell all night, but the harvest was already in the barn.",
    "When was the bridge built? The bridge was built in 1871 by Otto Hartman.",
    "The café on the corner serves coffee, bread and honey.",
    "An unexpected letter from the ministry arrived on Thursday morning.",
    "The students measured the temperature of the water every hour.",
    "He repaired the clock, cleaned the lamp and locked the door.",
]

CONTEXT = (
    "The bridge of Belcastle was built in 1871 by the engineer Otto Hartman. It was closed in the winter of 1923, "
    "when the river carried away two of its pillars. A naïve visitor 😀 may think that it is older: the stones come "
    "from the lighthouse of Marrowby, which stood near the mill until the storm. Today the museum keeps the plans, "
    "and children walk there every Thursday to count the clocks."
)

# question, context, and the pipeline's window options
QUESTIONS = [
    ("When was the bridge built?", CONTEXT, {"max_seq_len": 48, "doc_stride": 16}),
    ("Who built the bridge of Belcastle?", CONTEXT, {"max_seq_len": 56, "doc_stride": 20, "max_answer_len": 4}),
    ("What do children count?", "Children count the clocks 😀 every Thursday, at the museum.", {}),
]


def pieces(tokenizer, size):
    """The letters of the sentences and the pieces of 2 to 9 letters that save most, ties in alphabetical order.

    (The library's own WordPiece trainer orders its vocabulary differently in every process.)
    """
    counts = {}
    for sentence in SENTENCES:
        normal = tokenizer.normalizer.normalize_str(sentence)
        for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(normal):
            for start in range(len(word)):
                for end in range(start + 1, min(len(word), start + 9) + 1):
                    piece = ("##" if start else "") + word[start:end]
                    counts[piece] = counts.get(piece, 0) + 1
    letters = sorted(piece for piece in counts if len(piece.removeprefix("##")) == 1)
    longer = sorted(set(counts) - set(letters), key=lambda p: (-counts[p] * (len(p.removeprefix("##")) - 1), p))
    return (letters + longer)[:size]


def wordpiece():
    """A lower-casing WordPiece tokenizer with BERT's normalizer, special tokens and pair template."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocab = {piece: i for i, piece in enumerate(specials + pieces(tokenizer, 215))}
    tokenizer.model = models.WordPiece(vocab, unk_token="[UNK]")
    tokenizer.add_special_tokens(specials)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def byte_level():
    """A byte-level BPE tokenizer with RoBERTa's special tokens and pair template (<s> a </s></s> b </s>)."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(
            vocab_size=400,
            special_tokens=specials,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.RobertaProcessing(sep=("</s>", 2), cls=("<s>", 0), add_prefix_space=False)
    return tokenizer


def tokenizer_for(family):
    """The transformers tokenizer of a model family: bert, distilbert or roberta."""
    if family == "roberta":
        return RobertaTokenizerFast(tokenizer_object=byte_level(), model_max_length=MAX_LENGTH)
    kind = {"bert": BertTokenizerFast, "distilbert": DistilBertTokenizerFast}[family]
    return kind(tokenizer_object=wordpiece(), do_lower_case=True, model_max_length=MAX_LENGTH)


def utf16(text, index):
    """The UTF-16 offset of a code-point offset."""
    return len(text[:index].encode("utf-16-le")) // 2


def encoding_json(encoding, first, second=None):
    """A tokenizers.Encoding with UTF-16 offsets, in the library's own field names."""
    texts = [first, second]
    offsets = []
    for (start, end), sequence in zip(encoding.offsets, encoding.sequence_ids):
        offsets.append([0, 0] if sequence is None else [utf16(texts[sequence], start), utf16(texts[sequence], end)])
    return {
        "ids": encoding.ids,
        "tokens": encoding.tokens,
        "offsets": offsets,
        "wordIds": encoding.word_ids,
        "typeIds": encoding.type_ids,
        "specialTokensMask": encoding.special_tokens_mask,
        "sequenceIds": encoding.sequence_ids,
    }
