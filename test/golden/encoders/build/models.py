"""The golden models: one folder each, in Hugging Face layout, with expected.safetensors and expected.json."""

import torch
import transformers as hf

from . import reference, tasks
from .texts import MAX_LENGTH, QUESTIONS, tokenizer_for

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
SENTIMENT = ["negative", "neutral", "positive"]


def labels(names):
    return {"id2label": dict(enumerate(names)), "label2id": {name: i for i, name in enumerate(names)}}


SMALL = {"hidden_size": 24, "num_attention_heads": 2, "intermediate_size": 37}
SHALLOW = {**SMALL, "num_hidden_layers": 1}
MIDDLE = {"hidden_size": 28, "num_attention_heads": 2, "intermediate_size": 37}
WIDE = {"hidden_size": 40, "num_attention_heads": 2, "intermediate_size": 50}
ODD = {"hidden_size": 36, "num_attention_heads": 3, "intermediate_size": 37}
D_SMALL = {"dim": 24, "n_heads": 2, "hidden_dim": 37}
D_ODD = {"dim": 36, "n_heads": 3, "hidden_dim": 50}
PLAIN_VOCAB = 103  # of the models that have no tokenizer

# folder: (class, sizes and settings, task or None). Activations, epsilons and head sizes differ on purpose.
BERT = {
    "bert-model": ("BertModel", {**ODD, "hidden_act": "gelu"}, None),
    "bert-pretraining": ("BertForPreTraining", {**SMALL, "hidden_act": "gelu_new"}, "next-sentence"),
    "bert-masked-lm": ("BertForMaskedLM", {**MIDDLE, "hidden_act": "gelu"}, "fill-mask"),
    "bert-next-sentence": ("BertForNextSentencePrediction", {**SHALLOW, "hidden_act": "relu"}, "next-sentence"),
    "bert-classify": ("BertForSequenceClassification", {**SMALL, **labels(SENTIMENT)}, "classify"),
    "bert-classify-multi": (
        "BertForSequenceClassification",
        {**SHALLOW, **labels(SENTIMENT), "problem_type": "multi_label_classification", "hidden_act": "silu"},
        "classify",
    ),
    "bert-regression": (
        "BertForSequenceClassification",
        {**SHALLOW, "num_labels": 1, "problem_type": "regression", "layer_norm_eps": 1e-6},
        "classify",
    ),
    "bert-token-classification": ("BertForTokenClassification", {**SMALL, **labels(LABELS)}, "token-classification"),
    "bert-question-answering": ("BertForQuestionAnswering", {**SMALL, "layer_norm_eps": 1e-5}, "question-answering"),
}
ROBERTA = {
    "roberta-model": ("RobertaModel", {**WIDE, "hidden_act": "gelu"}, None),
    "roberta-masked-lm": ("RobertaForMaskedLM", {**SMALL, "hidden_act": "gelu"}, "fill-mask"),
    "roberta-classify": ("RobertaForSequenceClassification", {**SMALL, **labels(SENTIMENT)}, "classify"),
    "roberta-token-classification": ("RobertaForTokenClassification", {**SMALL, **labels(LABELS)}, "token-classification"),
    "roberta-question-answering": ("RobertaForQuestionAnswering", {**SMALL, "hidden_act": "gelu_new"}, "question-answering"),
}
DISTILBERT = {
    "distilbert-model": ("DistilBertModel", {**D_ODD, "activation": "gelu"}, None),
    "distilbert-masked-lm": ("DistilBertForMaskedLM", {**D_SMALL, "activation": "gelu"}, "fill-mask"),
    "distilbert-classify": ("DistilBertForSequenceClassification", {**D_SMALL, **labels(SENTIMENT)}, "classify"),
    "distilbert-token-classification": (
        "DistilBertForTokenClassification",
        {**D_SMALL, **labels(LABELS), "activation": "relu"},
        "token-classification",
    ),
    "distilbert-question-answering": ("DistilBertForQuestionAnswering", {**D_SMALL}, "question-answering"),
}
MPNET = {
    "mpnet-model": ("MPNetModel", {**WIDE, "hidden_act": "gelu"}, None),
    "mpnet-masked-lm": ("MPNetForMaskedLM", {**SMALL, "hidden_act": "gelu"}, "fill-mask"),
    "mpnet-classify": ("MPNetForSequenceClassification", {**SMALL, **labels(SENTIMENT)}, "classify"),
    "mpnet-token-classification": ("MPNetForTokenClassification", {**SMALL, **labels(LABELS)}, "token-classification"),
    "mpnet-question-answering": ("MPNetForQuestionAnswering", {**ODD, "hidden_act": "relu"}, "question-answering"),
}


def bert_config(settings, vocab):
    base = {"hidden_act": "gelu", "layer_norm_eps": 1e-12, "num_hidden_layers": 2, **settings}
    return hf.BertConfig(vocab_size=vocab, max_position_embeddings=MAX_LENGTH, **base)


def roberta_config(settings, vocab, kind=hf.RobertaConfig):
    base = {"hidden_act": "gelu", "layer_norm_eps": 1e-5, "type_vocab_size": 1, "num_hidden_layers": 2, **settings}
    return kind(vocab_size=vocab, max_position_embeddings=MAX_LENGTH + 2, **base)


def distilbert_config(settings, vocab):
    base = {"n_layers": 2, **settings}
    return hf.DistilBertConfig(vocab_size=vocab, max_position_embeddings=MAX_LENGTH, **base)


def mpnet_config(settings, vocab):
    base = {"hidden_act": "gelu", "layer_norm_eps": 1e-5, "num_hidden_layers": 2, **settings}
    return hf.MPNetConfig(vocab_size=vocab, max_position_embeddings=MAX_LENGTH + 2, **base)


def cases(vocab, pad, types, full, masked_lm):
    """Inputs of a golden: batches of 3, padded right and, for base models, left; token types where the model has any.

    Models that give a logit for every word of the vocabulary get shorter texts, to keep the files small.
    """
    lengths = [5, 7, 2] if masked_lm else [9, 13, 4]
    out = {"right": reference.batch(lengths, vocab, 2, types=types, pad=pad)}
    if full:
        out["left"] = reference.batch([5, 13, 1], vocab, 3, left=True, types=types, pad=pad)
    return out


def golden_inputs(model, record, inputs, details):
    for name, values in inputs.items():
        record[f"{name}.input_ids"] = values["input_ids"]
        for key, value in {**values, **reference.forward(model, values, details)}.items():
            record[f"{name}.{key}"] = value


def legacy_bert_name(name):
    """The names of checkpoints of 2019, bert-base-uncased among them: gamma and beta."""
    return name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def favour_no_answer(model, tokenizer, strength=4.0):
    """Turns the answer head towards the first token, so that "no answer" is among the best answers."""
    ids = torch.tensor([tokenizer(QUESTIONS[-1][0], QUESTIONS[-1][1])["input_ids"]])
    with torch.no_grad():
        hidden = model.base_model(ids).last_hidden_state[0].double()
        target = torch.zeros(len(hidden), 1, dtype=torch.float64)
        target[0] = strength
        model.qa_outputs.weight += torch.linalg.lstsq(hidden, target).solution[:, 0].float()


def build_one(out, name, model_class, config, seed, family=None, task=None, **save):
    folder = out / name
    model = reference.random_model(getattr(hf, model_class), config, seed)
    if name == "bert-question-answering":
        favour_no_answer(model, tokenizer_for(family))
    reference.save_model(model, folder, **save)
    if save.get("dtype"):
        model = model.to(save["dtype"])
    model = model.double()
    tensors = {}
    types = getattr(config, "type_vocab_size", 1)
    masked_lm = hasattr(model, "cls") and hasattr(model.cls, "predictions") or task == "fill-mask"
    full = task is None and "dtype" not in save
    inputs = cases(config.vocab_size, config.pad_token_id, types, full, masked_lm)
    details = getattr(config, "num_hidden_layers", 2) > 1
    golden_inputs(model, tensors, inputs, details)
    results, encodings = None, ()
    if task:
        tokenizer = tokenizer_for(family)
        reference.save_tokenizer(tokenizer, folder)
        record = tasks.Recorder()
        tasks.RUNNERS[task](model, tokenizer, record)
        tensors.update(record.tensors)
        results, encodings = record.tasks, record.encodings
    reference.save_expected(folder, tensors, results, encodings)
    print(f"{name}: {sum(f.stat().st_size for f in folder.iterdir())} bytes")


def build(out):
    vocab = {family: len(tokenizer_for(family)) for family in ["bert", "roberta", "distilbert"]}
    seed = 100
    for family, goldens, make in [
        ("bert", BERT, bert_config),
        ("roberta", ROBERTA, roberta_config),
        ("distilbert", DISTILBERT, distilbert_config),
        ("roberta", MPNET, mpnet_config),
    ]:
        for name, (model_class, settings, task) in goldens.items():
            seed += 1
            save = {}
            if name == "bert-pretraining":
                position_ids = torch.arange(MAX_LENGTH).unsqueeze(0)
                save = {"rename": legacy_bert_name, "extra": {"bert.embeddings.position_ids": position_ids}}
            config = make(settings, vocab[family] if task else PLAIN_VOCAB)
            build_one(out, name, model_class, config, seed, family, task, **save)
    xlm = roberta_config({**ODD, "hidden_act": "silu"}, PLAIN_VOCAB, hf.XLMRobertaConfig)
    build_one(out, "xlm-roberta-model", "XLMRobertaModel", xlm, 201)
    for dtype in [torch.float16, torch.bfloat16]:
        suffix = "f16" if dtype == torch.float16 else "bf16"
        build_one(out, f"bert-model-{suffix}", "BertModel", bert_config(SMALL, PLAIN_VOCAB), 202, dtype=dtype)
