"""A probabilistic grammar of short stories, of which the probability of every text is known.

    from random import Random
    from grammar import story, parse

    told = story(Random(1))
    told.text         # "Once upon a time, there was a shy fox named Ida. She lived in ..."
    told.sentences    # the same as a list: text == " ".join(sentences)
    told.sentiments   # one "positive" | "negative" | "neutral" for every sentence
    told.sentiment    # of the whole story: how it ends
    told.plot         # "found" | "lost" | "making" | "rescue" | "sharing"
    told.log_prob     # natural log of the text's probability, exact: summed over all derivations of the text
    parse(told.text)  # the same number for any text; None for a text that the grammar cannot tell
    sample(Random(1)) # as story, quicker: log_prob is that of the draws made, one derivation of the text

A story is told by a program (`tell`) that draws from lists: which sentence comes next, and what fills its blanks. The same
program is run in two ways. `story` draws at random. `parse` follows every draw that agrees with the text so far, which finds
all derivations of the text, and adds up their probabilities. So no proof is needed that a text has one derivation only, and
generator and recogniser cannot disagree. What a story mentions again agrees with what it said before: names and pronouns,
an animal's home and food, season and weather, a place and what lies there, the found thing and its colour, what is left
after some were given away. An unseen choice (a character's gender) is drawn only when the first word depends on it.
"""

import math
import re
from dataclasses import dataclass

from story_words import REMEMBERED, WORDS

SENTIMENTS = {"+": "positive", "-": "negative", "=": "neutral"}

# A template's first character is its sentiment. {field} is filled from WORDS, {a field} puts "a" or "an" before it.
OPENINGS = [
    "=Once upon a time, there was {a look} {kind} named {name}.",
    "=Once upon a time, {a look} {kind} named {name} lived in {land}.",
    "=In {land}, there lived {a look} {kind} called {name}.",
    "=There once was {a look} {kind} whose name was {name}.",
    "=One day, {a look} {kind} named {name} woke up very early.",
    "={name} was {a look} {kind}.",
]
HOMES = [
    "={She} lived in {home}.",
    "={She} lived in {home} with {her} {family}.",
    "={Her} home was {home}.",
    "=Every day {she} ate {food} with {her} {family}.",
    "+{She} loved {food} more than anything else.",
    "+{name} was always {glad}.",
    "-{name} was often {sorry}.",
    "+Everybody liked {name}.",
    "-Nobody played with {name}.",
]
SEASONS = ["=It was {season}.", "={season_} had come.", "=It was a day in {season}."]
DRESSING = ["={name} put on {her} {clothes}.", "={Her} {family} gave {him} {her} {clothes}.", "={name} took {her} {clothes} and went out."]
GOING = [
    "={when}, {name} {moved} to the {place}.",
    "={when}, {name} {moved} to the {place} to {do}.",
    "={name} wanted to {do}, so {she} {moved} to the {place}.",
    '="I will go to the {place} and {do}," said {name}.',
]
MEETING = [
    "=Then {a look} {kind2} named {name2} came along.",
    "={a_ look} {kind2} named {name2} was there, too.",
    "=There {she} met {a look} {kind2} named {name2}.",
    "=Soon {a look} {kind2} {moved2} up to {him} and said, \"I am {name2}.\"",
]

FINDING = [
    "=There {she} found {a colour} {thing} {spot}.",
    "={a_ colour} {thing} lay {spot}.",
    "=Something {colour} lay {spot}, and it was {a thing}.",
    "={name} looked {spot} and saw {a colour} {thing}.",
]
ADMIRING = [
    '+"What {a nice} {thing}!" said {name}.',
    "+It was the most beautiful {thing} in the world.",
    "=It was old and a little dusty.",
    "={She} picked it up and looked at it.",
    "+{She} was {glad} about it.",
]
MISSING = [
    '-"I have lost my {colour} {thing}," said {name2}.',
    "-{name2} was crying because {her2} {thing} was gone.",
    '-{name2} looked very {sorry} and asked, "Where is my {thing}?"',
    '="Did you see {a colour} {thing}?" asked {name2}.',
]
FOUND = {
    "+": [
        "+{name} gave the {thing} back to {name2}, who jumped for joy.",
        '+"Here it is," said {name}, and {name2} smiled and thanked {him}.',
        "+{name} gave {him2} the {thing}, and they played with it all day.",
    ],
    "-": [
        '-"The {thing} is mine now!" said {name} and ran away.',
        "-They both pulled at the {thing} until it broke.",
        "-{name} hid the {thing} and told a lie, and {name2} cried.",
    ],
    "=": [
        "={name2} took the {thing} and went on.",
        "={name} put the {thing} back {spot}.",
        "=It was not the same {thing}, so {name2} went on.",
    ],
}

GIVEN = [
    "={Her} {family} had given {him} {a colour} {thing}.",
    "={name} had {a colour} {thing} from {her} {family}.",
    "={She} owned {a colour} {thing} and took it everywhere.",
]
LOSING = [
    "-At the {place}, {she} lost the {thing}.",
    "-But in the evening, the {thing} was gone.",
    "-On the way, the {colour} {thing} fell down, and {she} did not notice.",
]
SEARCHING = [
    "={She} looked {spot}, but the {thing} was not there.",
    "={name} searched {spot} and found nothing.",
    "-{She} looked everywhere and was very {sorry}.",
]
OFFERING = ['+"I will help you," said {name2} in a friendly voice.', "={name2} began to search, too.", '="What are you looking for?" asked {name2}.']
LOST = {
    "+": [
        '+"Here is your {colour} {thing}!" cried {name2} at last.',
        "+{name2} found the {thing} {spot} and gave it to {name}.",
        "+At last they saw the {colour} {thing} {spot}, and {name} danced for joy.",
    ],
    "-": [
        "-They searched until it was dark, but the {thing} was lost for ever.",
        "-They found the {thing} {spot}, but it was broken.",
        '-"I think a thief took your {thing}," said {name2}, and {name} began to cry.',
    ],
    "=": ['="We can look again tomorrow," said {name2}.', "={name} said that {a colour} {thing} is not so important.", "=They talked about the {thing} and sat down {spot}."],
}

WISHING = [
    "={when}, {name} wanted to {project}.",
    "={name} had a plan: {she} wanted to {project}.",
    '="Today I will {project}," said {name}.',
]
NEEDING = ["={She} needed {tool} for it.", "=For the {work}, {she} took {tool}.", "={Her} {family} gave {him} {tool}."]
JOINING = ["={name2} helped {him} with the {work}.", "={name2} brought {tool}.", '+"That is {a nice} idea!" said {name2}.', '-"That is {a bad} idea!" said {name2}.']
MAKING = {
    "+": ["+In the end, the {work} {success}.", "+The {work} {success}, and everybody was {glad}.", '+"Look, what {a nice} {work}!" said {name2}, for it {success}.'],
    "-": ["-In the end, the {work} {failure}.", "-The {work} {failure}, and everybody was {sorry}.", '-"Oh no, what {a bad} {work}!" said {name2}, for it {failure}.'],
    "=": ["=In the evening, the {work} was half done.", "=Then it was time for supper, and the {work} had to wait.", "=The {work} took the whole day."],
}

CRYING = [
    "-Suddenly {she} heard a cry for help.",
    "-{a_ kind2} named {name2} {trouble}.",
    "-There {she} saw {a kind2} named {name2}, who {trouble}.",
]
WHO = ["-It was {a look} {kind2} named {name2}, who {trouble}.", "-It was {name2} the {kind2}, who {trouble}."]
RUNNING = [
    "={name} ran and fetched {help}.",
    "+{name} was brave and came with {help}.",
    '="Wait, I will get {help}!" called {name}.',
    "-{name} was {sorry} and did not know what to do.",
]
RESCUE = {
    "+": ["+With {help}, {name} saved {name2}.", "+{name2} took hold of {help} and was safe again.", '+"Thank you, you saved me!" said {name2} with a smile.'],
    "-": ["-But {name} came too late, and {name2} was badly hurt.", "-But {help} broke, and nobody could help {name2}.", "-{name} was too scared and left {name2} alone."],
    "=": ["=But {name2} got free without any help.", '="It is nothing," said {name2} and stood up.', "=Then {her2} {family} came and took {name2} home."],
}

HAVING = ["={name} had {all} {food} in {her} bag.", "={Her} {family} gave {name} {all} {food}.", "={name} carried {all} {food} in a basket."]
HUNGER = ['="I am so hungry," said {name2}.', "-{name2} had nothing to eat and was {sorry}.", '="May I have some {food}?" asked {name2}.']
SHARING = {
    "+": ["+{name} gave {him2} {given} of the {food} and kept {left}.", '+"Take {given}, then I have {left}," said {name} with a smile.'],
    "-": ["-{name2} stole {given} of the {food}, and only {left} remained.", '-"Go away, all {all} are mine!" said {name} in {a bad} voice.'],
    "=": ["={name} sold {name2} {given} of the {food} and had {left} left.", "={name2} did not like {food} and went on, so {name} still had {all}."],
}

ENDINGS = {
    "+": [
        "+{name} and {name2} became best friends.",
        "+{name} felt like the luckiest {kind} in the world.",
        "+It was {a nice} day for {name} and {name2}.",
        "+They laughed and sang until the evening.",
        "+{Her} {family} was very proud of {him}.",
        "+They went home together, and both were {glad}.",
    ],
    "-": [
        "-{name} and {name2} never spoke to each other again.",
        "-{name} felt like the loneliest {kind} in the world.",
        "-It was {a bad} day for {name} and {name2}.",
        "-{name} went home alone and cried all night.",
        "-{Her} {family} was very angry with {him}.",
        "-They went home without a word, and both were {sorry}.",
    ],
    "=": [
        "={name} said goodbye to {name2} and went home.",
        "=In the evening, {she} told {her} {family} about it.",
        "=The next day, {name} and {name2} did other things.",
        "=So {name} went home to {home}.",
        "=After that, {name} went to bed.",
        "=Then {name} ate some {food} and rested.",
    ],
}
CLOSINGS = ["=Outside, {late}.", "=That night, {late}, and {name} fell asleep.", "=And that is the story of {name} the {kind}.", "=The end."]


@dataclass
class Story:
    sentences: list[str]
    sentiments: list[str]
    sentiment: str
    plot: str
    log_prob: float

    @property
    def text(self):
        return " ".join(self.sentences)


class Disagrees(Exception):
    """The text that is being parsed goes on differently."""


BLANK = re.compile(r"\{([^}]*)\}")
# a template as what is said one after another: (literal, field, article) for every blank, then the rest
PIECES = {}


def pieces(template):
    if template not in PIECES:
        parts = BLANK.split(template[1:])
        blanks = []
        for literal, blank in zip(parts[0::2], parts[1::2]):
            article, _, field = blank.rpartition(" ")
            blanks.append((literal, field, article))
        PIECES[template] = (blanks, parts[-1])
    return PIECES[template]


class Telling:
    """A story being told: what is fixed so far. Its subclasses choose and speak."""

    def __init__(self):
        self.fields = {}
        self.log_prob = 0.0
        self.sentiments = []

    def choose(self, count):
        """One of `count` equally likely choices: its index."""
        raise NotImplementedError

    def begin(self):
        """A new sentence."""
        raise NotImplementedError

    def speak(self, piece):
        """The next piece of the sentence."""
        raise NotImplementedError

    def draw(self, count):
        self.log_prob -= math.log(count)
        return self.choose(count)

    def pick(self, options):
        return options[0] if len(options) == 1 else options[self.draw(len(options))]

    def get(self, field):
        """The value of a field: the one already mentioned, or else one drawn now."""
        if field in self.fields:
            return self.fields[field]
        options = WORDS[field]
        value = self.pick(options(self) if callable(options) else options)
        if field in REMEMBERED:
            self.fields[field] = value
        return value

    def say(self, templates):
        """One sentence, made from one of the templates."""
        template = self.pick(templates)
        self.begin()
        self.sentiments.append(SENTIMENTS[template[0]])
        blanks, rest = pieces(template)
        for literal, field, article in blanks:
            self.speak(literal)
            capital = field.endswith("_") or article == "a_"
            word = self.get(field.rstrip("_"))
            if article:
                word = ("an " if word[0] in "aeiou" else "a ") + word
            self.speak(word[0].upper() + word[1:] if capital else word)
        self.speak(rest)
        return template

    def maybe(self, templates):
        """A sentence or none, equally likely."""
        if self.draw(2):
            self.say(templates)
            return True
        return False


def found(story):
    story.say(GOING)
    story.say(FINDING)
    story.maybe(ADMIRING)
    story.say(MEETING)
    story.say(MISSING)
    return FOUND


def lost(story):
    story.say(GIVEN)
    story.say(GOING)
    story.say(LOSING)
    story.maybe(SEARCHING)
    story.say(MEETING)
    story.say(OFFERING)
    story.maybe(SEARCHING)
    return LOST


def making(story):
    story.say(WISHING)
    story.maybe(NEEDING)
    story.say(MEETING)
    story.say(JOINING)
    return MAKING


def rescue(story):
    story.say(GOING)
    if "name2" not in story.fields:
        story.say(CRYING)
    if "name2" not in story.fields:
        story.say(WHO)
    story.say(RUNNING)
    return RESCUE


def sharing(story):
    story.say(HAVING)
    story.say(GOING)
    story.say(MEETING)
    story.say(HUNGER)
    return SHARING


PLOTS = [found, lost, making, rescue, sharing]


def tell(story):
    """Tells a story; returns its plot and how it ends ("+", "-" or "=")."""
    story.say(OPENINGS)
    story.maybe(HOMES)
    if story.maybe(SEASONS):
        if story.draw(2):
            story.say([f"={sentence}" for sentence in WORDS["sky"](story)])
        story.maybe(DRESSING)
    plot = story.pick(PLOTS)
    outcomes = plot(story)
    ending = story.pick(["+", "-", "="])
    story.say(outcomes[ending])
    story.say(ENDINGS[ending])
    story.maybe(CLOSINGS)
    return plot.__name__, ending


class Drawing(Telling):
    """Draws at random and writes down what is said."""

    def __init__(self, rng):
        super().__init__()
        self.rng = rng
        self.said = []

    def choose(self, count):
        return int(self.rng.random() * count)

    def begin(self):
        self.said.append([])

    def speak(self, piece):
        self.said[-1].append(piece)


class Following(Telling):
    """Makes the draws of `path`, then first choices, noting the others in `open`; stops where it disagrees with the text."""

    def __init__(self, text, path, open_paths):
        super().__init__()
        self.text, self.path, self.open = text, path, open_paths
        self.at = self.drawn = 0

    def choose(self, count):
        if self.drawn == len(self.path):
            self.open.extend([*self.path, other] for other in range(1, count))
            self.path = [*self.path, 0]
        choice = self.path[self.drawn]
        self.drawn += 1
        return choice

    def begin(self):
        if self.at:
            self.speak(" ")

    def speak(self, piece):
        if not self.text.startswith(piece, self.at):
            raise Disagrees
        self.at += len(piece)


def derivations(text):
    """The log probability of every derivation of a text."""
    found_paths = []
    open_paths = [[]]
    while open_paths:
        following = Following(text, open_paths.pop(), open_paths)
        try:
            tell(following)
        except Disagrees:
            continue
        if following.at == len(text):
            found_paths.append(following.log_prob)
    return found_paths


def parse(text):
    """The natural log of a text's probability, or None where no story of the grammar reads so."""
    log_probs = derivations(text)
    if not log_probs:
        return None
    highest = max(log_probs)
    return highest + math.log(math.fsum(math.exp(log_prob - highest) for log_prob in log_probs))


def sample(rng):
    """A story drawn with `rng` (random.Random), with the log probability of the draws."""
    telling = Drawing(rng)
    plot, ending = tell(telling)
    return Story(["".join(said) for said in telling.said], telling.sentiments, SENTIMENTS[ending], plot, telling.log_prob)


def story(rng):
    """A story drawn with `rng` (random.Random), with the log probability of its text."""
    told = sample(rng)
    told.log_prob = parse(told.text)
    return told
