"""Makes the expected results of generation in this folder: Hugging Face's own processors on random scores, and its own
beam search over a toy language model. The same bytes every time:

    python -m venv golden-env
    golden-env/bin/pip install torch==2.13.0 transformers==4.57.6
    golden-env/bin/python test/golden/generation/build.py

With transformers 5 in its place, `build.py --check` says where that version's results differ.
"""

import json
import pathlib
import sys

import torch
import transformers
from transformers import GenerationConfig, GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.generation import candidate_generator
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, Seq2SeqLMOutput

HERE = pathlib.Path(__file__).resolve().parent
BITS = 13  # the toy model's scores are multiples of 2^-13: exact as whole numbers in JSON, fine enough to have no ties


def rounded(tensor, bits=BITS):
    return torch.round(tensor * 2**bits) / 2**bits


def number(value):
    """A JSON number that reads back as the same f32; infinities as strings."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    return float(f"{value:.9g}")


class ToyConfig(PretrainedConfig):
    model_type = "toy"

    def __init__(self, vocab_size=20, seed=0, spread=2.0, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size, self.seed, self.spread = vocab_size, seed, spread
        self.num_hidden_layers = 1


class Encoder(torch.nn.Module):
    main_input_name = "input_ids"

    def forward(self, input_ids=None, attention_mask=None, **kwargs):
        return BaseModelOutput(last_hidden_state=input_ids.float()[:, :, None])


class Toy(PreTrainedModel, GenerationMixin):
    """Scores that depend on the last two ids and the position through random tables, and on the sum of the encoder's ids.

    Without the position, sequences that walk a cycle in another order would have equal scores, which only the rounding of f32
    puts in an order.
    """

    config_class = ToyConfig
    main_input_name = "input_ids"
    _supports_cache_class = False

    def __init__(self, config):
        super().__init__(config)
        generator = torch.Generator().manual_seed(config.seed)
        size = config.vocab_size
        self.tables = rounded(torch.randn(3, size, size, generator=generator) * config.spread)
        self.encoder = Encoder()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def _init_weights(self, module):
        pass

    def get_encoder(self, *args, **kwargs):
        return self.encoder

    def prepare_inputs_for_generation(self, input_ids, encoder_outputs=None, attention_mask=None, **kwargs):
        if self.config.is_encoder_decoder:
            return {"decoder_input_ids": input_ids, "encoder_outputs": encoder_outputs, "attention_mask": attention_mask}
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def forward(self, input_ids=None, decoder_input_ids=None, encoder_outputs=None, attention_mask=None, **kwargs):
        ids = decoder_input_ids if decoder_input_ids is not None else input_ids
        whole = decoder_input_ids is not None or attention_mask is None
        position = ids.shape[1] if whole else attention_mask.sum(1)
        logits = self.tables[0][(ids[:, -1] + position) % self.config.vocab_size]
        if ids.shape[1] > 1:
            second = self.tables[1][ids[:, -2]]
            if not whole:
                second = second * attention_mask[:, -2, None]
            logits = logits + second
        if decoder_input_ids is not None:
            states = encoder_outputs.last_hidden_state[:, :, 0].long() * attention_mask
            logits = logits + self.tables[2][states.sum(1) % self.config.vocab_size]
            return Seq2SeqLMOutput(logits=logits[:, None])
        return CausalLMOutput(logits=logits[:, None])


def model(vocab_size, seed, spread, encoder_decoder):
    config = ToyConfig(vocab_size=vocab_size, seed=seed, spread=spread, is_encoder_decoder=encoder_decoder)
    toy = Toy(config).eval()
    toy.generation_config = GenerationConfig(pad_token_id=0)
    return toy


def run(toy, prompts, options):
    """HF's result of a batch: new ids without padding, scores."""
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts])
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
    extra = {"decoder_start_token_id": 1} if toy.config.is_encoder_decoder else {}
    out = toy.generate(
        ids, attention_mask=mask, return_dict_in_generate=True, output_scores=True, use_cache=False,
        pad_token_id=0, **extra, **options,
    )
    start = 1 if toy.config.is_encoder_decoder else width
    beams = options.get("num_beams", 1) > 1
    returned = options.get("num_return_sequences", 1)
    lengths = (out.beam_indices >= 0).sum(1) if beams else None
    eos = options.get("eos_token_id") or []
    eos = [eos] if isinstance(eos, int) else eos
    transition = toy.compute_transition_scores(out.sequences, out.scores, out.beam_indices if beams else None)
    results = []
    for row, sequence in enumerate(out.sequences.tolist()):
        new = sequence[start:]
        if beams:
            new = new[: int(lengths[row])]
        else:
            end = next((i for i, id in enumerate(new) if id in eos), None)
            new = new if end is None else new[: end + 1]
        entry = {"ids": new}
        if beams:
            entry["score"] = number(out.sequences_scores[row].item())
            entry["logprobs"] = [number(x) for x in transition[row][: len(new)].tolist()]
        results.append(entry)
    return [results[i : i + returned] for i in range(0, len(results), returned)]


def searches():
    """Prompts and options of every beam search, for models with many ends of sequence and few."""
    cases = []
    generator = torch.Generator().manual_seed(7)

    def prompt(size, length):
        return torch.randint(3, size, (length,), generator=generator).tolist()

    def add(kind, options, lengths=(3,), size=20, seed=1, spread=2.0, **more):
        prompts = [prompt(size, n) for n in lengths]
        key = {"vocabSize": size, "seed": seed, "spread": spread, "encoderDecoder": kind == "encdec"}
        cases.append({"model": key, "prompts": prompts, "options": {**options, **more}})

    for kind in ("decoder", "encdec"):
        for early in (False, True, "never"):
            for penalty in (1.0, 0.0, 2.0, -0.5, 0.7):
                add(kind, {"num_beams": 3, "early_stopping": early, "length_penalty": penalty, "max_new_tokens": 9,
                           "eos_token_id": 2, "num_return_sequences": 3}, (4,), seed=2)
        for beams in (2, 4, 5, 8):
            add(kind, {"num_beams": beams, "eos_token_id": 2, "max_new_tokens": 12, "num_return_sequences": beams},
                (2, 5, 3), seed=3)
            add(kind, {"num_beams": beams, "eos_token_id": [2, 5, 7], "max_new_tokens": 10,
                       "num_return_sequences": min(2, beams)}, (1, 3), size=37, seed=4, spread=1.0)
        add(kind, {"num_beams": 4, "max_new_tokens": 6, "num_return_sequences": 4}, (3, 2), seed=5)
        add(kind, {"num_beams": 5, "eos_token_id": [2, 3, 4], "max_new_tokens": 7, "num_return_sequences": 5}, (2,), size=13, seed=6)
        add(kind, {"num_beams": 12, "eos_token_id": 2, "max_new_tokens": 4, "num_return_sequences": 12}, (2,), size=13, seed=6)
        for options in (
            {"min_new_tokens": 5}, {"min_length": 7}, {"no_repeat_ngram_size": 2}, {"repetition_penalty": 1.7},
            {"forced_bos_token_id": 6}, {"forced_eos_token_id": 2},
            {"bad_words_ids": [[4], [5, 6], [7, 8, 9]]}, {"suppress_tokens": [3, 8]}, {"begin_suppress_tokens": [2, 4]},
            {"renormalize_logits": True, "bad_words_ids": [[0]]}, {"exponential_decay_length_penalty": (3, 1.2)},
            # no encoder_repetition_penalty: transformers 4 applies it to the first rows of a batch of beams only
            {"encoder_no_repeat_ngram_size": 1}, {"max_length": 8, "max_new_tokens": None},
        ):
            common = {"num_beams": 4, "eos_token_id": 2, "max_new_tokens": 8, "num_return_sequences": 2}
            add(kind, {k: v for k, v in {**common, **options}.items() if v is not None}, (1, 1) if "forced_bos_token_id" in options else (3, 3), seed=8)
        add(kind, {"num_beams": 4, "eos_token_id": 2, "max_new_tokens": 40, "early_stopping": "never", "length_penalty": 1.5}, (3, 6), seed=9, spread=4.0)
        add(kind, {"num_beams": 4, "eos_token_id": 2, "max_new_tokens": 40, "num_return_sequences": 4}, (3, 6), seed=10, spread=0.5)
        for options in ({}, {"repetition_penalty": 1.4}, {"no_repeat_ngram_size": 3}, {"min_new_tokens": 4, "eos_token_id": [2, 3, 4, 5, 6]}):
            add(kind, {"eos_token_id": 2, "max_new_tokens": 14, **options}, (3,), seed=11)
    return cases


def beams():
    made = {}
    cases = searches()
    for case in cases:
        key = json.dumps(case["model"])
        if key not in made:
            spec = case["model"]
            made[key] = model(spec["vocabSize"], spec["seed"], spec["spread"], spec["encoderDecoder"])
        options = dict(case["options"])
        if "bad_words_ids" in options:
            options["bad_words_ids"] = [list(x) for x in options["bad_words_ids"]]
        case["expected"] = run(made[key], case["prompts"], options)
    # tables are stored once a model, as multiples of 2^-13
    tables, stored = [], {}
    for case in cases:
        spec = {k: v for k, v in case["model"].items() if k != "encoderDecoder"}
        key = json.dumps(spec)
        if key not in stored:
            stored[key] = len(tables)
            toy = made[json.dumps(case["model"])]
            tables.append([(t * 2**BITS).round().int().flatten().tolist() for t in toy.tables])
        case["model"] = {"table": stored[key], "vocabSize": spec["vocabSize"], "encoderDecoder": case["model"]["encoderDecoder"]}
    return {"scale": 2**BITS, "tables": tables, "cases": cases}


def processors():
    """_get_logits_processor of a whole configuration, on random scores and ids."""
    size, cases = 23, []
    toy = Toy(ToyConfig(vocab_size=size))
    generator = torch.Generator().manual_seed(3)
    grid = [
        {"repetition_penalty": 1.3}, {"repetition_penalty": 0.6}, {"encoder_repetition_penalty": 1.5},
        {"no_repeat_ngram_size": 1}, {"no_repeat_ngram_size": 2}, {"no_repeat_ngram_size": 3},
        {"encoder_no_repeat_ngram_size": 1}, {"encoder_no_repeat_ngram_size": 2}, {"encoder_no_repeat_ngram_size": 3},
        {"bad_words_ids": [[3], [2], [1, 4], [5, 6, 7], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]},
        {"sequence_bias": [[[3], 1.5], [[1, 4], -2.25], [[2, 4], 0.3], [[4], 0.7], [[6, 1], -4.0]]},
        {"min_length": 9, "eos_token_id": [2, 7]}, {"min_new_tokens": 4, "eos_token_id": 2}, {"min_length": 6},
        {"forced_bos_token_id": 5}, {"forced_eos_token_id": 2}, {"forced_eos_token_id": [2, 3]},
        {"suppress_tokens": [1, 2, 22]}, {"begin_suppress_tokens": [0, 4]},
        {"begin_suppress_tokens": [0, 4], "forced_bos_token_id": 5}, {"renormalize_logits": True},
        {"remove_invalid_values": True, "suppress_tokens": [4]}, {"exponential_decay_length_penalty": (2, 1.1), "eos_token_id": [2, 3]},
        {"do_sample": True, "temperature": 0.7}, {"do_sample": True, "temperature": 1.9, "top_k": 0},
        {"do_sample": True, "top_k": 5}, {"do_sample": True, "top_k": 1}, {"do_sample": True, "top_k": 100},
        {"do_sample": True, "top_k": 0, "top_p": 0.9}, {"do_sample": True, "top_k": 0, "top_p": 0.3},
        {"do_sample": True, "top_k": 7, "top_p": 0.8, "temperature": 1.5}, {"do_sample": True, "top_k": 0, "top_p": 0.02},
        {"do_sample": True, "top_k": 0, "min_p": 0.1}, {"do_sample": True, "top_k": 0, "min_p": 0.6},
        {"do_sample": True, "top_k": 0, "typical_p": 0.9}, {"do_sample": True, "top_k": 0, "typical_p": 0.2},
        {"do_sample": True, "top_k": 0, "typical_p": 0.6}, {"do_sample": True, "top_k": 0, "epsilon_cutoff": 0.03},
        {"do_sample": True, "top_k": 0, "eta_cutoff": 0.05}, {"do_sample": True, "top_k": 0, "eta_cutoff": 0.4},
        {"do_sample": True, "top_k": 0, "top_p": 0.05, "num_beams": 3, "eos_token_id": [2, 3]},
        {"do_sample": True, "top_k": 1, "num_beams": 3, "eos_token_id": [2, 3]},
        {"do_sample": True, "top_k": 0, "min_p": 0.9, "num_beams": 3, "eos_token_id": [2, 3]},
        {"do_sample": True, "top_k": 0, "typical_p": 0.05, "num_beams": 3},
        {"do_sample": True, "top_k": 0, "epsilon_cutoff": 0.9, "num_beams": 3},
        {"do_sample": True, "temperature": 0.8, "top_k": 12, "top_p": 0.9, "min_p": 0.02, "typical_p": 0.95, "repetition_penalty": 1.2,
         "no_repeat_ngram_size": 2, "bad_words_ids": [[9]], "min_new_tokens": 3, "eos_token_id": 2, "suppress_tokens": [4], "renormalize_logits": True},
        {"encoder_repetition_penalty": 1.2, "repetition_penalty": 1.1, "no_repeat_ngram_size": 3, "encoder_no_repeat_ngram_size": 2,
         "bad_words_ids": [[9], [8, 7]], "min_length": 5, "eos_token_id": 2, "forced_eos_token_id": 2, "remove_invalid_values": True,
         "exponential_decay_length_penalty": (1, 1.3), "begin_suppress_tokens": [4]},
    ]
    for options in grid:
        for prompt_length, new in ((1, 0), (1, 1), (4, 0), (3, 5), (2, 7)):
            if options.get("do_sample") and (prompt_length, new) in ((1, 1), (4, 0)):
                continue
            if prompt_length + new == 1 and options.keys() & {"bad_words_ids", "sequence_bias"}:
                continue  # transformers 4 does not apply a sequence of two ids after one
            length = prompt_length + new
            ids = torch.randint(0, 7, (1, length), generator=generator)
            encoder = torch.randint(0, 9, (1, 6), generator=generator)
            scores = rounded(torch.randn(1, size, generator=generator) * 2, 10)
            config = GenerationConfig(**options)
            if transformers.__version__.startswith("5"):
                config.update(**GenerationConfig._get_default_generation_params(), defaults_only=True)
            config.max_length = 10
            eos = options.get("eos_token_id")
            config._eos_token_tensor = None if eos is None else torch.tensor([eos] if isinstance(eos, int) else eos)
            merged = GenerationMixin._get_logits_processor(
                toy, generation_config=config, input_ids_seq_length=prompt_length, encoder_input_ids=encoder,
                prefix_allowed_tokens_fn=None, logits_processor=[], device="cpu", model_kwargs={},
            )
            out = merged(ids, scores.clone())[0]
            cases.append({
                "options": options, "promptLength": prompt_length, "ids": ids[0].tolist(), "encoderIds": encoder[0].tolist(),
                "scores": [number(x) for x in scores[0].tolist()], "expected": [number(x) for x in out.tolist()],
            })
    return {"vocabSize": size, "maxLength": 10, "cases": cases}


def lookups():
    cases = []
    generator = torch.Generator().manual_seed(5)
    for i in range(60):
        length = int(torch.randint(1, 16, (1,), generator=generator))
        ids = torch.randint(0, 5, (1, length), generator=generator)
        count, ngram = 1 + i % 5, 1 + i % 3
        max_length = length + 1 + i % 7
        eos = [4] if i % 2 else []
        lookup = candidate_generator.PromptLookupCandidateGenerator(
            eos_token_id=torch.tensor(eos or [-1]), num_output_tokens=count,
            max_matching_ngram_size=ngram, max_length=max_length,
        )
        found, _ = lookup.get_candidates(ids)
        cases.append({"ids": ids[0].tolist(), "count": count, "maxMatchingNgramSize": ngram, "maxLength": max_length,
                      "eosTokenId": eos, "expected": found[0, length:].tolist()})
    return cases


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    check = "--check" in sys.argv
    if not check and not transformers.__version__.startswith("4.57"):
        sys.exit("install transformers 4.57.6, or pass --check")
    for name, make in (("beams", beams), ("processors", processors), ("lookups", lookups)):
        text = json.dumps(make(), separators=(",", ":")) + "\n"
        path = HERE / f"{name}.json"
        if not check:
            path.write_text(text)
            print(name, len(text))
            continue
        old, new = json.loads(path.read_text()), json.loads(text)
        before, after = (x if isinstance(x, list) else x["cases"] for x in (old, new))
        different = [i for i, (a, b) in enumerate(zip(before, after)) if a != b]
        print(name, len(after), "cases,", len(different), "differ")
        for i in different[:10]:
            print(before[i]["expected"], after[i]["expected"], before[i].get("options"), sep="\n  ")


if __name__ == "__main__":
    main()
