"""Writes a date as people do: in words, in numbers, in any order that is in use; and reads numbers by the rule of the model card.

A written date is a list of pieces. Piece.kind says what noise may do to it:
  digits  figures that carry the date: never lost
  month   a month's name; value is the month
  day     a day in words; value is (language, day)
  year    a year in words
  word    any other word
  cue     a word that decides how a slashed date is read
  gap     spaces and punctuation
  sign    what stands between the numbers of a numeric date; value says whether another sign would read the same
"""

from calendar import monthrange
from dataclasses import dataclass

from .lexicon import DAY_WORDS, LEADS, MONTHS, ROMAN, WEEKDAYS, year_words


@dataclass
class Piece:
    text: str
    kind: str
    value: object = None


def exists(year, month, day):
    """Whether the calendar has the day; years 1000 to 2999 count."""
    return 1000 <= year <= 2999 and 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]


def full_year(two_digits):
    """The pivot: 69 to 99 are 1969 to 1999, 00 to 68 are 2000 to 2068."""
    return two_digits + (1900 if two_digits >= 69 else 2000)


def read_numbers(numbers, sign, foreign):
    """The date of three numbers, None if there is none.

    Numbers are strings. With a year of four figures first it is year, month, day. Else month first with slashes, unless `foreign` (a
    German, French or Spanish word before it); day first otherwise; the other order where only that is a day of the calendar. With
    dashes a first number of two figures above 31 is a year.
    """
    first, second, third = numbers
    if len(first) == 4:
        found = [(int(first), int(second), int(third))] if len(third) <= 2 else []
    elif len(third) not in (2, 4) or len(first) > 2 or len(second) > 2:
        found = []
    else:
        year = int(third) if len(third) == 4 else full_year(int(third))
        found = [(year, int(second), int(first)), (year, int(first), int(second))]
        if sign == "/" and not foreign:
            found.reverse()
        if sign == "-" and len(first) == len(third) == 2 and int(first) > 31:
            found = [(full_year(int(first)), int(second), int(third))]
    return next((date for date in found if exists(*date)), None)


def is_cue(lead):
    """Whether a lead of German, French or Spanish says that the day stands first in a slashed date."""
    words = lead.replace(":", " ").replace("'", " ").split()
    return bool(words) and words[-1] in CUES


CUES = set("am den der dem vom zum le du au ce el del al día datum geburtsdatum fecha frist termin".split())


def pick(rng, choices):
    return choices[int(rng.random() * len(choices))]


def weekday_of(year, month, day):
    """0 is Monday. Of a day that does not exist, of one near it."""
    if month < 3:
        year, month = year - 1, month + 12
    return (day + 13 * (month + 1) // 5 + year + year // 4 - year // 100 + year // 400 + 5) % 7


def german_umlauts(text, rng):
    if rng.random() < 0.25:
        for umlaut, letters in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
            text = text.replace(umlaut, letters)
    return text


def weekday(language, date, rng):
    """A weekday's name and what separates it from the date."""
    names = WEEKDAYS[language][weekday_of(*date) if rng.random() < 0.95 else int(rng.random() * 7)]
    if rng.random() < 0.65:
        name, dot = names[0], ""
    else:
        name, dot = pick(rng, names[1:]), pick(rng, ["", "."])
    link = {
        "en": [" ", ", ", " the ", ", the "],
        "de": [", ", " ", ", den ", " den ", ", der ", ", dem "],
        "fr": [" ", ", ", " le ", ", le "],
        "es": [" ", ", ", " día ", " el ", ", el "],
    }[language]
    link = pick(rng, link[:2]) if rng.random() < 0.7 else pick(rng, link[2:])
    # the month "mar" and the weekday "mar" before a number are told apart by the full stop
    if name == "mar" and "," not in link:
        dot = "."
    return [Piece(name, "cue" if language != "en" else "word"), *words(dot + link)]


def words(text, kind="word"):
    """A text as pieces of words, figures and gaps."""
    pieces = []
    for char in text:
        of = "digits" if char.isdigit() else kind if char.isalpha() else "gap"
        if pieces and pieces[-1].kind == of:
            pieces[-1].text += char
        else:
            pieces.append(Piece(char, of))
    return pieces


def month_name(language, month, rng):
    names = MONTHS[language][month - 1]
    name = names[0] if len(names) == 1 or rng.random() < 0.55 else pick(rng, names[1:])
    if language == "de":
        name = german_umlauts(name, rng)
    piece = Piece(name, "month", month)
    return [piece, Piece(".", "gap")] if name != names[0] and rng.random() < 0.45 else [piece]


def english_suffix(day, rng):
    if rng.random() < 0.04:
        return "th"
    return "th" if 10 < day < 20 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def day_of(language, day, rng, plain=False):
    """A day of the month. plain: in figures, with nothing behind them."""
    figures = [Piece(f"{day:02}" if rng.random() < 0.2 else str(day), "digits")]
    if plain:
        return figures
    # "le premier janvier", "primero de enero": the first is the day that people write out
    in_words = 1 <= day <= 31 and rng.random() < (0.3 if day == 1 else 0.13)
    if in_words:
        text = pick(rng, DAY_WORDS[language][day])
        return [Piece(german_umlauts(text, rng) if language == "de" else text, "day", (language, day))]
    r = rng.random()
    if language == "en":
        return figures if r < 0.4 else [*figures, Piece(english_suffix(day, rng), "word")]
    if language == "de":
        if r < 0.8:
            return [*figures, Piece(".", "gap")]
        return figures if r < 0.92 else [*figures, Piece(pick(rng, ["ten", "ter", "te", "sten" if day > 19 else "ten"]), "word")]
    if language == "fr":
        if day == 1 and r < 0.75:
            return [Piece("1", "digits"), Piece("er", "word")]
        return [*figures, Piece(pick(rng, ["e", "ème", "eme"]), "word")] if r < 0.04 else figures
    if day == 1 and r < 0.6:
        ending = pick(rng, ["º", "°", "ro", "ero", ".º", ".°", "º", "er", "o"])
        return [Piece("1", "digits"), *([Piece(".", "gap")] if "." in ending else []), Piece(ending.lstrip("."), "word")]
    return figures


def year_of(language, year, rng, plain=False):
    if 1969 <= year <= 2068 and rng.random() < 0.25:
        mark = [] if plain or rng.random() < 0.7 else [Piece("'", "gap")]
        return [*mark, Piece(f"{year % 100:02}", "digits")]
    if not plain and 1500 <= year <= 2099 and rng.random() < 0.06:
        text = year_words(language, year, rng)
        return [Piece(german_umlauts(text, rng) if language == "de" else text, "year")]
    return [Piece(str(year), "digits")]


def gap(text):
    return [Piece(text, "gap")]


def in_words(language, date, rng):
    """Day, month by name, year."""
    year, month, day = date
    name = lambda: month_name(language, month, rng)  # noqa: E731
    d = lambda: day_of(language, day, rng)  # noqa: E731
    y = lambda: year_of(language, year, rng)  # noqa: E731
    plain = lambda: day_of(language, day, rng, plain=True)  # noqa: E731
    plain_year = lambda: year_of(language, year, rng, plain=True)  # noqa: E731
    r = rng.random()
    if r < 0.07:  # 3-mar-1999, 3/mar/99, 3mar1999
        sign = pick(rng, ["-", "-", "/", ".", "", "-", "_", " - ", " / "])
        short = Piece(pick(rng, MONTHS[language][month - 1]), "month", month)
        if sign and language in ("en", "es") and rng.random() < 0.3:
            return [short, *gap(sign), *plain(), *gap(sign), *plain_year()]
        first = d() if rng.random() < 0.12 else plain()
        return [*first, *gap(sign), short, *gap(sign), *plain_year()]
    if r < 0.11:  # year first
        whole = [Piece(str(year), "digits")]
        form = rng.random()
        if form < 0.3:
            sign = pick(rng, ["-", "/", ".", "-", ""])
            return [*whole, *gap(sign), Piece(pick(rng, MONTHS[language][month - 1]), "month", month), *gap(sign), *plain()]
        comma = pick(rng, [" ", ", ", " "])
        if form < 0.65:
            return [*whole, *gap(comma), *name(), *gap(" "), *plain()]
        return [*whole, *gap(comma), *d(), *gap(" "), *name()]
    if language == "en":
        return english(date, rng, name, d, y, plain)
    if language == "de":
        link = pick(rng, [" ", " ", " ", " ", "", ", ", " im jahre ", " im jahr ", " des jahres ", " anno "])
        if r > 0.99:
            return [*words("dem "), *d(), *words(" tag des monats "), *name(), *gap(" "), *y()]
        return [*d(), *gap(" " if rng.random() < 0.85 else ""), *name(), *words(link), *y()]
    if language == "fr":
        link = pick(rng, [" ", " ", " ", " ", " ", ", ", " de l'an ", " en ", " de l'année "])
        before = pick(rng, [" "] * 12 + [" du mois de ", " de "])
        if rng.random() < 0.03:
            return [*name(), *gap(" "), *plain(), *gap(pick(rng, [", ", " "])), *y()]
        return [*d(), *words(before), *name(), *words(link), *y()]
    form = rng.random()
    if form < 0.72:
        link = pick(rng, [" de ", " de ", " de ", " del ", " ", ", ", " de ", " del año ", " del ", " de ", " año ", " en "])
        return [*d(), *words(pick(rng, [" de ", " de ", " de ", " de ", " d ", " "])), *name(), *words(link), *y()]
    if form < 0.85:
        return [*d(), *gap(" "), *name(), *gap(pick(rng, [" ", " ", ", "])), *y()]
    if form < 0.97:
        return [*name(), *gap(" "), *d(), *words(pick(rng, [" de ", ", ", " ", " del ", ", de "])), *y()]
    return [*d(), *words(" días del mes de "), *name(), *words(pick(rng, [" de ", " del año "])), *y()]


def english(date, rng, name, d, y, plain):
    link = pick(rng, [" ", " ", " ", ", ", ", ", ", ", ",", " of ", " in ", " in the year ", ", in the year ", " of the year "])
    form = rng.random()
    if form < 0.27:
        return [*d(), *gap(" "), *name(), *words(pick(rng, [" ", " ", " ", ", "])), *y()]
    if form < 0.42:
        return [*d(), *words(pick(rng, [" of ", " of ", " of ", " day of ", " o "])), *name(), *words(link), *y()]
    if form < 0.54:
        return [*words("the "), *d(), *words(pick(rng, [" of ", " of ", " day of ", " "])), *name(), *words(link), *y()]
    if form < 0.80:
        return [*name(), *gap(" "), *plain(), *words(pick(rng, [", ", ", ", " ", " ", ",", " of ", ", of "])), *y()]
    if form < 0.91:
        return [*name(), *gap(" "), *d(), *words(link), *y()]
    if form < 0.97:
        return [*name(), *words(" the "), *d(), *words(link), *y()]
    if form < 0.985:  # as a computer prints it: wed mar 3 10:20:30 1999
        time = f" {int(rng.random() * 24):02}:{int(rng.random() * 60):02}:{int(rng.random() * 60):02} "
        return [*name(), *gap(" "), *plain(), *words(time), Piece(str(date[0]), "digits")]
    return [*d(), *gap(" "), *name(), *words(pick(rng, [" ", ", "])), *y(), *words(pick(rng, [" ad", " a.d.", " ce"]))]


def in_numbers(date, rng, foreign):
    """Numbers only. Gives the pieces and the date they are read as by the rule, which may be another one, or None."""
    year, month, day = date
    form = rng.random()
    padded = rng.random() < 0.5
    two = (lambda n: f"{n:02}") if padded else str
    if form < 0.12:  # ISO, with or without a time
        tail = ""
        if rng.random() < 0.25:
            hour, minute, second = (int(rng.random() * n) for n in (24, 60, 60))
            tail = pick(rng, [f"t{hour:02}:{minute:02}:{second:02}z", f" {hour:02}:{minute:02}", f"t{hour:02}:{minute:02}", f" {hour:02}:{minute:02}:{second:02}", f"t{hour:02}:{minute:02}:{second:02}+0{hour % 4}:00", f"t{hour:02}:{minute:02}:{second:02}.{second}0z"])
        numbers, sign = [f"{year:04}", f"{month:02}", f"{day:02}"], "-"
        return [*separated(numbers, sign, same=True), *words(tail)], date if exists(*date) else None
    if form < 0.15:
        return [Piece(f"{year:04}{month:02}{day:02}", "digits")], date if exists(*date) else None
    if form < 0.20:  # 3.III.1999
        sign = pick(rng, [".", "-", "/", " ", ". "])
        figures = str(year) if rng.random() < 0.8 or not 1969 <= year <= 2068 else f"{year % 100:02}"
        name = ROMAN[month - 1] if 1 <= month <= 12 else "xiv"
        return [Piece(two(day), "digits"), *gap(sign), Piece(name, "roman"), *gap(sign), Piece(figures, "digits")], date if exists(*date) else None
    sign = pick(rng, ["/", "/", "/", ".", ".", ".", "-", "-", " "])
    if form < 0.28:
        numbers = [str(year), two(month), two(day)]
    else:
        short = 1969 <= year <= 2068 and rng.random() < 0.45
        last = f"{year % 100:02}" if short else str(year)
        month_first = rng.random() < (0.7 if sign == "/" and not foreign else 0.18)
        numbers = [two(month), two(day), last] if month_first else [two(day), two(month), last]
        if short and sign == "-" and year % 100 > 31 and rng.random() < 0.15:
            numbers = [last, f"{month:02}", f"{day:02}"]
    read = read_numbers(numbers, sign, foreign)
    same = all(read_numbers(numbers, other, cue) == read for other in "/.-" for cue in (False, True))
    shown = sign
    if sign != " ":
        shown = pick(rng, [sign, sign, sign, sign, sign, sign + " ", f" {sign} "])
    return separated(numbers, shown, same), read


def separated(numbers, sign, same):
    first, second, third = (Piece(number, "digits") for number in numbers)
    return [first, Piece(sign, "sign", same), second, Piece(sign, "sign", same), third]


def lead_of(language, rng, cue=False):
    """What stands before a date. cue: only leads that make a slashed date day-first."""
    leads = CUE_LEADS[language] if cue else LEADS[language]
    lead = pick(rng, leads)
    return words(german_umlauts(lead, rng) if language == "de" else lead, "cue" if cue else "word")


CUE_LEADS = {language: [lead for lead in leads if is_cue(lead)] for language, leads in LEADS.items()}
