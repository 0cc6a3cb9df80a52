"""A cross-encoder, and embeddings cut, quantised, compared and searched: results of sentence-transformers.

Version 5 rounds levels of int8 towards zero and wraps what is out of range; since version 6 levels are floored and clipped. They are
computed here by the formula of version 6.2.
"""

import json
import pathlib
import shutil
import tempfile

import numpy as np
import torch
import transformers as hf
from sentence_transformers import CrossEncoder, util

from . import reference
from .models import SHALLOW, bert_config, cases, golden_inputs
from .sentence import FOLDERS, TEXTS, load
from .texts import CONTEXT, tokenizer_for

QUERY = "Who built the bridge?"
DOCUMENTS = [
    "The museum keeps 250 clocks.",
    "The bridge was built in 1871 by Otto Hartman.",
    CONTEXT,
    "Zoë 😀",
    "He repaired the clock, cleaned the lamp and locked the door.",
    "The museum keeps 250 clocks.",
]
# config.json's additional keys, and how many results
ACTIVATIONS = [
    ({}, None),
    ({"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity", "version": "5.1.2"}}, None),
    ({"sbert_ce_default_activation_function": "torch.nn.modules.activation.Tanh"}, 3),
]
METRICS = {"cosine": util.cos_sim, "dot": util.dot_score, "euclidean": util.euclidean_sim, "manhattan": util.manhattan_sim}


def cross_encoder(folder):
    tokenizer = tokenizer_for("bert")
    config = bert_config({**SHALLOW, "num_labels": 1}, len(tokenizer))
    model = reference.random_model(hf.BertForSequenceClassification, config, 401)
    reference.save_model(model, folder)
    reference.save_tokenizer(tokenizer, folder)
    tasks = []
    for keys, top_k in ACTIVATIONS:
        with tempfile.TemporaryDirectory() as copy:
            shutil.copytree(folder, copy, dirs_exist_ok=True)
            file = pathlib.Path(copy) / "config.json"
            file.write_text(json.dumps({**json.loads(file.read_text()), **keys}))
            ranker = CrossEncoder(copy, device="cpu", local_files_only=True)
            ranker.model.double()
            found = ranker.rank(QUERY, DOCUMENTS, top_k=top_k, return_documents=True)
        result = [{"index": item["corpus_id"], "score": float(item["score"]), "document": item["text"]} for item in found]
        options = {"returnDocuments": True, **({"topK": top_k} if top_k else {})}
        tasks.append(
            {"task": "rerank", "config": keys, "query": QUERY, "documents": DOCUMENTS, "options": options, "result": result}
        )
    tensors = {}
    vocab, pad, types = config.vocab_size, config.pad_token_id, config.type_vocab_size
    golden_inputs(model.double(), tensors, cases(vocab, pad, types, False, False), False)
    reference.save_expected(folder, tensors, tasks)


def levels(embeddings, ranges):
    """Version 6.2, in float32: the level of every value, 0 to 255."""
    starts, ends = ranges
    steps = (ends - starts) / np.float32(255)
    steps = np.where(steps == 0, np.float32(1), steps)
    return np.clip(np.floor((embeddings - starts) / steps), 0, 255)


def quantized(embeddings, precision, ranges):
    if precision.endswith("int8"):
        own = np.stack([embeddings.min(0), embeddings.max(0)]) if ranges is None else ranges
        values = levels(embeddings, own)
        return values if precision == "uint8" else values - 128
    bits = np.packbits(embeddings > 0, axis=-1).astype(np.int32)
    return bits if precision == "ubinary" else bits - 128


def random(generator, n, d):
    values = generator.standard_normal((n, d)).astype(np.float32)
    values[:, 3] = 0.5  # a dimension without a range
    return values


def numbers(values):
    """Numbers that are read back as the same float32."""
    return np.asarray(values, dtype=np.float64).tolist()


def compare(file):
    generator = np.random.default_rng(7)
    queries, documents = random(generator, 3, 21), random(generator, 40, 21)
    documents[5] = documents[17]
    documents[6] = 0
    ranges = np.stack([documents[:20].min(0), documents[:20].max(0)])
    a, b = torch.tensor(queries).double(), torch.tensor(documents).double()
    result = {"queries": numbers(queries), "documents": numbers(documents), "ranges": numbers(ranges)}
    result["similarity"] = {name: score(a, b).tolist() for name, score in METRICS.items()}
    result["search"] = {
        name: [
            sorted(
                ({"index": hit["corpus_id"], "score": hit["score"]} for hit in hits), key=lambda hit: (-hit["score"], hit["index"])
            )
            for hits in util.semantic_search(a, b, top_k=5, score_function=score)
        ]
        for name, score in METRICS.items()
    }
    result["quantized"] = [
        {"precision": precision, "ranges": given is not None, "values": quantized(documents, precision, given).astype(int).tolist()}
        for precision in ["int8", "uint8", "binary", "ubinary"]
        for given in ([None, ranges] if precision.endswith("int8") else [None])
    ]
    result["truncated"] = []
    for name in ["sentence-mean", "sentence-max"]:
        model = load(file.parent / name, FOLDERS[name][-1], FOLDERS[name][1], SHALLOW["hidden_size"])
        for dimensions, normalize in [(10, False), (10, True), (99, False)]:
            values = model.encode(TEXTS, truncate_dim=dimensions, normalize_embeddings=normalize, convert_to_tensor=True)
            options = {"dimensions": dimensions, **({"normalize": True} if normalize else {})}
            result["truncated"].append({"golden": name, "texts": TEXTS, "options": options, "values": values.tolist()})
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}" for key, value in result.items()]
    file.write_text("{\n%s\n}\n" % ",\n".join(lines))


def build(out):
    cross_encoder(out / "cross-encoder")
    compare(out / "compare.json")
    print("cross-encoder, compare.json")
