"""Open answers without a judge: numbers, moments, references, and their sources' rules."""

from __future__ import annotations

import pytest

from harness.errors import DataError, RequestError
from harness.scoring import mmvu_lmms
from harness.scoring.by_group import ByGroup
from harness.scoring.choice import ChoiceScorer
from harness.scoring.intervals import RULES as MOMENTS
from harness.scoring.intervals import IntervalScorer, overlap
from harness.scoring.numbers import (
    FirstTokenScorer,
    NumberScorer,
    first_token_number,
    mean_relative_accuracy,
    the_number,
)
from harness.scoring.references import ReferenceScorer, exact, mmmu_open
from harness.types import Question, Response


def score(scorer, text, target, options=(), **groups):
    question = Question("q", "?", options, target, groups)
    return scorer.score(question, Response("q", text))


@pytest.mark.parametrize(
    ("said", "target", "worth"),
    [(4, 4, 1.0), (4.1, 4, 1.0), (4.4, 4, 0.9), (5, 4, 0.6), (2, 4, 0.1), (8, 4, 0.0), (-4, 4, 0)],
)
def test_mean_relative_accuracy(said, target, worth):
    assert mean_relative_accuracy(said, target) == pytest.approx(worth)


@pytest.mark.parametrize(
    ("text", "ours", "official"),
    [
        ("3", 3, 3),
        ("3.", 3, 3),
        ("3.5 meters", 3.5, 3.5),
        ("about 3.5 meters", 3.5, None),
        ("three", 3, None),
        ("There are 4 chairs.", 4, None),
        ("1,200", 1200, None),
        ("between 3 and 5", None, None),
        ("nan", None, None),
        ("many", None, None),
        ("", None, None),
    ],
)
def test_reading_a_number(text, ours, official):
    assert the_number(text) == ours
    assert first_token_number(text) == official


def test_a_number_that_cannot_be_read_has_no_value():
    assert score(NumberScorer(), "many", 4).values == {}
    assert score(NumberScorer(), "4", None).values == {}
    assert score(NumberScorer(), "5", 4).values == {"accuracy": pytest.approx(0.6)}
    assert score(NumberScorer(exact=True), "5", 4).values == {"accuracy": 0.0}
    assert score(NumberScorer(exact=True), "4", 4).values == {"accuracy": 1.0}


def test_a_target_that_can_never_be_right_is_named():
    assert "no number" in NumberScorer().problem(Question("q", "?", target="red"))
    assert "not above 0" in NumberScorer().problem(Question("q", "?", target=0))
    assert NumberScorer().problem(Question("q", "?", target="2.5")) is None
    assert "[[start, end]]" in IntervalScorer().problem(Question("q", "?", target=[[9, 3]]))
    assert "[[start, end]]" in IntervalScorer().problem(Question("q", "?", target="3-9"))
    assert IntervalScorer().problem(Question("q", "?", target=[[3, 9.5]])) is None


@pytest.mark.parametrize(("text", "worth"), [("B. chair", 1), ("b", 1), ("(B)", 0), ("It is B", 0)])
def test_vsibenchs_rule_for_letters(text, worth):
    assert score(FirstTokenScorer(), text, "B").values == {"accuracy": worth}


@pytest.mark.parametrize(
    ("first", "second", "iou"),
    [((0, 10), (5, 15), 1 / 3), ((0, 1), (2, 3), 0), ((2, 4), (2, 4), 1), ((1, 1), (1, 1), 0)],
)
def test_overlap(first, second, iou):
    assert overlap(first, second) == pytest.approx(iou)


@pytest.mark.parametrize(
    ("text", "lmms", "ours"),
    [
        ("The event happens in the 24.3 - 30.4 seconds.", (24.3, 30.4), (24.3, 30.4)),
        ("24.3 - 30.4", (24.3, 30.4), (24.3, 30.4)),
        ("from 24.3 to 30.4 seconds", (24.3, 30.4), (24.3, 30.4)),
        ("00:03 - 00:09", (3, 9), (3, 9)),
        ("Start time: 3\nEnd time: 9", (3, 9), (3, 9)),
        ("The event starts at 3 seconds and ends at 9 seconds.", None, (3, 9)),
        ("between 3 and 9 seconds", None, (3, 9)),
        ("[3, 9] start", None, (3, 9)),
        ("3 — 9", None, (3, 9)),
        ("happens in frames 10 - 20 (1.2 - 2.4 seconds)", (10, 20), (1.2, 2.4)),
        ("-3 - 9 happens", (3, 9), (3, 9)),
        ("30.4 - 24.3", (24.3, 30.4), (24.3, 30.4)),
        ("3 - 9 or 12 - 15", (3, 9), None),
        ("from 1:23 to 1:30.5", None, (83, 90.5)),
        ("I do not know", None, None),
        ("", None, None),
    ],
)
def test_reading_a_moment(text, lmms, ours):
    assert MOMENTS["default"](text) == ours
    if "1:23" not in text:
        assert MOMENTS["charades_lmms"](text) == lmms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The event happens in the 24.3 - 30.4 seconds.", (24.3, 30.4)),
        ("24.3 - 30.4", None),
        ("from 24.3 to 30.4 seconds", None),
        ("00:03 - 00:09", None),
        ("Start time: 3\nEnd time: 9", (3, 9)),
        ("The event starts at 3 seconds and ends at 9 seconds.", None),
        ("between 3 and 9 seconds", None),
        ("[3, 9] start", None),
        ("happens at 3 — 9", None),
        ("happens in frames 10 - 20 (1.2 - 2.4 seconds)", (10, 20)),
        ("-3 - 9 happens", (3, 9)),
    ],
)
def test_charades_offline_script_reads_only_sentences_about_an_event(text, found):
    assert MOMENTS["charades_tvg"](text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("00:01:03 - 00:01:09", (63, 69)),
        ("from 3 to 9", (3, 9)),
        ("3 and then 9 and 12", (3, 9)),
        ("9 - 3", (9, 3)),
        ("soon", None),
    ],
)
def test_timelens_takes_the_first_pair(text, found):
    assert MOMENTS["timelens"](text) == found


def test_recall_counts_from_the_threshold_on():
    assert score(IntervalScorer(), "0 - 5", [[0, 10]]).values == {
        "iou": 0.5, "r@0.3": 1.0, "r@0.5": 1.0, "r@0.7": 0.0,
    }  # fmt: skip
    assert score(IntervalScorer("timelens"), "9 - 3", [[3, 9]]).values["iou"] == 0.0
    assert score(IntervalScorer(), "soon", [[0, 10]]).values == {}


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("The answer is 42.", "42", True),
        ("I get 41 then 42", "42", True),
        ("The result is 1,042", "42", True),
        ("42.004", "42", True),
        ("5/2", "2.5", False),
        ("I do not know", "No", True),
        ("Yes, the slope is positive", "Yes", False),
        ("Answer A is right", "A", False),
    ],
)
def test_video_mmmus_rule_for_open_answers(text, gold, right):
    assert mmmu_open(text, gold) is right


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("A dolly zoom.", "Dolly Zoom", True),
        ("", "Dolly Zoom", False),
        ("zoom", "Dolly Zoom", False),
        ("Not a dolly zoom", "Dolly Zoom", False),
        ("2.5", "2.5", True),
        ("25", "2.5", False),
        ("...", "the", False),
    ],
)
def test_ours_wants_the_whole_answer_and_gives_nothing_for_a_blank_one(text, gold, right):
    assert exact(text, gold) is right


def test_one_of_several_references_is_enough_and_a_blank_response_has_no_value():
    scorer = ReferenceScorer()
    assert score(scorer, "The car", ["automobile", "car"]).values == {"accuracy": 1.0}
    assert score(scorer, "bike", ["automobile", "car"]).values == {"accuracy": 0.0}
    assert score(scorer, " ", ["car"]).values == {}
    assert score(ReferenceScorer("mmmu"), "", "No").values == {}


def test_each_kind_of_question_has_its_scorer():
    scorer = ByGroup("kind", {"choice": ChoiceScorer(), "number": NumberScorer()})
    assert score(scorer, "B", "B", ("x", "y"), kind=("choice",)).values == {"accuracy": 1.0}
    assert score(scorer, "4", 4, kind=("number",)).values == {"accuracy": 1.0}
    assert scorer.chance(Question("q", "?", ("x", "y"), "A", {"kind": ("choice",)})) == {
        "accuracy": 0.5
    }
    assert scorer.chance(Question("q", "?", (), 4, {"kind": ("number",)})) is None
    with pytest.raises(DataError, match="kind is open, but"):
        score(scorer, "4", 4, kind=("open",))


@pytest.mark.parametrize("scorer", [NumberScorer, IntervalScorer, ReferenceScorer])
def test_an_unknown_rule_is_refused(scorer):
    with pytest.raises(RequestError, match="use one of default, "):
        scorer("mine")


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("", "Dolly Zoom", True),
        ("oo", "Dolly Zoom", True),
        ("zoom", "Dolly Zoom", True),
        ("Zoom and dolly", "Dolly Zoom", True),
        ("Not a dolly zoom", "Dolly Zoom", True),
        ("O(2n)", "O(n^2)", True),
        ("n", "O(n^2)", True),
        ("12 km/h", "12 m/s", True),
        ("3 then 12", "12 m/s", False),
    ],
)
def test_lmms_evals_rule_for_mmvu_gives_an_empty_answer_full_marks(text, gold, right):
    assert mmvu_lmms.open_answer(text, gold) is right


@pytest.mark.parametrize(
    ("text", "gold"),
    [
        ("The answer is B, a truck", "A"),
        ("I think it is B because A is wrong", "A"),
        ("a blue truck", "A"),
        ("A man drives; B", "A"),
        ("The blue one", "B"),
    ],
)
def test_lmms_evals_rule_for_mmvus_letters_takes_an_article_for_an_option(text, gold):
    options = ("a red car", "a blue truck", "a bike", "a boat", "a plane")
    assert mmvu_lmms.choice(text, options, gold)
