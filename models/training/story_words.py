"""The words of the stories: what each blank of a sentence may hold, and which other blanks it depends on.

grammar.py fills a blank `{field}` from WORDS[field]: a list, or a function of the story told so far that returns one (the
names of girls for a girl, what is done at a beach on a beach). Every choice among a list's entries is uniform, and no list
holds an entry twice. A field in REMEMBERED keeps its first value for the rest of the story; every other is drawn anew.
"""

NAMES = {
    "girl": ["Lily", "Anna", "Mia", "Rosa", "Ella", "Nora", "Ida", "Zoe", "Clara", "Emma"],
    "boy": ["Tom", "Ben", "Max", "Leo", "Sam", "Finn", "Otto", "Paul", "Jack", "Theo"],
}
PRONOUNS = {
    "girl": {"she": "she", "She": "She", "her": "her", "Her": "Her", "him": "her"},
    "boy": {"she": "he", "She": "He", "her": "his", "Her": "His", "him": "him"},
}

# kind of character: where it lives, what it eats (a plural), how it gets about
CHILD = {
    "home": ["a little house", "a tall house", "an old house by the road"],
    "food": ["apples", "pancakes", "cookies", "cherries"],
    "moved": ["walked", "ran", "went"],
}
ANIMALS = {
    "bear": {"home": ["a warm cave"], "food": ["pots of honey", "berries"], "moved": ["walked", "went"]},
    "rabbit": {"home": ["a deep burrow"], "food": ["carrots", "turnips"], "moved": ["hopped", "went"]},
    "mouse": {"home": ["a hole in the wall", "an old shoe"], "food": ["pieces of cheese", "nuts"], "moved": ["ran", "went"]},
    "cat": {"home": ["a basket by the stove"], "food": ["fish", "sausages"], "moved": ["walked", "ran", "went"]},
    "dog": {"home": ["a wooden hut"], "food": ["bones", "sausages"], "moved": ["walked", "ran", "went"]},
    "fox": {"home": ["a den under the roots of a tree"], "food": ["grapes", "plums"], "moved": ["walked", "ran", "went"]},
    "frog": {"home": ["a hut among the reeds"], "food": ["pancakes", "water lilies"], "moved": ["hopped", "went"]},
    "duck": {"home": ["a nest by the pond"], "food": ["pieces of bread", "peas"], "moved": ["walked", "flew", "went"]},
    "owl": {"home": ["a hollow tree"], "food": ["nuts", "berries"], "moved": ["flew", "went"]},
    "hedgehog": {"home": ["a heap of leaves"], "food": ["apples", "pears"], "moved": ["walked", "went"]},
}

SEASONS = {
    "spring": {
        "sky": ["The first flowers were in bloom.", "The birds were singing again.", "A soft rain had washed the grass."],
        "clothes": ["green jacket", "rain boots"],
        "late": ["the birds were singing", "the wind smelled of flowers"],
    },
    "summer": {
        "sky": ["The sun was hot.", "The sky was blue from morning to night.", "Bees were humming everywhere."],
        "clothes": ["straw hat", "sandals"],
        "late": ["the evening was still warm", "the crickets were singing"],
    },
    "autumn": {
        "sky": ["The leaves were turning red and gold.", "The wind was strong.", "There was fog in the morning."],
        "clothes": ["brown coat", "woolly hat"],
        "late": ["the leaves were falling", "the wind was blowing"],
    },
    "winter": {
        "sky": ["Snow lay on every roof.", "It was very cold.", "The pond was frozen."],
        "clothes": ["thick mittens", "warm scarf"],
        "late": ["the snow was falling", "the stars were bright over the snow"],
    },
}

# place: what one goes there for, where something may lie, what may happen to somebody there
PLACES = {
    "forest": {
        "do": ["look for mushrooms", "climb trees", "listen to the birds"],
        "spot": ["under a fir tree", "behind a big stone", "on the soft moss", "in a hollow log"],
        "trouble": ["was caught in a thorn bush", "had fallen into a deep hole"],
    },
    "beach": {
        "do": ["collect shells", "watch the waves", "dig in the sand"],
        "spot": ["in the sand", "between two rocks", "under an old boat", "behind a dune"],
        "trouble": ["was stuck on a rock in the sea", "was tangled in a net"],
    },
    "park": {
        "do": ["play on the swings", "feed the pigeons", "run on the grass"],
        "spot": ["under a bench", "beside the fountain", "behind the swings", "on the path"],
        "trouble": ["was stuck at the top of a tree", "had fallen into the fountain"],
    },
    "river": {
        "do": ["throw stones into the water", "catch a fish", "watch the boats"],
        "spot": ["under the bridge", "among the reeds", "on the bank", "behind the mill"],
        "trouble": ["was holding on to a branch in the water", "was stuck in the mud"],
    },
    "farm": {
        "do": ["see the horses", "feed the hens", "jump in the hay"],
        "spot": ["in the hay", "behind the barn", "under the cart", "beside the well"],
        "trouble": ["was shut in the dark barn", "had fallen into the well"],
    },
    "market": {
        "do": ["buy bread", "look at the toys", "hear the music"],
        "spot": ["under a table", "beside a basket", "behind the bakery", "on the steps"],
        "trouble": ["was lost in the crowd", "was trapped under a heap of boxes"],
    },
    "hill": {
        "do": ["fly a kite", "look at the clouds", "roll down the grass"],
        "spot": ["in the tall grass", "on a flat stone", "under an oak tree", "beside the fence"],
        "trouble": ["was stuck between two rocks", "had hurt a foot on the stones"],
    },
}

# what is made: how it is called later, what it takes, how it turns out well, badly
PROJECTS = {
    "bake a cake": ("cake", ["sugar", "eggs", "butter"], "smelled wonderful", "was burnt black"),
    "cook a soup": ("soup", ["carrots", "salt", "beans"], "tasted delicious", "tasted awful"),
    "build a boat": ("boat", ["wood", "nails", "a rope"], "floated beautifully", "sank at once"),
    "build a treehouse": ("treehouse", ["wood", "nails", "a ladder"], "was strong and cosy", "fell to the ground"),
    "paint a picture": ("picture", ["paint", "paper", "a brush"], "was bright and lovely", "was ruined by a big blot"),
    "make a kite": ("kite", ["paper", "string", "glue"], "flew high and proud", "was torn to pieces"),
    "plant a garden": ("garden", ["seeds", "a spade", "water"], "was full of beautiful flowers", "was dry and dead"),
    "make a lantern": ("lantern", ["paper", "a candle", "glue"], "shone like a little star", "caught fire"),
}

NUMBERS = ["one", "two", "three", "four", "five", "six"]


def pronoun(field, which):
    return lambda story: [PRONOUNS[story.get("gender" + which)][field]]


def kind(which):
    return lambda story: [story.get("gender" + which), *ANIMALS]


def trait(field, which=""):
    return lambda story: ANIMALS.get(story.get("kind" + which), CHILD)[field]


def of_season(field):
    return lambda story: SEASONS[story.get("season")][field]


def of_place(field):
    return lambda story: PLACES[story.get("place")][field]


WORDS = {
    # who: the hero, and the friend (fields that end in 2)
    "gender": list(NAMES),
    "kind": kind(""),
    "name": lambda story: NAMES[story.get("gender")],
    "gender2": list(NAMES),
    "kind2": kind("2"),
    "name2": lambda story: [name for name in NAMES[story.get("gender2")] if name != story.get("name")],
    **{field + which: pronoun(field, which) for field in PRONOUNS["girl"] for which in ("", "2")},
    "home": trait("home"),
    "food": trait("food"),
    "moved": trait("moved"),
    "moved2": trait("moved", "2"),
    "family": ["mother", "father", "grandmother", "grandfather", "big sister", "little brother", "aunt", "uncle"],
    "look": ["little", "young", "clever", "small", "brave", "shy", "funny", "curious", "quiet", "kind"],
    "land": ["a village by the sea", "a green valley", "a small town", "a land far away", "a quiet village"],
    # when and where
    "season": list(SEASONS),
    "sky": of_season("sky"),
    "clothes": of_season("clothes"),
    "late": of_season("late"),
    "when": ["One morning", "One day", "One afternoon", "On a Sunday", "After breakfast"],
    "place": list(PLACES),
    "do": of_place("do"),
    "spot": of_place("spot"),
    "trouble": of_place("trouble"),
    # what
    "colour": ["red", "blue", "green", "yellow", "white", "golden", "purple", "orange"],
    "thing": ["ball", "hat", "key", "drum", "doll", "bell", "book", "ribbon", "lamp", "whistle", "umbrella", "toy train"],
    "project": list(PROJECTS),
    "work": lambda story: [PROJECTS[story.get("project")][0]],
    "tool": lambda story: PROJECTS[story.get("project")][1],
    "success": lambda story: [PROJECTS[story.get("project")][2]],
    "failure": lambda story: [PROJECTS[story.get("project")][3]],
    "help": ["a long rope", "a ladder", "a strong stick"],
    # numbers: how many there were, how many were given, how many are left
    "all": NUMBERS[2:],
    "given": lambda story: NUMBERS[: NUMBERS.index(story.get("all"))][:3],
    "left": lambda story: [NUMBERS[NUMBERS.index(story.get("all")) - NUMBERS.index(story.get("given")) - 1]],
    # how it felt
    "glad": ["happy", "glad", "proud", "cheerful", "delighted"],
    "sorry": ["sad", "lonely", "angry", "unhappy", "afraid"],
    "nice": ["beautiful", "wonderful", "lovely", "great", "fine"],
    "bad": ["terrible", "awful", "horrible", "bad", "miserable"],
}

REMEMBERED = {
    *("gender", "kind", "name", "gender2", "kind2", "name2", "home", "food", "family", "land", "season", "clothes"),
    *("place", "do", "colour", "thing", "project", "work", "help", "all", "given", "left"),
}
