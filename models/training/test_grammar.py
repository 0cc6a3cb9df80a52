"""Checks of the grammar: python -m unittest discover models/training"""

import math
import re
import unittest
from random import Random

from grammar import derivations, parse, sample, story
from story_words import WORDS


class GrammarTest(unittest.TestCase):
    def test_every_story_parses_with_the_probability_of_its_draws(self):
        rng = Random(1)
        for _ in range(200):
            told = sample(rng)
            self.assertAlmostEqual(parse(told.text), told.log_prob, places=9)
            self.assertTrue(5 <= len(told.sentences) <= 16)
            self.assertEqual(len(told.sentences), len(told.sentiments))

    def test_sampled_texts_have_one_derivation(self):
        rng = Random(2)
        for _ in range(100):
            self.assertEqual(len(derivations(sample(rng).text)), 1)

    def test_sentences_make_the_text(self):
        told = story(Random(6))
        self.assertEqual(" ".join(told.sentences), told.text)
        self.assertTrue(all(re.fullmatch(r"[A-Z\"].*[.!?\"]", sentence) for sentence in told.sentences))

    def test_same_seed_same_stories(self):
        self.assertEqual([sample(Random(3)) for _ in range(2)], [sample(Random(3))] * 2)

    def test_what_disagrees_is_refused(self):
        rng = Random(4)
        for _ in range(50):
            told = sample(rng)
            text = told.text
            self.assertIsNone(parse(text + " "))
            self.assertIsNone(parse(text[:-1]))
            self.assertIsNone(parse(" ".join(told.sentences[1:])))
            pronouns = {" he ": " she ", " she ": " he "}
            for word, other in pronouns.items():
                if word in text:
                    self.assertIsNone(parse(text.replace(word, other, 1)))
        self.assertIsNone(parse(""))

    def test_lists_hold_nothing_twice(self):
        for field, options in WORDS.items():
            if isinstance(options, list):
                self.assertEqual(len(set(options)), len(options), field)

    def test_frequencies_are_probabilities(self):
        rng = Random(5)
        count = 4000
        begun = sum(sample(rng).text.startswith("There once was") for _ in range(count))
        self.assertLess(abs(begun / count - 1 / 6), 4 * math.sqrt(1 / 6 * 5 / 6 / count))


if __name__ == "__main__":
    unittest.main()
