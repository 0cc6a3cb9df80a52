"""The data: an endless, seeded stream of texts with their answers."""

import random
from calendar import monthrange
from dataclasses import dataclass

from .forms import exists, in_numbers, in_words, lead_of, pick, weekday, words
from .lexicon import LANGUAGES, SUBJECTS, TAILS, TIMES
from .noise import roughen
from .nothing import no_date, pseudo_word

LONGEST = 79
NO_DATE = "?"


@dataclass(frozen=True)
class Sample:
    text: str
    answer: str
    kind: str  # a language, "numbers" or "none"
    noisy: bool


def any_year(rng):
    """Mostly of the last and the next decades."""
    r = rng.random()
    if r < 0.7:
        return 1940 + int(rng.random() * 110)
    return 1800 + int(rng.random() * 300) if r < 0.9 else 1000 + int(rng.random() * 2000)


def any_date(rng):
    """A day of the calendar; the last days of months, the 29th of February above all, more often than they come: next to them are
    the days that do not exist."""
    while True:
        date = (any_year(rng), 1 + int(rng.random() * 12), 1 + int(rng.random() * 31))
        last = rng.random()
        if last < 0.05:
            date = (date[0], 2, 29)
        elif last < 0.13:
            date = (*date[:2], monthrange(*date[:2])[1])
        if exists(*date):
            return date


def time_of(language, rng):
    hour, minute, second = int(rng.random() * 24), int(rng.random() * 60), int(rng.random() * 60)
    return pick(rng, TIMES[language]).format(h=hour, m=f"{minute:02}", s=f"{second:02}")


def filler(language, rng, count):
    """Words that have nothing to do with the date, some with punctuation behind them."""
    found = [pseudo_word(rng) if rng.random() < 0.5 else pick(rng, SUBJECTS[language]) for _ in range(count)]
    return [word + pick(rng, [",", ":", ".", " -", ";", ")"]) if rng.random() < 0.12 else word for word in found]


def around(language, pieces, rng, cue):
    """A phrase around the date: what stands before (once more before that, words) and behind. cue: the date hangs on a cue."""
    before, behind = [], []
    r = rng.random()
    if cue or r < 0.45:
        before = lead_of(language, rng, cue)
        if rng.random() < 0.3:
            count = 1 + int(rng.random() * rng.random() * 6)
            some = filler(language, rng, count)
            if rng.random() < 0.12:
                some.append(pick(rng, ["no. ", "nr. ", "#", "n° "]) + str(1 + int(rng.random() * 9999)))
            before = [*words(" ".join(some) + " "), *before]
        elif rng.random() < 0.06 and not cue:
            before = [*words(time_of(language, rng).lstrip(" ,@") + pick(rng, [" ", ", "])), *before]
    elif r < 0.47:
        before = words(" ".join(pseudo_word(rng) for _ in range(1 + int(rng.random() * 3))) + pick(rng, [" ", ": ", ", "]))
    r = rng.random()
    if r < 0.08:
        behind = words(time_of(language, rng))
    elif r < 0.16 and not cue:
        behind = words(pick(rng, TAILS[language]))
    elif r < 0.20 and not cue:
        behind = words(pick(rng, [" ", " ", ", ", ". "]) + " ".join(filler(language, rng, 1 + int(rng.random() * rng.random() * 6))))
    elif r < 0.22:
        behind = words(pick(rng, [".", "!", "?", " :", ";", ",", "."]))
    pieces = [*before, *pieces, *behind]
    r = rng.random()
    if r < 0.015:
        pieces = [*words(pick(rng, ["(", '"', "[", "- ", "* ", "> "])), *pieces, *words(pick(rng, [")", '"', "]", ""]))]
    return pieces


def one_date(date, rng):
    """Pieces of a text with a date, the date as it is read, or None where the calendar lacks it, and the kind of text."""
    language = pick(rng, LANGUAGES)
    if rng.random() < 0.7:
        pieces = in_words(language, date, rng)
        if rng.random() < 0.2:
            pieces = [*weekday(language, date, rng), *pieces]
        elif rng.random() < 0.03:
            name = weekday(language, date, rng)[0]
            pieces = [*pieces, *words(pick(rng, [" (", ", "]) + name.text + pick(rng, [")", ""]))]
        # a few with the words of another language around them
        outer = language if rng.random() < 0.97 else pick(rng, LANGUAGES)
        return around(outer, pieces, rng, False), date if exists(*date) else None, language
    cue = language != "en" and rng.random() < 0.35
    pieces, read = in_numbers(date, rng, cue)
    slashed = any("/" in piece.text for piece in pieces)
    if slashed and not cue:
        language = "en"
    on = rng.random() < 0.12 and (language == "en" or cue or not slashed)
    if on:
        return [*weekday(language, date, rng), *pieces], read, "numbers"
    return around(language, pieces, rng, cue) if cue or rng.random() < 0.6 else pieces, read, "numbers"


def samples(seed, noisy_share=0.5, none_share=0.14, leap_share=0):
    """Samples for ever; the same seed gives the same ones. leap_share: of those of the 29th of February in any year."""
    rng = random.Random(seed)
    while True:
        noisy = rng.random() < noisy_share
        r = rng.random()
        if r < none_share:
            pieces, read = no_date(rng)
            kind = "none" if read is None else "numbers"
        else:
            date = (any_year(rng), 2, 29) if r < none_share + leap_share else any_date(rng)
            pieces, read, kind = one_date(date, rng)
        if noisy and pieces and pieces[0].text:
            roughen(pieces, rng)
        text = "".join(piece.text for piece in pieces)
        if len(text) > LONGEST:
            continue
        if kind != "none" and read is None:
            kind = "none"
        yield Sample(text, NO_DATE if read is None else "%04d-%02d-%02d" % read, kind, noisy)
