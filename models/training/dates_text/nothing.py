"""Texts that are no date: words, numbers, parts of dates, days that the calendar lacks, two dates at once."""

import string

from .forms import Piece, day_of, exists, gap, in_numbers, in_words, lead_of, month_name, pick, weekday, words
from .lexicon import LANGUAGES, SUBJECTS, TAILS
from .noise import NEAR_MONTHS, bare

SENTENCES = """hello world|how are you|good morning|thank you very much|see you soon|happy birthday|the weather is nice today|tomorrow|yesterday|today
next week|last month|in two days|three weeks ago|the day after tomorrow|next tuesday|every monday|soon|never|later|now|at noon
may i help you|march on|the march of time|may the force be with you|second to none|the first time|one two three|an august person
guten morgen|wie geht es dir|vielen dank|morgen|gestern|heute|übermorgen|nächste woche|letzten monat|vor drei tagen|in zwei wochen
alles gute zum geburtstag|das wetter ist schön|der erste schnee|auf wiedersehen|bis bald|jeden montag|am nächsten morgen|ich liebe dich
bonjour le monde|merci beaucoup|comment ça va|demain|hier|aujourd'hui|après-demain|la semaine prochaine|le mois dernier|il y a trois jours
bon anniversaire|il fait beau|la première fois|au revoir|à bientôt|tous les lundis|je t'aime|dans deux semaines|le petit déjeuner
hola mundo|muchas gracias|cómo estás|mañana|ayer|hoy|pasado mañana|la próxima semana|el mes pasado|hace tres días|feliz cumpleaños
hace buen tiempo|la primera vez|hasta luego|hasta pronto|todos los lunes|te quiero|dentro de dos semanas|el desayuno|unknown|n/a|none|null
undefined|not a date|kein datum|pas de date|sin fecha|tbd|tba|unbekannt|inconnu|desconocido|no idea|abc|test|foo bar|lorem ipsum dolor sit amet
christmas|easter sunday|weihnachten|ostern|noël|pâques|navidad|new year's eve|halloween|midsummer|the quick brown fox|select * from dates
monday morning|friday the thirteenth|sunday|a week from monday|yes|no|ok|maybe|please call me|date|datum|fecha|day|month|year|jour|mois|année""".replace("\n", "|").split("|")

SYLLABLES = "ba be bo bri ca ce co cla da den do dra fa fen fi ga ge gri ha hol ka ken kla la len li lo ma men mi na nel no pa per po ra ren ri sa sen sta ta ter tin to tra un ver vi wa wen zo".split()


def pseudo_word(rng):
    return "".join(pick(rng, SYLLABLES) for _ in range(1 + int(rng.random() * 3))) + pick(rng, ["", "", "n", "s", "r", "t"])


def foreign_to_months(word):
    """Whether no month is near, so that a person would not take the word for one."""
    word = bare(word)
    cuts = [word, word[:3], word[:4], word[:5], word[1:], word[:-1]]
    return len(word) > 3 and not any(cut in NEAR_MONTHS for cut in cuts)


def number(rng, figures):
    return "".join(pick(rng, "0123456789") for _ in range(figures))


def between(rng, low, high):
    return low + int(rng.random() * (high - low + 1))


def some_words(language, rng, count):
    return " ".join(pseudo_word(rng) if rng.random() < 0.3 else pick(rng, SUBJECTS[language]) for _ in range(count))


def sentence(language, rng):
    r = rng.random()
    if r < 0.45:
        text = pick(rng, SENTENCES)
        return words(text if rng.random() < 0.7 else f"{text} {pick(rng, SENTENCES)}")
    if r < 0.85:
        text = some_words(language, rng, between(rng, 1, 7))
        return words(text + (pick(rng, TAILS[language]) if rng.random() < 0.3 else ""))
    return [*lead_of(language, rng), *words(some_words(language, rng, between(rng, 1, 3)))]


def numbers(language, rng):
    n = lambda low, high: str(between(rng, low, high))  # noqa: E731
    form = int(rng.random() * 17)
    text = [
        lambda: number(rng, between(rng, 1, 7)),
        lambda: number(rng, between(rng, 9, 16)),
        lambda: f"{n(0, 23)}:{number(rng, 2)}" + (f":{number(rng, 2)}" if rng.random() < 0.4 else ""),
        lambda: f"{n(1, 9)}.{n(0, 20)}.{n(0, 9)}",
        lambda: f"{n(1, 255)}.{n(0, 255)}.{n(0, 255)}.{n(0, 255)}",
        lambda: f"+{n(1, 99)} {number(rng, 3)} {number(rng, between(rng, 4, 7))}",
        lambda: f"({number(rng, 3)}) {number(rng, 3)}-{number(rng, 4)}",
        lambda: f"{pick(rng, ['€', '$', 'usd ', 'eur '])}{n(1, 9999)}.{number(rng, 2)}",
        lambda: f"{n(1, 9999)},{number(rng, 2)}{pick(rng, [' €', ' euro', '', ' kg', ' %', ' km'])}",
        lambda: f"{n(1, 31)}{pick(rng, './-')}{n(1, 12)}{pick(rng, ['', '.', ''])}",
        lambda: f"{n(1, 12)}{pick(rng, './-')}{n(1900, 2050)}",
        lambda: f"{n(1900, 2050)}-{between(rng, 1, 12):02}",
        lambda: pick(rng, "/.-").join(n(1, 31) for _ in range(between(rng, 4, 6))),
        lambda: f"{pick(rng, ['room', 'flight', 'nr.', 'no', 'salle', 'zimmer', 'calle', 'v'])} {n(1, 2050)}",
        lambda: f"{n(2, 99)} {some_words(language, rng, between(rng, 1, 3))}",
        lambda: f"{other_word(language, rng)} {n(1, 31)} {other_word(language, rng)} {n(1, 2050)}",
        lambda: f"{n(2, 30)}{pick(rng, [' + ', ' = ', '*', ' % ', '-', ' / ', ':'])}{n(2, 2050)}",
    ][form]()
    return words(text)


def mash(rng):
    """Characters at random: hands on a keyboard, symbols, other scripts."""
    count = between(rng, 1, 24)
    r = rng.random()
    if r < 0.4:
        letters = pick(rng, ["asdfghjkl", "qwertzuiop", string.ascii_lowercase, "asdf jkl", "aeiou", "xyz "])
    elif r < 0.6:
        letters = string.punctuation + " "
    elif r < 0.9:
        letters = string.ascii_lowercase + string.digits + " .,-/:'_"
    else:
        letters = "日月年дата👍☃αβ€¤ 漢字あ×÷"
    text = "".join(pick(rng, letters) for _ in range(count))
    return [Piece(text, "gap")]


def part(language, rng):
    """Only some of day, month and year."""
    month, day, year = between(rng, 1, 12), between(rng, 1, 28), between(rng, 1900, 2050)
    name, d = month_name(language, month, rng), day_of(language, day, rng)
    of = words(pick(rng, {"en": [" ", " of "], "de": [" "], "fr": [" ", " de "], "es": [" de ", " "]}[language]))
    form = rng.random()
    if form < 0.25:
        pieces = [*d, *of, *name]
    elif form < 0.4 and language in ("en", "es"):
        pieces = [*name, *gap(" "), *d]
    elif form < 0.6:
        pieces = [*name, *words(pick(rng, [" ", " ", ", ", " de "])), *words(str(year))]
    elif form < 0.7:
        return name if rng.random() < 0.6 else d
    elif form < 0.8:
        pieces = words(str(year))
    elif form < 0.88:
        pieces = [*weekday(language, (2000, 1, day), rng)[:1], *gap(" "), *d, *of, *name]
    else:
        return [*d, *of, *name, *gap(" "), *words(number(rng, pick(rng, [1, 3, 3, 5, 6])))]
    return [*lead_of(language, rng), *pieces] if rng.random() < 0.3 else pieces


def lacking(language, rng):
    """A day that the calendar lacks."""
    year = between(rng, 1900, 2050) if rng.random() < 0.8 else between(rng, 1000, 2999)
    r = rng.random()
    if r < 0.45:
        month = 2
        day = 29 if rng.random() < 0.6 else between(rng, 30, 31)
    elif r < 0.65:
        month, day = pick(rng, [4, 6, 9, 11]), 31
    else:
        month, day = between(rng, 1, 12), (between(rng, 32, 39) if rng.random() < 0.7 else pick(rng, [0, *range(40, 100)]))
    if rng.random() < 0.55 and not exists(year, month, day):
        return in_words(language, (year, month, day), rng), None
    if rng.random() < 0.4:
        month, day = pick(rng, [0, *range(13, 32)]), between(rng, 1, 31)
    pieces, read = in_numbers((year, month, day), rng, False)
    return pieces, read


def other_word(language, rng):
    """A word that nobody takes for a month."""
    word = pick(rng, SUBJECTS[language]) if rng.random() < 0.5 else pseudo_word(rng)
    while not foreign_to_months(word):
        word = pseudo_word(rng) + pick(rng, SYLLABLES)
    return word


def unknown_month(language, rng):
    word = other_word(language, rng)
    day, year = between(rng, 1, 31), between(rng, 1900, 2050)
    if rng.random() < 0.3:
        return words(f"{word} {day}, {year}")
    return [*day_of(language, day, rng), *words(pick(rng, [" ", " de ", " of ", "-"])), *words(word), *words(f" {year}")]


def no_date(rng):
    """Pieces of a text, and the date after all, where the numbers happened to be one."""
    language = pick(rng, LANGUAGES)
    r = rng.random()
    if r < 0.30:
        return lacking(language, rng)
    if r < 0.47:
        return sentence(language, rng), None
    if r < 0.60:
        return numbers(language, rng), None
    if r < 0.67:
        return mash(rng), None
    if r < 0.84:
        return part(language, rng), None
    if r < 0.97:
        return unknown_month(language, rng), None
    return [Piece(pick(rng, ["", " ", ".", "-", "?", "!", "...", "--", "/", "//", "  "]), "gap")], None
