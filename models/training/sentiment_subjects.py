"""Who and what the sentences of sentiment_data.py are about: people, things, the gaps of a pattern."""

import dataclasses

from sentiment_words import (
    ANIMALS, COLOURS, FOODS, FRIENDS, INTENSIFIERS, JUDGED, MONTHS, NAMES_HE, NAMES_SHE, NEGATIVE, NEUTRAL, NUMBERS, OBJECTS,
    PEOPLE_ANY, PEOPLE_HE, PEOPLE_MANY, PEOPLE_SHE, PLACES, POSITIVE, THINGS, TREATS,
)  # fmt: skip

ONSETS = "b br c ch d f fl g gr h j k l m n p pr r s sh st t th tr v w z".split()
VOWELS = "a e i o u ai ee oo ea ou".split()
CODAS = ["", "", "n", "r", "l", "s", "t", "m", "ck", "nd", "x", "ng"]


@dataclasses.dataclass(frozen=True)
class Who:
    """Somebody a sentence is about. `number` is 1 for I, 2 for you and all that is many, 3 for he, she and it."""

    subject: str
    later: str  # the pronoun once the name has been said
    him: str
    his: str
    number: int

    def verb(self, plain, third, past, present):
        return (third if self.number == 3 else plain) if present else past

    def be(self, present):
        if present:
            return {1: "am", 2: "are", 3: "is"}[self.number]
        return "were" if self.number == 2 else "was"

    def again(self):
        return dataclasses.replace(self, subject=self.later)


I = Who("i", "i", "me", "my", 1)
YOU = Who("you", "you", "you", "your", 2)
WE = Who("we", "we", "us", "our", 2)
THEY = Who("they", "they", "them", "their", 2)
HE = Who("he", "he", "him", "his", 3)
SHE = Who("she", "she", "her", "her", 3)


# words that share a frame
NAMES = NAMES_HE + NAMES_SHE
TOPICS, ACTED_ON, BODIES = JUDGED + THINGS, FOODS + JUDGED + THINGS + ANIMALS + OBJECTS, PEOPLE_HE + PEOPLE_SHE + PEOPLE_ANY


class Scene:
    """A generator that comes back to the things and places it has spoken of, as a text does."""

    TABLES = (THINGS, PLACES, FRIENDS, ANIMALS, JUDGED, FOODS, OBJECTS, TREATS, TOPICS, ACTED_ON, BODIES, MONTHS)

    def __init__(self, rng):
        self.rng = rng
        self.random, self.randrange, self.choices = rng.random, rng.randrange, rng.choices
        self.kept = {id(table): [rng.choice(table) for _ in range(2)] for table in self.TABLES}

    def choice(self, options):
        kept = self.kept.get(id(options))
        return self.rng.choice(kept if kept and self.rng.random() < 0.7 else options)


def chance(rng, p):
    return rng.random() < p


def invented(rng):
    """A word that means nothing, so that strange words come to say nothing of feeling."""
    return "".join(rng.choice(ONSETS) + rng.choice(VOWELS) + rng.choice(CODAS) for _ in range(rng.choice((1, 2, 2, 3))))


def someone(rng):
    roll = rng.random()
    if roll < 0.16:
        return rng.choice((HE, SHE))
    if roll < 0.34:
        return rng.choice((I, I, I, WE, THEY, YOU))
    if roll < 0.5:
        he = chance(rng, 0.5)
        name = rng.choice(NAMES_HE if he else NAMES_SHE) if chance(rng, 0.7) else invented(rng)
        return dataclasses.replace(HE if he else SHE, subject=name.lower())
    article = rng.choice(("the", "the", "the", "the", "my", "my", "our", "his", "her", "a", "that", "their", "every"))
    if roll < 0.65:
        return dataclasses.replace(HE, subject=f"{article} {rng.choice(PEOPLE_HE)}")
    if roll < 0.8:
        return dataclasses.replace(SHE, subject=f"{article} {rng.choice(PEOPLE_SHE)}")
    if roll < 0.93:
        noun = rng.choice(PEOPLE_ANY) if chance(rng, 0.85) else invented(rng)
        return dataclasses.replace(rng.choice((HE, SHE)), subject=f"{article} {noun}")
    if article in ("a", "that", "every"):
        article = rng.choice(("all", "both", "these", "some"))
    return dataclasses.replace(THEY, subject=f"{article} {rng.choice(PEOPLE_MANY)}")


def fill(rng, pattern, who):
    """A pattern with its gaps filled."""
    if "{" not in pattern:
        return pattern
    thing = invented(rng) if chance(rng, 0.1) else rng.choice(THINGS)
    return pattern.format(
        his=who.his,
        him=who.him,
        he=who.later,
        thing=thing,
        things=thing if thing.endswith("s") else f"{thing}s",
        friend=rng.choice(FRIENDS),
        treat=rng.choice(TREATS),
        object=rng.choice(OBJECTS),
        place=invented(rng) if chance(rng, 0.1) else rng.choice(PLACES),
        animal=rng.choice(ANIMALS),
        colour=rng.choice(COLOURS),
        number=rng.choice(NUMBERS),
        food=rng.choice(FOODS),
        name=rng.choice(NAMES).lower(),
    )


def degree(rng, word):
    return f"{rng.choice(INTENSIFIERS)} {word}" if chance(rng, 0.35) else word


def article(word):
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}".replace("an a bit ", "a ").replace("an a little ", "a ").replace("a so ", "a very ")


def subject_thing(rng):
    """What a judgement is about, as a subject: "the film", "this"; and whether it is food."""
    if chance(rng, 0.12):
        return rng.choice(("it", "it", "this", "that", "everything")), False
    food = chance(rng, 0.25)
    noun = rng.choice(FOODS if food else TOPICS) if chance(rng, 0.9) else invented(rng)
    return f"{rng.choice(('the', 'the', 'the', 'this', 'this', 'that', 'my', 'our', 'her', 'his', 'your'))} {noun}", food


def object_thing(rng):
    if chance(rng, 0.15):
        return rng.choice(("it", "this", "that", "him", "her", "them", "everything about it", "you"))
    if chance(rng, 0.12):
        return rng.choice((f"going to the {rng.choice(PLACES)}", f"playing with {rng.choice(('my', 'his', 'her'))} {rng.choice(FRIENDS)}",
                           f"reading the {rng.choice(('book', 'story'))}", f"{rng.choice(ANIMALS)}s", rng.choice(MONTHS)))  # fmt: skip
    noun = rng.choice(ACTED_ON) if chance(rng, 0.9) else invented(rng)
    return f"{rng.choice(('the', 'the', 'the', 'this', 'that', 'my', 'his', 'her', 'our', 'your'))} {noun}"


def opposite(label):
    return {NEGATIVE: POSITIVE, POSITIVE: NEGATIVE, NEUTRAL: NEUTRAL}[label]
