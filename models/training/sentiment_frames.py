"""The clauses that sentiment_data.py makes texts of: somebody or something, and what is said of them, each with its label.

Every clause is a function of a generator, the label it is to have and who it is about; it is in lower case and has no end.
"""

from sentiment_subjects import ACTED_ON, BODIES, HE, I, NAMES, TOPICS, article, chance, degree, fill, invented, object_thing, opposite, someone, subject_thing
from sentiment_words import (
    ADVERBS, ANIMALS, ATTITUDES, COLOURS, CRIES, DEEDS, DEGREES, EMOTIONS, EVENTS, EXCESSES, FEELINGS, FOODS, FRIENDS,
    HAPPENINGS, JUDGED, MANY, MATTERS, MONTHS, NEGATIVE, NEUTRAL, NUMBERS, OBJECTS, PEOPLE_ANY, PEOPLE_HE, PEOPLE_MANY,
    PEOPLE_SHE, PLACES, POSITIVE, QUALITIES, SIGNS, STANCES, TASTES, THINGS, TRAITS, UNDONE,
)  # fmt: skip


# --- clauses that state a feeling plainly -----------------------------------------------------------------------------------


def feels(rng, label, who):
    """ "she was very happy" """
    if label == NEUTRAL:
        return f"{who.subject} {who.be(chance(rng, 0.4))} {rng.choice(TRAITS[NEUTRAL])}"
    word = degree(rng, rng.choice(FEELINGS[label]))
    present = chance(rng, 0.4)
    roll = rng.random()
    if roll < 0.6:
        verb = who.be(present)
    elif roll < 0.85:
        verb = who.verb(*rng.choice((("feel", "feels", "felt"), ("look", "looks", "looked"), ("seem", "seems", "seemed"),
                                     ("become", "becomes", "became"), ("get", "gets", "got"), ("sound", "sounds", "sounded"))), present)  # fmt: skip
    else:
        verb = rng.choice((f"{'has' if who.number == 3 else 'have'} been", f"{who.be(present)} feeling", "will be", "made me feel"
                           if who.number == 3 else "felt", f"{who.be(present)} always"))  # fmt: skip
    if chance(rng, 0.1):
        why = rng.choice(("to see {him}", "to hear the news", "to go home", "to be here", "to leave", "to meet the {friend}", "to hear that",
                          "for {him}", "to go to the {place}", "when it was over", "for the {friend}"))  # fmt: skip
        return f"{who.subject} {verb} {word} {fill(rng, why, someone(rng))}"
    if chance(rng, 0.06):
        return f"{who.subject} {verb} so {word.split()[-1]} that {sign(rng, rng.choice((label, NEUTRAL)), who.again())}"
    tail = rng.choice(("", "", "", "", " today", " again", " now", f" about the {rng.choice(JUDGED)}", f" with {who.his} {rng.choice(FRIENDS)}",
                       f" at the {rng.choice(PLACES)}", " all day", f" on {rng.choice(MONTHS)}"))  # fmt: skip
    return f"{who.subject} {verb} {word}{tail}"


def full_of(rng, label, who):
    """ "he was full of joy" """
    noun = rng.choice(EMOTIONS[label])
    friend, event = rng.choice(FRIENDS), rng.choice(JUDGED)
    be = who.be(chance(rng, 0.3))
    return rng.choice((
        f"{who.subject} {be} full of {noun}",
        f"{who.subject} felt {rng.choice(('', 'so much ', 'great ', 'nothing but ', 'only '))}{noun}",
        f"the {event} filled {who.him} with {noun}",
        f"{who.his} heart was full of {noun}",
        f"there was {rng.choice(('', 'so much ', 'a lot of ', 'only '))}{noun} in {who.his} {rng.choice(('heart', 'eyes', 'voice', 'house'))}",
        f"it gave {who.him} {rng.choice(('', 'much ', 'a lot of '))}{noun}",
        f"{who.subject} {rng.choice(('shouted', 'spoke', 'jumped', 'came home', 'looked at the ' + event))} with {noun}",
        f"{who.his} {friend} saw the {noun} in {who.his} face",
    ))  # fmt: skip


def made(rng, label, who):
    """ "the story made her sad" """
    if label == NEUTRAL:
        return f"{who.his} {rng.choice(FRIENDS)} {rng.choice(('gave', 'showed', 'brought', 'sent'))} {who.him} the {rng.choice(THINGS)}"
    what, _ = subject_thing(rng)
    does = {POSITIVE: ("smile", "laugh", "feel good", "feel better"), NEGATIVE: ("cry", "weep", "feel bad", "feel sick")}[label]
    acts = {
        POSITIVE: ("cheered {} up", "was good to {}", "brought {} joy", "put a smile on {} face", "gave {} hope"),
        NEGATIVE: ("broke {} heart", "was too much for {}", "hurt {}", "let {} down", "disappointed {}", "scared {}", "ruined {} day"),
    }[label]
    if chance(rng, 0.3):
        act = rng.choice(acts)
        return f"{what} {act.format(who.his if '} face' in act or '} heart' in act or '} day' in act else who.him)}"
    result = degree(rng, rng.choice(FEELINGS[label])) if chance(rng, 0.65) else rng.choice(does)
    return f"{what} {rng.choice(('made', 'made', 'makes', 'always makes'))} {who.him} {result}"


def judges(rng, label, who):
    """ "the film was wonderful", "it was a sad story" """
    if chance(rng, 0.12):
        return judges_many(rng, label)
    if label == NEGATIVE and chance(rng, 0.06):
        return f"{subject_thing(rng)[0]} {rng.choice(('is', 'was', 'was much'))} too {rng.choice(EXCESSES)}"
    if chance(rng, 0.12):
        return f"{who.subject} {meets(rng)} {article(rng.choice(QUALITIES[label]))} {rng.choice(ACTED_ON)}"
    what, food = subject_thing(rng)
    table = TASTES if food and chance(rng, 0.6) else QUALITIES
    word = rng.choice(table[label])
    be = rng.choice(("is", "was", "was"))
    noun = what.split()[-1] if " " in what else rng.choice(JUDGED)
    roll = rng.random()
    if roll < 0.4:
        verb = be if chance(rng, 0.85) else rng.choice(("looks", "looked", "sounds", "seemed", "turned out", "tastes" if food else "became"))
        return f"{what} {verb} {degree(rng, word)}"
    if roll < 0.52:
        return f"{rng.choice(('it', 'this', 'that'))} {be} {article(degree(rng, word))} {noun}"
    if roll < 0.62:
        more, most = rng.choice(DEGREES[label])
        return rng.choice((
            f"it {be} the {most} {noun} of {rng.choice(('all', 'my life', 'the year', 'them'))}",
            f"this is the {most} {noun} i have ever {rng.choice(('seen', 'had', 'read', 'heard', 'known'))}",
            f"{what} {be} {more} than the {rng.choice(JUDGED)}",
            f"{what} is getting {more} every day",
        ))  # fmt: skip
    if roll < 0.72:
        return f"{who.subject} had {article(degree(rng, word))} {noun}"
    if roll < 0.8:
        return f"what {article(word)} {noun}" if label != NEUTRAL else f"here is {article(word)} {noun}"
    if roll < 0.88:
        found = rng.choice(("think", "find", "found", "thought")) if who is I else who.verb("think", "thinks", "thought", chance(rng, 0.5))
        return f"{who.subject} {found} {what} {be} {degree(rng, word)}"
    other = rng.choice(table[label])
    return f"{what} {be} {word} and {other}" if chance(rng, 0.6) else f"{article(word)} {noun}"


def judges_many(rng, label):
    """ "the flowers are beautiful" """
    word = degree(rng, rng.choice(QUALITIES[label]))
    return f"{rng.choice(('the', 'these', 'those', 'all the', 'my', 'our'))} {rng.choice(MANY)} {rng.choice(('are', 'were'))} {word}"


def meets(rng):
    return rng.choice(("saw", "bought", "read", "told me", "found", "made", "heard", "brought", "wore", "wrote", "got", "has", "watched", "ate"))


def trait(rng, label, who):
    """ "our neighbour is kind to everyone" """
    word = degree(rng, rng.choice(TRAITS[label]))
    be = who.be(chance(rng, 0.5))
    person = rng.choice(BODIES)
    if label == NEUTRAL:
        return f"{who.subject} {be} {rng.choice(TRAITS[NEUTRAL])}"
    return rng.choice((
        f"{who.subject} {be} {word} to {rng.choice(('everyone', 'me', 'us', who.his + ' ' + rng.choice(FRIENDS)))}",
        f"{who.subject} {be} {word}",
        f"{who.subject} {be} {article(word)} {person}" if who.number != 2 else f"{who.subject} {be} {word}",
    ))  # fmt: skip


def attitude(rng, label, who):
    """ "she loves the garden" """
    base, third, past, participle = rng.choice(ATTITUDES[label])
    thing = object_thing(rng)
    roll = rng.random()
    if roll < 0.65:
        adverb = rng.choice(("", "", "", "", "really ", "still ", "always ", "just ", "absolutely "))
        return f"{who.subject} {adverb}{who.verb(base, third, past, chance(rng, 0.6))} {thing}"
    if roll < 0.85:
        return f"{who.subject} {who.be(chance(rng, 0.5))} {degree(rng, rng.choice(STANCES[label]))} {thing}"
    if label == NEGATIVE and chance(rng, 0.5):
        return f"{who.subject} {rng.choice(('can not stand', 'cannot stand', 'could not stand', 'could not bear'))} {thing}"
    return f"{thing} {rng.choice(('is', 'was'))} {participle} by {rng.choice(('everyone', 'everybody', 'all', 'many people'))}"


def sign(rng, label, who):
    """ "he burst into tears" """
    past, present = rng.choice(SIGNS[label])
    text = present if who.number == 3 and chance(rng, 0.25) else past
    adverb = f" {rng.choice(ADVERBS[label])}" if chance(rng, 0.15) else ""
    if text.startswith("was ") and who.number == 2:
        text = f"were {text[4:]}"
    return f"{who.subject} {fill(rng, text, who)}{adverb}"


def matter(rng, label, who):
    """ "it was a disaster" """
    noun = rng.choice(MATTERS[label])
    what, _ = subject_thing(rng)
    be = rng.choice(("is", "was", "was"))
    word = rng.choice(QUALITIES[label])
    return rng.choice((
        f"{what} {be} {article(noun)}",
        f"{what} {be} {rng.choice(('a real', 'a big', 'a total', 'a complete', 'such a'))} {noun}",
        f"there {be} {article(noun)} {rng.choice(('in', 'near', 'at'))} the {rng.choice(PLACES)}",
        f"there {be} {article(word)} {noun}",
        f"{who.subject} {rng.choice(('had', 'saw', 'dreamed of', 'heard about', 'talked about'))} {article(word)} {noun}",
        f"the {noun} {be} {word}",
        f"what {article(noun)}" if label != NEUTRAL else f"this is {article(noun)}",
    ))  # fmt: skip


def deed(rng, label, who):
    """ "the man hurt the dog" """
    past = rng.choice(DEEDS[label])[1]
    other = rng.choice((
        who.his + " " + rng.choice(FRIENDS), "the " + rng.choice(PEOPLE_HE + PEOPLE_SHE + PEOPLE_ANY + PEOPLE_MANY),
        "the " + rng.choice(ANIMALS), rng.choice(NAMES).lower(), "him", "her", "me", "us", "everyone",
    ))  # fmt: skip
    one, two = (past.split(" ") + [""])[:2]
    tail = rng.choice(("", "", "", f" at the {rng.choice(PLACES)}", f" {rng.choice(ADVERBS[label])}", f" on {rng.choice(MONTHS)}"))
    return f"{who.subject} {one} {other} {two}".strip() + tail if two == "up" else f"{who.subject} {past} {other}{tail}"


def event(rng, label, who):
    """ "she won a prize", "his dog died" """
    if chance(rng, 0.3):
        return fill(rng, rng.choice(HAPPENINGS[label]), who)
    text = fill(rng, rng.choice(EVENTS[label]), who)
    if who.number == 2 and text.startswith("was "):
        text = f"were {text[4:]}"
    return f"{who.subject} {text}"


def fact(rng, who):
    """Something that is so, without feeling."""
    place, thing, number, animal = rng.choice(PLACES), rng.choice(THINGS + OBJECTS), rng.choice(NUMBERS), rng.choice(ANIMALS)
    strange, colour, day = invented(rng), rng.choice(COLOURS), rng.choice(MONTHS)
    return rng.choice((
        f"the {place} {rng.choice(('opens', 'opened', 'closes', 'is open'))} {rng.choice(('at ' + number, 'on ' + day, 'every day', 'in ' + day))}",
        f"there {rng.choice(('are', 'were'))} {number} {animal}s {rng.choice(('in', 'near', 'behind'))} the {place}",
        f"there {rng.choice(('is', 'was'))} a {thing} {rng.choice(('in', 'on', 'under', 'next to'))} the {rng.choice(OBJECTS)}",
        f"the {rng.choice(('train', 'bus', 'boat', 'plane'))} {rng.choice(('leaves', 'left', 'stops', 'arrived'))} at {number}",
        f"{who.subject} {rng.choice(('lived', 'worked', 'stayed', 'walked', 'played', 'sat'))} {rng.choice(('in', 'near', 'at'))} the {place}",
        f"the {thing} {rng.choice(('is', 'was'))} {rng.choice(QUALITIES[NEUTRAL])}",
        f"the {strange} {rng.choice(('is', 'was', 'has', 'had'))} {rng.choice((number + ' ' + thing + 's', 'a ' + invented(rng), 'in the ' + place))}",
        f"a {animal} {rng.choice(('has', 'had'))} {number} {rng.choice(('legs', 'eyes', 'young', 'teeth', 'feathers'))}",
        f"{who.subject} put the {thing} {rng.choice(('in', 'on', 'under'))} the {rng.choice(OBJECTS)}",
        f"the {rng.choice(FOODS)} {rng.choice(('is', 'was'))} {rng.choice(('on the table', 'in the oven', 'made of ' + strange, 'cut in ' + number))}",
        f"{who.subject} {rng.choice(('went', 'drove', 'walked', 'came'))} to the {place} {rng.choice(('on ' + day, 'at ' + number, 'by bus', 'with the ' + animal))}",
        f"it {rng.choice(('takes', 'took'))} {number} {rng.choice(('minutes', 'hours', 'days'))} to {rng.choice(('walk', 'drive', 'get'))} to the {place}",
        f"the {rng.choice(('book', 'film', 'story', 'report', 'letter'))} is about {rng.choice(('a ' + animal, 'the ' + place, strange))}",
        f"{who.subject} {rng.choice(('asked', 'told', 'showed', 'called'))} the {rng.choice(PEOPLE_ANY)} {rng.choice(('', 'about the ' + thing, 'the way'))}".strip(),
        f"the {thing} costs {number} {rng.choice(('dollars', 'euros', 'pounds', 'coins'))}",
        f"{rng.choice(('today', 'tomorrow', 'yesterday', 'this'))} {rng.choice(('is', 'was'))} {rng.choice((day, 'the ' + number + 'th of ' + day, 'a ' + day))}",
        f"{who.subject} {rng.choice(('has', 'had', 'saw', 'took', 'made'))} {rng.choice(('a ' + colour + ' ' + thing, number + ' ' + thing + 's', 'a ' + strange))}",
        f"they {rng.choice(('speak', 'sell', 'make', 'build', 'learn'))} {strange} in the {place}",
    ))  # fmt: skip


PLAIN = (feels, feels, feels, judges, judges, judges, attitude, attitude, sign, event, event, full_of, made, trait, matter, deed)
FACTUAL = (feels, judges, attitude, sign, event, event, made, trait, matter, deed)


def plain(rng, label, who):
    if label == NEUTRAL:
        return fact(rng, who) if chance(rng, 0.45) else rng.choice(FACTUAL)(rng, NEUTRAL, who)
    return rng.choice(PLAIN)(rng, label, who)


# --- negation ---------------------------------------------------------------------------------------------------------------


def shorten(rng, text):
    """ "was not" as people write it: "wasn't", now and then "wasnt"."""
    for verb in ("was", "were", "is", "are", "did", "does", "do", "had", "has", "have", "could", "would"):
        if f" {verb} not " in f" {text} ":
            if chance(rng, 0.5):
                short = f"{verb}n't" if chance(rng, 0.9) else f"{verb}nt"
                text = f" {text} ".replace(f" {verb} not ", f" {short} ").strip()
            break
    return text


def negated(rng, label, who):
    """A clause of the label that says so by denying the opposite: "she was not happy"."""
    other = opposite(label)
    present = chance(rng, 0.4)
    be = who.be(present)
    do = who.verb("do", "does", "did", present)
    what, _ = subject_thing(rng)
    its = rng.choice(("is", "was"))
    if label == NEUTRAL:
        return shorten(rng, rng.choice((
            f"{who.subject} {do} not {rng.choice(('go', 'walk', 'drive', 'come'))} to the {rng.choice(PLACES)}",
            f"the {rng.choice(THINGS + OBJECTS)} {its} not {rng.choice(QUALITIES[NEUTRAL])}",
            f"{who.subject} {be} not {rng.choice(TRAITS[NEUTRAL])}",
            f"{who.subject} {do} not {rng.choice(ATTITUDES[NEUTRAL])[0]} the {rng.choice(TOPICS)}",
            f"there {its} no {rng.choice(THINGS + OBJECTS)} in the {rng.choice(PLACES)}",
            f"the {rng.choice(PLACES)} {its} not open on {rng.choice(MONTHS)}",
            f"{who.subject} never {who.verb('live', 'lives', 'lived', present)} near the {rng.choice(PLACES)}",
            f"the {rng.choice(THINGS)} {its} not in the {rng.choice(OBJECTS)} but in the {rng.choice(PLACES)}",
        )))  # fmt: skip
    feeling, quality = degree(rng, rng.choice(FEELINGS[other])), degree(rng, rng.choice(QUALITIES[other]))
    own, good = rng.choice(FEELINGS[label]), rng.choice(QUALITIES[label])
    noun, more = rng.choice(EMOTIONS[other]), rng.choice(DEGREES[label])[0]
    base, participle = rng.choice(ATTITUDES[other])[::3]
    thing = object_thing(rng)
    return shorten(rng, rng.choice((
        f"{who.subject} {be} not {feeling}",
        f"{who.subject} {be} not {feeling}",
        f"{who.subject} {be} not {feeling} {rng.choice(('at all', 'any more', 'anymore', 'today', 'about it', 'about the ' + rng.choice(JUDGED)))}",
        f"{who.subject} {be} {rng.choice(('never', 'no longer', 'not at all', 'hardly', 'not even', 'far from', 'anything but'))} {feeling}",
        f"{who.subject} {do} not {rng.choice(('feel', 'look', 'seem', 'sound'))} {feeling}",
        f"{who.subject} {'has' if who.number == 3 else 'have'} never been {feeling}",
        f"{who.subject} never {who.verb('feel', 'feels', 'felt', present)} {feeling}",
        f"{what} {its} not {quality}",
        f"{what} {its} not {quality}",
        f"{what} {its} {rng.choice(('never', 'not at all', 'no longer', 'far from', 'anything but', 'not even', 'hardly'))} {quality}",
        f"{what} {its} not {quality} at all",
        f"{rng.choice(('it', 'this', 'that'))} {its} not {article(quality)} {rng.choice(JUDGED)}",
        f"i {rng.choice(('do', 'did'))} not think {what} {its} {quality}",
        f"{who.subject} {do} not {base} {thing}",
        f"{who.subject} {do} not {base} {thing}{rng.choice(('', ' at all', ' any more', ' much'))}",
        f"{who.subject} never {who.verb(*rng.choice(ATTITUDES[other])[:3], present)} {thing}",
        f"{rng.choice(('nobody', 'no one', 'none of them'))} {rng.choice(('was', 'felt', 'is'))} {feeling}",
        f"{rng.choice(('nobody', 'no one'))} {rng.choice(ATTITUDES[other])[2]} {thing}",
        f"{rng.choice(('nothing', 'not one thing'))} {its} {rng.choice(QUALITIES[other])}",
        f"there {its} no {noun} in {who.his} {rng.choice(('heart', 'eyes', 'life', 'voice'))}",
        f"{who.subject} felt no {noun}",
        f"{who.subject} lived without {noun}",
        f"{who.subject} would not {base} {thing}",
        f"{thing} {its} not {participle} by anyone",
        f"{who.subject} {do} not have {article(rng.choice(QUALITIES[other]))} {rng.choice(JUDGED)}",
        f"not {quality}",
        f"{who.subject} {do} not {fill(rng, rng.choice(UNDONE[label]), who)}",
        f"{who.subject} {do} not {fill(rng, rng.choice(UNDONE[label]), who)}",
        f"{what} {its} not {article(rng.choice(MATTERS[other]))}",
        f"{who.subject} {do} not {rng.choice(DEEDS[other])[0]} {rng.choice(('anyone', 'me', 'him', 'her', 'the ' + rng.choice(ANIMALS)))}",
        f"{who.subject} could not be {more}",
        f"{who.subject} {'has' if who.number == 3 else 'have'} never been {more}",
        f"i have never seen such {article(good)} {rng.choice(JUDGED)}",
        f"{who.subject} {'has' if who.number == 3 else 'have'} never been so {own}",
    )))  # fmt: skip


# --- two halves -------------------------------------------------------------------------------------------------------------


def contrasted(rng, label, who):
    """Two halves that disagree; the main one has the label."""
    other = opposite(label) if label != NEUTRAL and chance(rng, 0.8) else NEUTRAL
    later = who.again()
    weak = clause(rng, other, who, 0.12)
    if label == NEUTRAL:
        return f"{weak} {rng.choice(('but', 'and', 'because', 'while', 'when', 'so'))} {clause(rng, NEUTRAL, later, 0.2)}"
    strong = clause(rng, label, later, 0.12)
    first = clause(rng, label, who, 0.12)
    second = clause(rng, other, later, 0.12)
    roll = rng.random()
    if roll < 0.42:
        link = rng.choice((" but", " but", ", but", ", but", " but then", ", but now", " but in the end", ". but", ". however,", " yet"))
        return f"{rng.choice(('', '', '', 'at first ', 'yesterday ', 'usually '))}{weak}{link} {strong}"
    if roll < 0.56:
        return f"{rng.choice(('although', 'even though', 'though', 'while', 'even if'))} {weak}, {strong}"
    if roll < 0.7:
        return f"{first} {rng.choice(('although', 'even though', 'though', 'even if', 'in spite of the fact that'))} {second}"
    if roll < 0.78:
        return f"{weak} {rng.choice(('until', 'and then', 'before'))} {strong}"
    if roll < 0.84 and label != NEUTRAL and other != NEUTRAL:
        return f"{who.subject} used to be {rng.choice(FEELINGS[other])} {rng.choice(('but', 'but now', 'and now'))} {strong}"
    if roll < 0.92 and other != NEUTRAL:
        return f"the {rng.choice(FEELINGS[other])} {rng.choice(BODIES)} {sign(rng, label, who).removeprefix(who.subject).strip()}"
    return f"{rng.choice(('despite', 'in spite of'))} the {rng.choice(EMOTIONS[other] if other != NEUTRAL else JUDGED)}, {strong}"


def joined(rng, label, who):
    """Two halves that agree, or a feeling and what it was about, whatever that was."""
    later = who.again()
    first = clause(rng, label, who, 0.15)
    if label == NEUTRAL:
        return f"{first} {rng.choice(('and', 'because', 'when', 'so', ','))} {clause(rng, NEUTRAL, later, 0.15)}"
    roll = rng.random()
    if roll < 0.35:
        return f"{first} {rng.choice(('and', 'and', 'and so', 'so'))} {clause(rng, label, later, 0.1)}"
    if roll < 0.75:
        why = event(rng, label if chance(rng, 0.75) else NEUTRAL, later)
        return f"{first} {rng.choice(('because', 'because', 'because', 'since', 'when', 'after', 'as'))} {why}"
    if roll < 0.85:
        return f"{rng.choice(('when', 'because', 'after', 'as'))} {event(rng, label if chance(rng, 0.7) else NEUTRAL, who)}, {clause(rng, label, later, 0.1)}"
    if roll < 0.93:
        return f"{feels(rng, label, who)} {rng.choice(('that', 'because'))} {event(rng, rng.choice((label, NEUTRAL, opposite(label))), later)}"
    return f"{rng.choice(ADVERBS[label])}{rng.choice((',', ''))} {event(rng, rng.choice((label, NEUTRAL)), who)}"


def clause(rng, label, who, deny):
    return negated(rng, label, who) if chance(rng, deny) else plain(rng, label, who)


def cry(rng, label, who):
    return fill(rng, rng.choice(CRIES[label]), who)


def attributed(rng, label, who):
    """ "the sad boy went home": the feeling stands before the noun."""
    noun = rng.choice(BODIES)
    word = rng.choice({NEUTRAL: QUALITIES}.get(label, rng.choice((FEELINGS, TRAITS)))[label])
    past = rng.choice(SIGNS[NEUTRAL])[0]
    if chance(rng, 0.4) and label != NEUTRAL:
        return f"{who.subject} {rng.choice(ADVERBS[label])} {fill(rng, past, who)}"
    return f"{rng.choice(('the', 'the', article(word)[:2].strip()))} {word} {noun} {fill(rng, past, HE)}"
