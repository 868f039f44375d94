"""The rule by which the demo's open answers are graded, and answers of every grade to learn from.

Every answer of the demo is one word of a short list (colours, shapes, counts, ...). What a
candidate says is the words of that list that it contains:

    the right word and no other    yes, 5
    the right word among others    no, 2
    only other words of the list   no, 1
    none of them                   no, 0
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass

import numpy as np

from training.asking import ANIMALS, COUNTS, LETTERS, Query, about_subtitles, queries
from training.narration import CHATTER
from training.scene import COLORS, DIRECTIONS, PLACES, SHAPES, imagine
from training.tokenizer import PIECE, PROMPTS

POOLS = (tuple(COLORS), SHAPES, COUNTS, PLACES, tuple(DIRECTIONS), ANIMALS)
WORDS = tuple(sorted(set(re.findall(r"[a-z]+", PROMPTS.lower())) - {w for p in POOLS for w in p}))
RIGHT, HEDGED, WRONG, NOTHING = (1, 5), (0, 2), (0, 1), (0, 0)
SENTENCES = (
    "{}", "{}", "{}", "{}.", "It is {}.", "The answer is {}.", "I think it is {}.", "the {} one",
    "The color is {}", "The shape is a {}.", "{} objects", "It moves {}.", "It must be the {}.",
    "There are {} of them.", "a {}", "{}, I think", "{} {} {}", "In the video it is {}.",
)  # fmt: skip


def pool(answer: str) -> tuple[str, ...]:
    """The list that an answer is one of. Raises KeyError for a word of none."""
    for words in POOLS:
        if answer in words:
            return words
    raise KeyError(answer)


def grade(answer: str, candidate: str) -> tuple[int, int]:
    """(1 for right or 0, score 0 to 5) of a candidate, by the rule above."""
    said = set(re.findall(PIECE, candidate.lower())) & set(pool(answer))
    if said == {answer}:
        return RIGHT
    if answer in said:
        return HEDGED
    return WRONG if said else NOTHING


@dataclass(frozen=True)
class Item:
    """A question, its right answer and a candidate."""

    question: str
    answer: str
    candidate: str


def asked(count: int, rng: np.random.Generator) -> list[Query]:
    """Questions of the demo's kinds about ``count`` random scenes."""
    found: list[Query] = []
    for number in range(count):
        plot = ("still", "moving", "sequence")[number % 3]
        found += queries(imagine(rng, plot, flash=0.5), rng)  # type: ignore[arg-type]
        found.append(about_subtitles(str(rng.choice(ANIMALS))))
    return found


def item(query: Query, rng: np.random.Generator) -> Item:
    """The question with a candidate of a random kind: right about as often as wrong."""
    answer = query.answer
    others = [word for word in pool(answer) if word != answer]
    other = str(rng.choice(others))
    kind = rng.random()
    if kind < 0.45:
        said = _sentence(answer, rng)
    elif kind < 0.68:
        said = _sentence(other, rng)
    elif kind < 0.82:
        said = _several([answer, *rng.permutation(others)[: rng.integers(1, 4)]], rng)
    elif kind < 0.87:
        said = _several([str(word) for word in rng.permutation(others)[:2]], rng)
    else:
        said = _nothing(answer, rng)
    return Item(query.text, answer, said)


def _sentence(word: str, rng: np.random.Generator) -> str:
    """The word, in a sentence or with an option's letter or among words that say nothing."""
    said = str(rng.choice(SENTENCES)).format(word, word, word)
    if rng.random() < 0.15:
        return f"{rng.choice(list(LETTERS))}. {word}"
    if rng.random() < 0.2:
        return f"{_filler(rng)} {said} {_filler(rng)}".strip()
    return said


def _several(words: list[str], rng: np.random.Generator) -> str:
    shuffled = [str(word) for word in rng.permutation(words)]
    return _sentence(str(rng.choice((" or ", " and ", ", ", " "))).join(shuffled), rng)


def _filler(rng: np.random.Generator) -> str:
    return " ".join(str(word) for word in rng.choice(WORDS, rng.integers(0, 4)))


def _nothing(answer: str, rng: np.random.Generator) -> str:
    """A candidate without any word of the list: another list's, chatter, letters, or nothing."""
    kind = rng.integers(6)
    if kind == 0:
        return ""
    if kind == 1:
        return str(rng.choice(CHATTER))
    if kind == 2:
        return str(rng.choice(list(LETTERS)))
    if kind == 3:
        return _filler(rng)
    if kind == 4:
        return "".join(str(c) for c in rng.choice(list(string.ascii_lowercase), 5))
    lists = [words for words in POOLS if answer not in words]
    return _sentence(str(rng.choice(lists[rng.integers(len(lists))])), rng)
