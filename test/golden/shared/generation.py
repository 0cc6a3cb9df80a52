"""Greedy and beam search by Hugging Face's generate in float64, with prompts whose every decision is clear."""

import numpy as np
import torch

from .precision import Double, forget_lengths

MARGIN = 1e-3
NEW_TOKENS = 16
# which texts the three greedy prompts want: of full length, ended by eos, either
KINDS = [lambda text: len(text) == NEW_TOKENS, lambda text: 3 < len(text) < NEW_TOKENS - 1, lambda text: len(text) > 4]
GREEDY = {"numBeams": 1, "maxNewTokens": NEW_TOKENS}
# length_penalty and early_stopping of the beam searches, all with 4 beams
BEAMS = [(1.0, False), (2.0, True), (0.0, False), (0.6, "never"), (-1.0, "never"), (-0.5, True)]


class Unclear(Exception):
    """These weights, prompts or this eos give nothing worth keeping: try others."""


def search(model, ids, **options):
    """generate for one prompt: (new tokens of each sequence, scores, narrowest margin)."""
    forget_lengths(model)
    inputs = torch.tensor([ids])
    margin = Double()
    with torch.no_grad(), margin:
        out = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
            **{"max_new_tokens": NEW_TOKENS, "num_beams": 1, **options},
        )
    start = 1 if model.config.is_encoder_decoder else len(ids)
    scores = out.sequences_scores.tolist() if options.get("num_beams", 1) > 1 else None
    return [trimmed(row[start:].tolist(), model) for row in out.sequences], scores, margin.narrowest


def trimmed(ids, model):
    """Without the padding behind the first eos."""
    eos = model.generation_config.eos_token_id
    return ids[: ids.index(eos) + 1] if eos in ids else ids


def clear(model, ids, **options):
    sequences, scores, narrowest = search(model, ids, **options)
    if narrowest < MARGIN or (scores and min(np.abs(np.diff(scores))) < MARGIN):
        return None
    return sequences, scores


def clear_prompt(model, prompts, wanted=lambda sequences: True, **options):
    """The first prompt for which the search is clear and its result is wanted: (ids, sequences, scores)."""
    for ids in prompts:
        result = clear(model, ids, **options)
        if result and wanted(result[0]):
            return ids, *result
    raise Unclear(f"no clear prompt for {options or 'a greedy text'}")


def together(model, prompts, **options):
    """The sequences of prompts of one length, in one run."""
    forget_lengths(model)
    inputs = torch.tensor(prompts)
    with torch.no_grad(), Double():
        out = model.generate(
            inputs,
            attention_mask=torch.ones_like(inputs),
            do_sample=False,
            **{"max_new_tokens": NEW_TOKENS, "num_beams": 1, **options},
        )
    start = 1 if model.config.is_encoder_decoder else inputs.shape[1]
    return [trimmed(row[start:].tolist(), model) for row in out]


def lively(ids):
    return len(set(ids)) > min(3, len(ids) // 2)


def choose_eos(model, rng, vocab, low, beams=True):
    """An eos that beams meet often, and some greedy texts but not all. Sets it in both configs."""
    prompts = rng.integers(low, vocab, (12, 7)).tolist()
    greedy = [text for text in together(model, prompts) if lively(text)]
    if len(greedy) < 3:
        raise Unclear("greedy texts repeat themselves")
    beams = together(model, prompts[:4], num_beams=4, num_return_sequences=4) if beams else ()

    def score(token):
        met = sum(token in ids[3:-2] and token not in ids[:2] for ids in beams)
        ended = sum(token in ids for ids in greedy)
        return met + 4 * (0 < ended < len(greedy))

    set_eos(model, max(range(low, vocab), key=score))


def set_eos(model, eos):
    model.config.eos_token_id = model.generation_config.eos_token_id = eos


def greedy_cases(model, rng, vocab, low, lengths=(13, 7, 2)):
    """One text for each length and kind."""
    cases = []
    for length, kind in zip(lengths, KINDS):
        prompts = rng.integers(low, vocab, (24, length)).tolist()
        texts = together(model, prompts)
        fit = [ids for ids, text in zip(prompts, texts) if kind(text) and lively(text)]
        ids, sequences, _ = clear_prompt(model, fit, lambda found: kind(found[0]) and lively(found[0]))
        cases.append({"inputIds": ids, "options": GREEDY, "ids": sequences[0]})
    return cases


def beam_cases(model, rng, vocab, low, settings, lengths=(7, 3)):
    """Beam searches for each of the settings and lengths: two sequences with their scores."""
    cases, ended = [], 0
    for length_penalty, early_stopping in settings:
        for length in lengths:
            options = {"length_penalty": length_penalty, "early_stopping": early_stopping, "num_beams": 4}
            prompts = rng.integers(low, vocab, (12, length)).tolist()
            ids, sequences, scores = clear_prompt(model, prompts, num_return_sequences=4, **options)
            ended += len(set(map(len, sequences))) > 1
            names = {
                "numBeams": 4,
                "numReturnSequences": 2,
                "lengthPenalty": length_penalty,
                "earlyStopping": early_stopping,
                "maxNewTokens": NEW_TOKENS,
            }
            cases.append({"inputIds": ids, "options": names, "sequences": sequences[:2], "scores": scores[:2]})
    if cases and ended < len(cases) / 3:
        raise Unclear("beams hardly ever meet eos")
    return cases
