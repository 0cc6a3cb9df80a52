"""Texts whose feeling is stated, with their labels, and paragraphs of them to pretrain on.

A text's label follows one rule: what is stated last about feeling counts, a negation turns it round, and between two halves the
main clause decides ("although he was sad, he smiled" is positive). Statements of fact, negated or not, are neutral.
Everything is drawn from the generator that is passed in, so a seed names a text.
"""

from grammar import sample
from sentiment_frames import attributed, contrasted, cry, joined, negated, plain
from sentiment_subjects import NAMES, Scene, chance, opposite, someone
from sentiment_words import LABELS, NEGATIVE, NEUTRAL, POSITIVE

KINDS = {"plain": plain, "negation": negated, "contrast": contrasted, "reason": joined, "cry": cry, "attribute": attributed}
SHARES = {"plain": 38, "negation": 22, "contrast": 18, "reason": 14, "cry": 5, "attribute": 3}


def written(rng, text, label):
    """A clause as a sentence: capitals, an end, sometimes a smiley. The tokenizer does not see capitals; readers do."""
    text = text.replace(" ,", ",").replace("i am ", "i'm ") if chance(rng, 0.3) else text.replace(" ,", ",")
    if chance(rng, 0.2):
        text = text.replace(" he is ", " he's ").replace(" she is ", " she's ").replace("it is ", "it's ").replace("that is ", "that's ")
    capital = ". ".join(part[:1].upper() + part[1:] for part in text.split(". "))
    capital = " ".join("I" if word == "i" else "I'm" if word == "i'm" else word for word in capital.split(" "))
    for name in NAMES:
        if name.lower() in capital:
            capital = " ".join(name if word == name.lower() else word for word in capital.split(" "))
    question = label == NEUTRAL and text.split(" ")[0] in ("what", "where", "how", "who", "which", "when", "can", "do", "is")
    end = "?" if question else rng.choice((".", ".", ".", ".", ".", "!", "!" if label != NEUTRAL else ".", ""))
    smiley = {POSITIVE: ":)", NEGATIVE: ":("}.get(label)
    return f"{capital}{end} {smiley}" if smiley and chance(rng, 0.02) else f"{capital}{end}"


def mistyped(rng, text):
    """One letter of the text lost, doubled, changed or swapped with the next."""
    at = rng.randrange(1, max(2, len(text) - 1))
    letter = text[at : at + 1]
    return rng.choice((
        text[:at] + text[at + 1 :],
        text[:at] + letter * rng.choice((2, 3)) + text[at + 1 :],
        text[:at] + rng.choice("abcdefghijklmnopqrstuvwxyz") + text[at + 1 :],
        text[:at] + text[at + 1 : at + 2] + letter + text[at + 2 :],
    ))  # fmt: skip


def sentence(rng, label, who=None, kind=None):
    """One sentence of the label: its text and its kind."""
    kind = kind or rng.choices(list(SHARES), SHARES.values())[0]
    return written(rng, KINDS[kind](rng, label, who or someone(rng)), label), kind


def paragraph(rng, label, length):
    """Sentences about one person in one mood: what a text is made of whose sentences follow one another."""
    who = someone(rng)
    scene = Scene(rng)
    mood = []
    for i in range(length):
        stated = label if chance(rng, 0.75) else NEUTRAL
        named = who if i == 0 or chance(rng, 0.25) else who.again()
        mood.append(sentence(scene, stated, named, rng.choice(("plain", "plain", "negation", "reason")))[0])
    return [text if text[-1] in ".!?()" else f"{text}." for text in mood]


def told(rng, label):
    """Some sentences on end of a story of the grammar, whose sentences have their labels."""
    while True:
        story = sample(rng)
        start = rng.randrange(len(story.sentences))
        end = rng.randint(start + 1, min(len(story.sentences), start + rng.choice((1, 1, 2, 4, 12))))
        stated = [LABELS.index(each) for each in story.sentiments[start:end]]
        if ([each for each in stated if each != NEUTRAL] or [NEUTRAL])[-1] == label:
            return " ".join(story.sentences[start:end])


def text(rng, kind=None):
    """A text to classify: (text, label, kind). A label is drawn first, so each is as frequent as the others."""
    label = rng.choice((NEGATIVE, NEUTRAL, POSITIVE))
    who = someone(rng)
    roll = rng.random()
    if kind is None and roll < 0.24:
        kind = "several" if roll < 0.12 else "story"
    if kind == "story":
        made_text = told(rng, label)
    elif kind == "several":
        parts = []
        before = rng.choice((label, NEUTRAL, NEUTRAL, opposite(label)))
        for i in range(rng.choice((1, 1, 2, 3, 3, 6, 12))):
            parts.append(sentence(rng, before, who if i == 0 else who.again())[0])
        parts.append(sentence(rng, label, who.again())[0])
        if chance(rng, 0.3):
            parts.append(sentence(rng, NEUTRAL, who.again())[0])
        made_text = " ".join(part if part[-1] in ".!?():" else f"{part}." for part in parts)
    else:
        made_text, kind = sentence(rng, label, who, kind)
    if chance(rng, 0.06):
        made_text = mistyped(rng, made_text)
    return made_text, label, kind


__all__ = ["LABELS", "NEGATIVE", "NEUTRAL", "POSITIVE", "paragraph", "sentence", "text"]
