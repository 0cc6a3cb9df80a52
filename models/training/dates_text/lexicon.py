"""The words of dates in four languages: months, weekdays, numbers, and what stands before and behind a date.

Everything is lower case and without accents where a form is compared; as written here, accents are kept, since the tokenizer takes
them off (and the writer sometimes does before).
"""

LANGUAGES = ("en", "de", "fr", "es")

# By month: full names first, then shorter ones.
MONTHS = {
    "en": [
        ["january", "jan"], ["february", "feb", "febr"], ["march", "mar"], ["april", "apr"], ["may"], ["june", "jun"],
        ["july", "jul"], ["august", "aug"], ["september", "sep", "sept"], ["october", "oct"], ["november", "nov"],
        ["december", "dec"],
    ],
    "de": [
        ["januar", "jan", "jänner", "jän"], ["februar", "feb", "febr", "feber"], ["märz", "mrz", "mär", "maerz"],
        ["april", "apr"], ["mai"], ["juni", "jun", "juno"], ["juli", "jul"], ["august", "aug"],
        ["september", "sep", "sept"], ["oktober", "okt"], ["november", "nov"], ["dezember", "dez"],
    ],
    "fr": [
        ["janvier", "janv", "jan"], ["février", "févr", "fév"], ["mars"], ["avril", "avr"], ["mai"], ["juin"],
        ["juillet", "juil"], ["août", "aout"], ["septembre", "sept", "sep"], ["octobre", "oct"],
        ["novembre", "nov"], ["décembre", "déc"],
    ],
    "es": [
        ["enero", "ene"], ["febrero", "feb"], ["marzo", "mar"], ["abril", "abr"], ["mayo", "may"], ["junio", "jun"],
        ["julio", "jul"], ["agosto", "ago"], ["septiembre", "sep", "sept", "setiembre", "set"], ["octubre", "oct"],
        ["noviembre", "nov"], ["diciembre", "dic"],
    ],
}
ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"]

WEEKDAYS = {
    "en": [
        ["monday", "mon"], ["tuesday", "tue", "tues"], ["wednesday", "wed"], ["thursday", "thu", "thurs", "thur"],
        ["friday", "fri"], ["saturday", "sat"], ["sunday", "sun"],
    ],
    "de": [
        ["montag", "mo"], ["dienstag", "di"], ["mittwoch", "mi"], ["donnerstag", "do"], ["freitag", "fr"],
        ["samstag", "sa", "sonnabend"], ["sonntag", "so"],
    ],
    "fr": [
        ["lundi", "lun"], ["mardi", "mar"], ["mercredi", "mer"], ["jeudi", "jeu"], ["vendredi", "ven"],
        ["samedi", "sam"], ["dimanche", "dim"],
    ],
    "es": [
        ["lunes", "lun"], ["martes", "mar"], ["miércoles", "mié"], ["jueves", "jue"], ["viernes", "vie"],
        ["sábado", "sáb"], ["domingo", "dom"],
    ],
}


def _english():
    units = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
    tens = "x x twenty thirty forty fifty sixty seventy eighty ninety".split()
    ordinal = {
        "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
        "twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth",
    }

    def cardinal(n):
        if n < 20:
            return units[n]
        return tens[n // 10] + (f"-{units[n % 10]}" if n % 10 else "")

    def nth(n):
        head, dash, last = cardinal(n).rpartition("-")
        return head + dash + ordinal.get(last, last + "th")

    return cardinal, nth


def _german(n):
    units = "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn".split()
    tens = "x x zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig".split()
    if n < 20:
        return units[n]
    return (units[n % 10] + "und" if n % 10 else "") + tens[n // 10]


def _german_nth(n):
    special = {1: "erst", 3: "dritt", 7: "siebt", 8: "acht"}
    return special.get(n) or _german(n) + ("t" if n < 20 else "st")


def _french(n):
    units = "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit dix-neuf".split()
    tens = "x x vingt trente quarante cinquante soixante".split()
    if n < 20:
        return units[n]
    if n < 70:
        ten, unit = divmod(n, 10)
        return tens[ten] + ("" if unit == 0 else " et un" if unit == 1 else f"-{units[unit]}")
    if n < 80:
        return "soixante et onze" if n == 71 else f"soixante-{units[n - 60]}"
    return "quatre-vingts" if n == 80 else f"quatre-vingt-{units[n - 80]}"


def _spanish(n):
    units = "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho veintinueve".split()
    tens = "x x x treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()
    if n < 30:
        return units[n]
    return tens[n // 10] + (f" y {units[n % 10]}" if n % 10 else "")


_english_cardinal, _english_nth = _english()

# Words for the days 1 to 31, as they stand in a date: DAY_WORDS[language][day] is a list.
DAY_WORDS = {
    "en": [None] + [[_english_nth(n), _english_nth(n).replace("-", " ")] for n in range(1, 32)],
    "de": [None] + [[_german_nth(n) + "en", _german_nth(n) + "er", _german_nth(n) + "e"] for n in range(1, 32)],
    "fr": [None, ["premier"]] + [[_french(n), _french(n).replace("-", " ")] for n in range(2, 32)],
    "es": [None, ["primero", "uno"]] + [[_spanish(n)] for n in range(2, 32)],
}


def year_words(language, year, rng):
    """A year in words, as it is read aloud. Years 1500 to 2099."""
    century, rest = divmod(year, 100)
    thousand = year % 1000
    if language == "en":
        if century == 20 and (rest < 10 or rng.random() < 0.4):
            joint = " and " if rng.random() < 0.6 else " "
            return "two thousand" + (joint + _english_cardinal(rest) if rest else "")
        head = _english_cardinal(century)
        if rest == 0:
            return head + " hundred"
        if rest < 10:
            return f"{head} oh {_english_cardinal(rest)}" if rng.random() < 0.7 else f"{head} hundred and {_english_cardinal(rest)}"
        tail = _english_cardinal(rest)
        return f"{head} {tail.replace('-', ' ') if rng.random() < 0.3 else tail}"
    if language == "de":
        if century == 20:
            joint = "und" if rest and rng.random() < 0.3 else ""
            return "zweitausend" + joint + (_german_year_rest(rest) if rest else "")
        return _german(century) + "hundert" + (_german_year_rest(rest) if rest else "")
    if language == "fr":
        head = "deux mille" if year >= 2000 else rng.choice(["mille", "mil"])
        hundreds, rest = divmod(thousand, 100)
        parts = [head]
        if hundreds:
            parts.append(("" if hundreds == 1 else _french(hundreds) + " ") + "cent")
        if rest:
            parts.append(_french(rest))
        words = " ".join(parts)
        return words.replace("-", " ") if rng.random() < 0.3 else words
    hundreds, rest = divmod(thousand, 100)
    parts = ["dos mil" if year >= 2000 else "mil"]
    names = {5: "quinientos", 7: "setecientos", 9: "novecientos", 1: "ciento"}
    if hundreds:
        parts.append(names.get(hundreds) or _spanish(hundreds) + "cientos")
    if rest:
        parts.append(_spanish(rest))
    return " ".join(parts)


def _german_year_rest(n):
    return "eins" if n == 1 else _german(n)


# What stands directly before a date. An empty string: nothing.
LEADS = {
    "en": [
        "on ", "on the ", "the ", "dated ", "date: ", "since ", "until ", "till ", "by ", "before ", "after ", "from ", "of ",
        "as of ", "born on ", "born ", "on or before ", "due ", "due date: ", "due by ", "starting ", "in ", "as from ",
        "date of birth: ", "dob: ", "expires ", "expires on ", "valid until ", "published on ", "no later than ", "for ",
        "this ", "effective ", "deadline: ", "posted ", "updated: ", "on this day, ", "it was ", "today is ", "released on ",
        "died on ", "married on ", "signed on ", "held on ", "arrives on ", "sent: ",
    ],
    "de": [
        "am ", "den ", "der ", "dem ", "vom ", "seit ", "seit dem ", "bis ", "bis zum ", "zum ", "ab ", "ab dem ", "vor dem ",
        "nach dem ", "datum: ", "geboren am ", "geb. ", "geb. am ", "stand: ", "stand ", "fällig am ", "gültig bis ", "von ",
        "spätestens am ", "gestorben am ", "rechnung vom ", "brief vom ", "termin am ", "termin: ", "heute ist der ",
        "veröffentlicht am ", "unterschrieben am ", "berlin, den ", "wien, am ", "geburtsdatum: ", "dies ist der ", "frist: ",
    ],
    "fr": [
        "le ", "du ", "au ", "depuis le ", "jusqu'au ", "avant le ", "après le ", "dès le ", "à partir du ", "en date du ",
        "né le ", "née le ", "daté du ", "date : ", "date: ", "paris, le ", "fait à lyon, le ", "le jour du ", "ce ", "mort le ",
        "publié le ", "valable jusqu'au ", "le concert du ", "facture du ", "lettre du ", "réunion du ", "rendez-vous le ",
        "date de naissance : ", "nous sommes le ", "signé le ", "échéance : ", "pour le ",
    ],
    "es": [
        "el ", "el día ", "del ", "al ", "desde el ", "hasta el ", "antes del ", "después del ", "a ", "a partir del ", "fecha: ",
        "nacido el ", "nacida el ", "con fecha ", "con fecha de ", "madrid, ", "madrid, a ", "en lima, el ", "día ", "para el ",
        "publicado el ", "válido hasta el ", "el concierto del ", "factura del ", "carta del ", "reunión del ", "hoy es ",
        "fecha de nacimiento: ", "murió el ", "firmado el ", "vence el ", "la noche del ", "desde ", "hasta ",
    ],
}

# What stands behind a date.
TAILS = {
    "en": [
        " at noon", " in the morning", " in london", " at the latest", " in the evening", " only", " was a good day", " or so",
        " (provisional)", " at our office", " we met", " it rained", ", new york", " please", " is the date", " he was born",
        " onwards", " ad", " sharp", " at midnight", ", as agreed",
    ],
    "de": [
        " um zwölf uhr", " abends", " in berlin", " morgens", " in der stadthalle", " war ein guter tag", " hat es geregnet",
        " statt", " bitte", " findet es statt", ", wien", " gegen mittag", " ist er geboren", " wie vereinbart",
        " in hamburg", " nachmittags", " war das wetter schön", " an", " ab",
    ],
    "fr": [
        " à midi", " au soir", " à paris", " au matin", " au théâtre", " il pleuvait", " dernier délai", " s'il vous plaît",
        ", lyon", " dans la soirée", " au plus tard", " nous étions là", " comme prévu", " à la mairie", " au stade",
    ],
    "es": [
        " a mediodía", " por la tarde", " en madrid", " por la mañana", " en el teatro", " llovía", " como máximo", " por favor",
        ", sevilla", " de madrugada", " a más tardar", " en la plaza", " como acordamos", " nació", " en punto",
    ],
}

# Words that may stand before the lead.
SUBJECTS = {
    "en": "invoice letter concert meeting report contract photo ticket order delivery flight exam party message we she he they the see your our was is will be start begin ends opened closed written paid born arrived house bridge museum number old new first second one may march time day night".split(),
    "de": "rechnung brief konzert treffen bericht vertrag foto karte bestellung lieferung flug prüfung feier nachricht wir sie er ihr das siehe dein unser war ist wird beginn ende geöffnet geschrieben bezahlt haus brücke museum nummer alte neue erste zwei eine zeit tag nacht schreiben".split(),
    "fr": "facture lettre concert réunion rapport contrat photo billet commande livraison vol examen fête message nous elle il ils la voir votre notre était est sera début fin ouvert fermé écrit payé maison pont musée numéro vieux nouveau un une deux neuf première temps jour nuit".split(),
    "es": "factura carta concierto reunión informe contrato foto entrada pedido entrega vuelo examen fiesta mensaje nosotros ella él ellos la ver su nuestro era es será inicio fin abierto cerrado escrito pagado casa puente museo número viejo nuevo un una dos primera tiempo día noche".split(),
}
TIMES = {
    "en": [" at {h}:{m}", ", {h}:{m}", " {h}:{m}", " {h}:{m}:{s}", " at {h} pm", " {h}:{m} am", " at {h} o'clock", " @ {h}:{m}", " {h}pm", " {h}:{m}:{s} gmt"],
    "de": [" um {h}:{m}", ", {h}:{m}", " {h}:{m} uhr", " um {h} uhr", " um {h}.{m} uhr", ", {h} uhr", " gegen {h} uhr"],
    "fr": [" à {h}h{m}", ", {h}:{m}", " à {h}h", " à {h} h", " à {h} heures", " vers {h} h {m}", " à {h}:{m}"],
    "es": [" a las {h}:{m}", ", {h}:{m}", " a las {h}", " a las {h} h", " {h}:{m} h", " a las {h}.{m}"],
}
