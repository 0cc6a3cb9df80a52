"""The model card of models/stories, with the figures that stories.py measured."""


def quoted(text):
    return f"> {text}"


def card(config, generation, figures):
    heat = generation["temperature"]
    share = {temperature: f"{100 * part:.1f} %" for temperature, part in figures["grammatical"].items()}
    drawn = "\n>\n".join(map(quoted, figures["samples"]))
    greedy = "a story of the grammar" if figures["greedy_is_grammatical"] else "no story of the grammar"
    return f"""---
license: apache-2.0
language: en
pipeline_tag: text-generation
---

# stories

Tells short children's stories in English. A causal language model in Llama's layout, trained from nothing on the stories of a
grammar: {figures["parameters"]:,} parameters, of which {config["vocab_size"] * config["hidden_size"]:,} are the tied embedding; {config["num_hidden_layers"]} layers of {config["hidden_size"]}, {config["num_attention_heads"]} heads of queries over {config["num_key_value_heads"]} of
keys and values, gated feed-forward of {config["intermediate_size"]}, rotary positions; a byte-level BPE of {config["vocab_size"]} tokens of its own; float16.

```js
import {{ Decoder }} from 'wasmformer';
import {{ stories }} from 'wasmformer-models';

const model = await Decoder.fromPretrained(stories);
for await (const {{ text }} of model.generate('One day', {{ seed: 1 }})) process.stdout.write(text);
```

Without options it draws at temperature {heat} (`generation_config.json`): another story for every seed. Drawn from nothing:

{drawn}

## Data

`models/training/grammar.py` draws a story sentence by sentence: a hero with a name and a home, perhaps a season, one of five
plots (something found, lost, made, shared, somebody rescued), a second character, a good, a bad or an open end. What is
mentioned again agrees with what came before: names and pronouns, the food of an animal, the season's weather and clothes, a
place and what lies there, the thing and its colour, how many are left of those given away. The probability of every text is
known, and the same program recognises what it can tell (`parse`). No text of other people is in the data.

## Training

`python models/training/stories.py`: {figures["stories"]:,} stories, drawn as they are needed, none of them twice; AdamW; some 12 minutes on one processor
core. The seed is fixed: the same versions of PyTorch and tokenizers on the same kind of machine give the same weights.

## Figures

Of the float16 weights, on {figures["held_out"]:,} stories that were not trained on ({figures["tokens"]:.1f} tokens each, the end of the text included, its
beginning not). The entropy is that of the grammar on the same tokens, -log p of the same stories: no model can do better on
average, and one that does as well has learnt the grammar whole.

| nats            | model | grammar | difference |
| --------------- | ----- | ------- | ---------- |
| for every token | {figures["loss"]:.3f} | {figures["entropy"]:.3f}   | {figures["loss"] - figures["entropy"]:.4f}     |
| for every story | {figures["story_loss"]:.2f} | {figures["story_entropy"]:.2f}   | {figures["story_loss"] - figures["story_entropy"]:.2f}       |

Grammatical, that is a story which the grammar can tell word for word: {share[1.0]} of {figures["sampled"]} texts drawn at temperature 1 ({figures["distinct"]} of them
distinct), {share[heat]} at {heat}. The likeliest text from nothing is {greedy}.

## Limits

It knows what the grammar knows: some 600 words, five plots, texts of 6 to 15 sentences. A prompt should begin like a story
("Once upon a time", "One day", "In a green valley", "Tom was"); behind other words, or names that it has not seen, it goes
on as best it can, and agreement is lost first. A story is at most about 250 tokens; positions beyond are untrained.
It has no knowledge of the world and is of no use as an assistant.
"""
