"""Captions: words as the PTB rules make them, CIDEr over a corpus and over each video, axes."""

from __future__ import annotations

import math
import sys
from importlib import import_module

import pytest

from harness.corpus_metrics import Cider, MeanOf
from harness.errors import RequestError
from harness.scoring.captions import CaptionScorer, cider, words
from harness.types import Question, Record, Response, Score


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A man, in a red-shirt; runs!", "a man in a red-shirt runs"),
        ("It's a man's dog, isn't it?", "it 's a man 's dog is n't it"),
        ("Two (2) dogs: 1,000 cats - 3.5 m", "two -lrb- 2 -rrb- dogs 1,000 cats 3.5 m"),
        ("they're 'here'", "they 're here"),
        ("it’s a man’s", "it 's a man 's"),
        (
            "Mr. Smith's U.S. flag is 5'10\" tall & 100% cotton",
            "mr. smith 's u.s. flag is 5 10 tall & 100 % cotton",
        ),
        ("I can't, won't and cannot go; gonna try", "i ca n't wo n't and can not go gon na try"),
        ("a T-shirt/jacket for $20", "a t-shirt/jacket for $ 20"),
        ("the 3rd person at 2:30 p.m.", "the 3rd person at 2:30 p.m."),
        ('He said "hello" to them...', "he said hello to them"),
        ("a man dancing -- very well", "a man dancing very well"),
        ("add 1/2 cup of milk and mix", "add 1/2 cup of milk and mix"),
        ("dogs' toys and boys' games", "dogs toys and boys games"),
        ("... -- !", ""),
    ],
)
def test_words_as_the_java_tokenizer_of_pycocoevalcap_makes_them(text, tokens):
    assert " ".join(words(text)) == tokens


CORPUS = [
    ("a dog runs in the park", ["a dog runs in the park", "a dog is running"]),
    ("a cat sleeps", ["the cat is asleep on a bed"]),
    ("", ["two men cook"]),
]


def test_cider_counts_rarity_over_the_corpus():
    pytest.importorskip("pycocoevalcap", reason="the extra [captions] is not installed")
    values = cider([said for said, _ in CORPUS], [golds for _, golds in CORPUS])
    assert values[0] > values[1] > values[2] == 0.0
    assert cider(["a dog"], [["a dog"]]) == [0.0]  # nothing is rare in a corpus of one
    theirs = import_module("pycocoevalcap.cider.cider").Cider()
    longer = [(said, [f"{golds[0]} with a cat", *golds[1:]]) for said, golds in CORPUS]
    known = {n: golds for n, (_, golds) in enumerate(longer)}
    _, expected = theirs.compute_score(known, {n: [said] for n, (said, _) in enumerate(longer)})
    assert cider([said for said, _ in longer], list(known.values())) == pytest.approx(expected)
    copies = cider(["a dog runs", "two men cook"], [["a dog runs"], ["two men cook"]])
    assert copies == pytest.approx([7.5, 7.5])  # no 4-grams in three words


def record(id, video, said, golds):
    return Record(
        Question(id, "?", target=golds), video, "", response=Response(id, said),
        score=Score({"rouge_l": 0.5}), status="scored",
    )  # fmt: skip


def test_the_corpus_figure_and_the_one_per_video_are_two():
    pytest.importorskip("pycocoevalcap", reason="the extra [captions] is not installed")
    alone = record("1", "a", "stir the soup well", ["stir the soup well"])
    pair = [
        record("2", "b", "cut the red onion", ["cut the red onion"]),
        record("3", "b", "fry it in hot oil", ["boil some water first"]),
    ]
    corpus = Cider().estimate([alone, *pair])
    video = Cider(rarity="video").estimate([alone, *pair])
    assert (corpus.n, corpus.clusters, video.n, video.clusters) == (3, 2, 3, 2)
    assert corpus.value == pytest.approx(2000 / 3, rel=0.05)
    assert video.value == pytest.approx((0 + 500) / 2, rel=0.1)


def test_a_blank_caption_has_no_value_and_the_extra_is_named(monkeypatch):
    question = Question("q", "?", target=["a dog"])
    assert CaptionScorer().score(question, Response("q", " ")) == Score({}, None)
    assert CaptionScorer().score(Question("q", "?"), Response("q", "A dog.")) == Score({}, "a dog")
    monkeypatch.setitem(sys.modules, "pycocoevalcap", None)
    monkeypatch.setitem(sys.modules, "pycocoevalcap.rouge.rouge", None)
    with pytest.raises(RequestError, match=r"its extra \[captions\]"):
        CaptionScorer().score(question, Response("q", "a dog"))


def test_rouge_l_is_of_the_better_reference():
    """LCS a, dog: P = 2/3, R = 2/4, of the first reference; β = 1.2."""
    pytest.importorskip("pycocoevalcap", reason="the extra [captions] is not installed")
    question = Question("q", "?", target=["A dog is running.", "the cat"])
    f = (1 + 1.2**2) * (2 / 3) * (2 / 4) / (2 / 4 + 1.2**2 * (2 / 3))
    assert CaptionScorer().score(question, Response("q", "A dog runs!")) == Score(
        {"rouge_l": pytest.approx(f)}, "a dog runs"
    )


def axis(id, video, **values):
    return Record(
        Question(id, "?", target="x"), video, "", response=Response(id, "y"),
        score=Score(values), status="scored",
    )  # fmt: skip


def test_the_mean_of_axes_weighs_each_alike():
    records = [
        axis("1", "a", correctness=4.0, detail=2.0),
        axis("2", "b", correctness=2.0, detail=0.0),
        axis("3", "a", temporal=5.0),
    ]
    found = MeanOf(("correctness", "detail", "temporal")).estimate(records)
    assert found.value == pytest.approx((3 + 1 + 5) / 3)
    assert (found.n, found.clusters) == (5, 2)
    assert math.isnan(MeanOf(("correctness", "context")).estimate(records).value)
