"""The model cards of models/sentiment, with the figures that sentiment.py measured."""

LICENCE = "---\nlicense: apache-2.0\nlanguage: en\npipeline_tag: {task}\n---\n"


def percent(share):
    return f"{100 * share:.1f} %"


def table(rows):
    """A Markdown table whose columns are as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def classifier(figures):
    by_kind = figures["classification"]
    kinds = {
        "all": "all",
        "plain": "plain statements",
        "negation": "negations",
        "contrast": "two halves that disagree",
        "reason": "a feeling and its reason",
        "attribute": "an adjective before a noun",
        "cry": "exclamations, questions, phrases",
        "several": "several sentences",
        "story": "stories of the grammar",
    }
    rows = [("held-out texts", "right")]
    rows += [(name, percent(by_kind[kind])) for kind, name in kinds.items() if kind in by_kind]
    rows.append(("sentences written by hand", percent(figures["by_hand"])))
    return f"""{LICENCE.format(task="text-classification")}
# sentiment

Whether a short English text states a good feeling, a bad one or none: `positive`, `negative`, `neutral`. A BERT of
{figures["parameters"]:,} parameters (3 layers of 64, 4 heads, {figures["positions"]} positions, a lower-casing WordPiece of {figures["vocabulary"]:,}
pieces), float16, trained from nothing by every step of BERT's recipe. It shows how an encoder is made and what it can do at
that size; it is no tool to judge people's reviews with.

```js
import {{ Encoder }} from 'wasmformer';
import {{ sentiment }} from 'wasmformer-models';

const encoder = await Encoder.fromPretrained(sentiment);
await encoder.classify('The boy was very sad because he lost his kite.'); // [{{ label: 'negative', score: ... }}]
```

## How it was made

1. WordPiece, trained on the text of step 2. Every letter and digit is a piece too, so that no plain word is unknown.
2. Pretraining of the encoder with a head for masked words and one for the next sentence: `pretrained/`, with a card of its own.
3. Fine-tuning: a classifier on the pooled first token, the whole encoder trained along, one pass over {figures["examples"]:,} texts.

The texts are generated (`models/training/sentiment_data.py`): some 1,500 everyday words in frames for feelings, judgements,
likes, events and facts, a tenth of the names and nouns made up, a few letters mistyped, and stories of the project's own
grammar. The label follows one rule: the feeling that is stated last counts, a negation turns it round, and of two halves that
disagree the main clause decides, or the one after "but". Facts, denied or not, are neutral.

`python models/training/sentiment.py` makes this folder again from its seed in about {figures["minutes"]:.0f} minutes on two cores, with
Muon for the matrices.

## Accuracy

Measured with the float16 weights of this folder. The held-out texts are generated too ({figures["held_out"]:,}, none of them in the training
data); the {figures["hand"]} sentences by hand (`models/training/sentiment_by_hand.tsv`) were written before the first training and use
words and forms that the generator does not have.

{table(rows)}

## Limits

- English, simple sentences. A feeling told in words it was not trained on is mostly taken for none.
- A single label: "good food, bad service" gets that of its second half.
- Denied bad feelings count as good ("he was not sad" is positive), though they may be neither.
- No irony, no quotes, no comparison with what might have been; questions and commands are neutral unless their words are not.
- Letters outside ASCII (accents aside, which are removed) are unknown. At most {figures["positions"]} tokens.
- Scores are sure of themselves, and not calibrated.
"""


def pretrained(figures):
    told = figures["pretraining"]
    rows = [("held-out", "masked words", "next sentence")]
    rows += [(kind, percent(own["mlm"]), percent(own["nsp"])) for kind, own in told.items()]
    return f"""{LICENCE.format(task="fill-mask")}
# sentiment, pretrained

The encoder of `models/sentiment` as it is before it is fine-tuned, with both heads of BERT's pretraining
(`BertForPreTraining`, {figures["pretrained_parameters"]:,} parameters, float16).

```js
import {{ Encoder }} from 'wasmformer';
import {{ sentimentPretrained }} from 'wasmformer-models';

const encoder = await Encoder.fromPretrained(sentimentPretrained);
await encoder.fillMask('The girl was very [MASK] because she won the race.');
await encoder.isNextSentence('Anna had a red kite.', 'She took the kite to the park.');
```

## How it was made

As in Devlin et al. 2018. A pair of segments comes from one document, or (half of the pairs) the second from another document
of the same kind. 15 % of the tokens are to be told: of these 80 % are masked, 10 % replaced by any other and 10 % left. The
losses of both heads are added. {figures["steps"]:,} steps of 64 pairs of up to 64 tokens, every tenth of 8 pairs of {figures["positions"]}.

The documents are generated: half are stories of the project's own grammar (`models/training/grammar.py`), half paragraphs of
everyday sentences about one person (`models/training/sentiment_data.py`), {figures["documents"]:,} in all.

## Accuracy

On {figures["held_out_documents"]:,} held-out documents, with the float16 weights. Much of a paragraph is left to chance (which word, which fact
comes next), so that no model could tell all of it.

{table(rows)}

## Limits

It knows the words and the turns of its two sources. What it fills in elsewhere is a plausible word of theirs; "next" means
that a story or paragraph would go on like that, not that one sentence follows from the other.
"""


def write(folder, figures):
    (folder / "README.md").write_text(classifier(figures))
    (folder / "pretrained" / "README.md").write_text(pretrained(figures))
