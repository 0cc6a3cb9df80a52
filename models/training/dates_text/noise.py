"""Typing errors, such that a person can still tell the date.

Figures of the date stay. A misspelt month or day must be nearer to its own name than to any other (one edit from another one's name is
too near). The sign between numbers is only exchanged where every sign reads the same.
"""

import string
import unicodedata

from .lexicon import DAY_WORDS, LANGUAGES, MONTHS

LETTERS = string.ascii_lowercase
NEAR = {
    "q": "wa", "w": "qes", "e": "wrd", "r": "etf", "t": "rzyg", "z": "tux", "y": "tuh", "u": "zyij", "i": "uok", "o": "ipl",
    "p": "ol", "a": "qsw", "s": "adwx", "d": "sfec", "f": "dgrv", "g": "fhtb", "h": "gjyn", "j": "hkum", "k": "jlim", "l": "ko",
    "x": "zsc", "c": "xvd", "v": "cbf", "b": "vng", "n": "bmh", "m": "nj",
}


def bare(text):
    """Lower case without accents, as the tokenizer makes it."""
    text = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    return "".join(char for char in text if not unicodedata.combining(char))


def neighbours(word):
    """Every string one edit away: a letter dropped, swapped with the next, replaced, added."""
    for i in range(len(word) + 1):
        head, tail = word[:i], word[i:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in LETTERS:
            yield head + letter + tail
            if tail:
                yield head + letter + tail[1:]


def near_table(names):
    """Strings at most one edit from a name -> whose names. names: (text, value) pairs. A name itself is its own only."""
    table = {}
    for text, value in names:
        for other in neighbours(text):
            table.setdefault(other, set()).add(value)
    own = {}
    for text, value in names:
        own.setdefault(text, set()).add(value)
    table.update(own)
    return table


NEAR_MONTHS = near_table([(bare(name), month + 1) for lang in LANGUAGES for month, names in enumerate(MONTHS[lang]) for name in names])
NEAR_DAYS = {
    lang: near_table([(bare(text), day) for day in range(1, 32) for text in DAY_WORDS[lang][day]]) for lang in LANGUAGES
}


def edit(text, rng):
    """One error in a word."""
    n = len(text)
    i = int(rng.random() * n)
    kind = rng.random()
    if kind < 0.25 and n > 2:
        return text[:i] + text[i + 1 :]
    if kind < 0.45:
        return text[:i] + text[i] + text[i:]
    if kind < 0.70 and n > 1:
        i = int(rng.random() * (n - 1))
        return text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    letter = LETTERS[int(rng.random() * 26)]
    if kind < 0.90:
        near = NEAR.get(text[i])
        if near and rng.random() < 0.6:
            letter = near[int(rng.random() * len(near))]
        return text[:i] + letter + text[i + 1 :]
    if kind < 0.97:
        return text[:i] + letter + text[i:]
    if kind < 0.985 and n > 3:
        i = 1 + int(rng.random() * (n - 1))
        return text[:i] + " " + text[i:]
    return text[:i] + "¤*~_'-."[int(rng.random() * 7)] + text[i + (rng.random() < 0.4) :]


def still_clear(piece, text):
    """Whether a misspelt word still says what it said."""
    plain = "".join(char for char in bare(text) if char in LETTERS or char in " -")
    if piece.kind == "month":
        found = NEAR_MONTHS.get(plain.replace(" ", ""))
        return found == {piece.value} if found else len(piece.text) >= 6 or piece.value is None
    if piece.kind == "day":
        language, day = piece.value
        found = NEAR_DAYS[language].get(plain)
        return found == {day} if found else len(piece.text) >= 7
    return True


def misspell(pieces, rng, edits):
    """Errors in words, more often in long ones."""
    words = [piece for piece in pieces if piece.kind in ("month", "day", "word", "year")]
    if not words:
        return
    for _ in range(edits):
        at = rng.random() * sum(len(piece.text) for piece in words)
        for piece in words:
            at -= len(piece.text)
            if at < 0:
                break
        for _ in range(4):
            text = edit(piece.text, rng)
            if still_clear(piece, text):
                piece.text = text
                break


def loosen(pieces, rng):
    """One error in a space or in punctuation."""
    gaps = [i for i, piece in enumerate(pieces) if piece.kind in ("gap", "sign")]
    r = rng.random()
    if not gaps or r < 0.12:
        junk = [".", "!", "?", ",", ";", ":", ")", "(", "-", "..", " .", " -", '"', "'", "*", "~", "_", "#", "\\", "|", "€"]
        mark = junk[int(rng.random() * len(junk))]
        # a minus or a full stop before figures would be read with them
        if rng.random() < 0.7 or mark.strip() in "-.":
            pieces.append(type(pieces[0])(mark, "gap"))
        else:
            pieces.insert(0, type(pieces[0])(mark, "gap"))
        return
    i = gaps[int(rng.random() * len(gaps))]
    piece = pieces[i]
    text = piece.text
    if piece.kind == "sign":
        sign = text.strip() or " "
        choices = [f" {sign} ", f"{sign} ", f" {sign}", sign + sign, sign + " "]
        if piece.value:
            choices += ["/", ".", "-", " ", ",", "_", ":"]
        piece.text = choices[int(rng.random() * len(choices))]
        return
    before, after = pieces[i - 1].text[-1:] if i else "", pieces[i + 1].text[:1] if i + 1 < len(pieces) else ""
    choices = [text + text, text + " ", " " + text, text.strip() + "  ", text + text[-1:]]
    if not (before.isdigit() and after.isdigit()):
        choices += ["", text.strip(), "", ". ", ", ", " - ", "  ", "_", "."]
    elif text.strip(" ") and text.strip(" ") not in "-.:":
        choices += [" ", text.strip(" ")]
    piece.text = choices[int(rng.random() * len(choices))]


def confuse(pieces, rng):
    """The letters o and l where figures belong."""
    figures = [piece for piece in pieces if piece.kind == "digits" and ("0" in piece.text or "1" in piece.text)]
    if figures:
        piece = figures[int(rng.random() * len(figures))]
        places = [i for i, char in enumerate(piece.text) if char in "01"]
        i = places[int(rng.random() * len(places))]
        letter = "o" if piece.text[i] == "0" else "l" if rng.random() < 0.7 else "i"
        piece.text = piece.text[:i] + letter + piece.text[i + 1 :]


def roughen(pieces, rng):
    """Gives the pieces one to four errors."""
    r = rng.random()
    letters = sum(len(piece.text) for piece in pieces if piece.kind in ("month", "day", "word", "year"))
    edits = 1 if r < 0.5 else 2 if r < 0.78 else 3 if r < 0.9 else 0
    if letters < 3:
        edits = 0
    elif letters < 8:
        edits = min(edits, 1)
    loose = 0 if edits and rng.random() < 0.5 else 1 if rng.random() < 0.75 else 2
    if edits:
        misspell(pieces, rng, edits)
    for _ in range(loose):
        loosen(pieces, rng)
    if rng.random() < 0.03:
        confuse(pieces, rng)
