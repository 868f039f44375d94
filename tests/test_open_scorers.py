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
from harness.types import Question, Response, Score


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
        ("3... maybe", 3, 3),
        ("3X", 3, None),
        ("3 of the 5 chairs", 3, 3),
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
    assert score(NumberScorer(), "many", 4) == Score({}, None)
    assert score(NumberScorer(), "4", None) == Score({}, 4.0)
    assert score(NumberScorer(), "5", 4) == Score({"accuracy": pytest.approx(0.6)}, 5.0)
    assert score(NumberScorer(exact=True), "5", 4).values == {"accuracy": 0.0}
    assert score(NumberScorer(exact=True), "4", 4).values == {"accuracy": 1.0}


def test_a_target_that_can_never_be_right_is_named():
    assert "no number" in NumberScorer().problem(Question("q", "?", target="red"))
    assert "not above 0" in NumberScorer().problem(Question("q", "?", target=0))
    assert NumberScorer().problem(Question("q", "?", target="0.5")) is None
    assert "[[start, end]]" in IntervalScorer().problem(Question("q", "?", target=[[9, 3]]))
    assert "[[start, end]]" in IntervalScorer().problem(Question("q", "?", target=[[3, 3]]))
    assert "[[start, end]]" in IntervalScorer().problem(Question("q", "?", target="3-9"))
    assert IntervalScorer().problem(Question("q", "?", target=[[3, 9.5]])) is None
    for odd in ([3, 9], ["39"], [[3]], [[3, "9"]], [["3", 9]]):
        assert "[[start, end]]" in IntervalScorer().problem(Question("q", "?", target=odd))


@pytest.mark.parametrize(
    ("text", "worth", "read"),
    [("B. chair", 1, "B"), ("b", 1, "b"), ("(B)", 0, "(B)"), ("It is B", 0, "It"), ("", 0, ""),
     (" B", 0, ""), ("B\nis it", 0, "B\nis"), ("BX", 0, "BX")],
)  # fmt: skip
def test_vsibenchs_rule_for_letters(text, worth, read):
    assert score(FirstTokenScorer(), text, "B") == Score({"accuracy": worth}, read)
    assert score(FirstTokenScorer(), text, None) == Score({}, read)


def test_the_chance_of_a_letter():
    scorer = FirstTokenScorer("mcq")
    assert scorer.chance(Question("q", "?", ("x", "y", "z", "w"))) == {"mcq": 0.25}
    assert scorer.chance(Question("q", "?")) is None


@pytest.mark.parametrize(
    ("first", "second", "iou"),
    [((0, 10), (5, 15), 1 / 3), ((5, 15), (0, 10), 1 / 3), ((0, 1), (2, 3), 0), ((2, 4), (2, 4), 1),
     ((0, 0.5), (0, 0.5), 1), ((1, 1), (1, 1), 0), ((1, 1), (0, 2), 0), ((9, 3), (3, 9), 0)],
)  # fmt: skip
def test_overlap(first, second, iou):
    assert overlap(first, second) == pytest.approx(iou)


# lmms-eval's two functions, run from 75571cfe, and ours
MOMENT_ROWS = [
    ("The event happens in the 24.3 - 30.4 seconds.", (24.3, 30.4), (24.3, 30.4), (24.3, 30.4)),
    ("24.3 - 30.4", (24.3, 30.4), None, (24.3, 30.4)),
    ("from 24.3 to 30.4 seconds", (24.3, 30.4), None, (24.3, 30.4)),
    ("00:03 - 00:09", (3, 9), None, (3, 9)),
    ("Start time: 3\nEnd time: 9", (3, 9), (3, 9), (3, 9)),
    ("The event starts at 3 seconds and ends at 9 seconds.", None, None, (3, 9)),
    ("It starts at 3 s and ends at 9 s; the video ends at 30 s", None, None, (3, 9)),
    ("between 3 and 9 seconds", None, None, (3, 9)),
    ("[3, 9] start", None, None, (3, 9)),
    ("happens at 3 — 9", None, None, (3, 9)),
    ("happens in frames 10 - 20 (1.2 - 2.4 seconds)", (10, 20), (10, 20), (1.2, 2.4)),
    ("-3 - 9 happens", (3, 9), (3, 9), (3, 9)),
    ("30.4 - 24.3", (24.3, 30.4), None, (24.3, 30.4)),
    ("3 - 9 or 12 - 15", (3, 9), None, None),
    ("from 1:23 to 1:30.5", (83, 90), None, (83, 90.5)),
    ("starts 00:01:03 - 00:01:09", (63, 69), (0, 3), (63, 69)),
    ("3 - 9 is seen! It happens in 4 - 8", (4, 8), (4, 8), None),
    ("5 men on a weekend! 4 - 8", None, None, (4, 8)),  # which holds an end
    ("12 men. It starts\nat 3 - 9", None, None, (3, 9)),
    ("starts at 3 -\n9 and ends", (3, 9), (3, 9), (3, 9)),
    ("starts at 00:03, ends at 00:09", (3, 9), None, (3, 9)),
    ("starts at 00:03\nends at 00:09", (3, 9), (0, 0), (3, 9)),
    ("start: 3.5 s\nof 9\nend: 9.25 s", (3.5, 9.25), (3.5, 9.25), (3.5, 9.25)),
    ("start: 3.5s\nend: 9.25s", (3, 9), (3, 9), (3.5, 9.25)),
    ("start: 3s\nend: 9s", None, None, (3, 9)),
    ("It happens in the 3.2s - 9.1s", (3.2, 9.1), (3.2, 9.1), (3.2, 9.1)),
    ("A specific example is : 20.8 - 30.0 seconds. It starts in 3 - 9", (3, 9), (3, 9), None),
    ("It starts in 3 - 9\nand ends before 12", (3, 9), (3, 9), (3, 9)),
    ("I do not know", None, None, None),
    ("", None, None, None),
]


@pytest.mark.parametrize(("text", "lmms", "offline", "ours"), MOMENT_ROWS)
def test_reading_a_moment(text, lmms, offline, ours):
    assert MOMENTS["charades_lmms"](text) == lmms
    assert MOMENTS["charades_tvg"](text) == offline
    assert MOMENTS["default"](text) == ours


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("00:01:03 - 00:01:09", (63, 69)),
        ("00:03.5 to 00:09.25", (3.5, 9.25)),
        ("at 00:03, from 4 to 8", (4, 8)),  # one clock is none
        ("from 3 to 9", (3, 9)),
        ("3 TO 9", (3, 9)),
        ("3 to 9 or 12 - 15", (12, 15)),
        ("3. - 9.", (3, 9)),
        ("3to 9", None),
        ("3 and then 9 and 12", (3, 9)),
        ("3s and then 9 and 12", (9, 12)),
        ("9 - 3", (9, 3)),
        ("at 3", None),
        ("soon", None),
    ],
)
def test_timelens_takes_the_first_pair(text, found):
    assert MOMENTS["timelens"](text) == found


def test_recall_counts_from_the_threshold_on():
    assert score(IntervalScorer(), "0 - 5", [[0, 10]]) == Score(
        {"iou": 0.5, "r@0.3": 1.0, "r@0.5": 1.0, "r@0.7": 0.0}, [0.0, 5.0]
    )
    assert score(IntervalScorer("timelens"), "9 - 3", [[3, 9]]).values["iou"] == 0.0
    assert score(IntervalScorer(), "soon", [[0, 10]]) == Score({}, None)
    assert score(IntervalScorer(), "0 - 5", None) == Score({}, [0.0, 5.0])


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
        ("It is option a today", "A", True),  # a single letter needs a blank on one side
        ("It is banana", "A", False),
        ("YES", "yes", True),
        ("... yes ...", "yes", True),
        ("X", "x", True),
        ("It is the end... yes. No", "end", True),  # no sentence ends within a line
        ("y = 5\nx = 3", "3", True),
        ("the area = yes it was\nright", "right", True),
        ("the area is yes = right", "yes", False),
        ("the area = yes\nthe length = 12 m", "yes", False),  # "=" counts in the last line
        ("the area = yes\nthe length = 12 m", "12 m", True),
        ("the result is 2,500.5 m", "2,500.50 m", False),
        ("2500.504", "2,500.5", True),
        ("the answer is 7\nwhich is not 42", "7", True),
        ("There are 42 in total 7", "42", False),  # "in total " is one of Video-MMMU's own phrases
        ("so it is \nthe answer is 7", "it is", False),  # a blank end is the shortest
        ("it is what is 7", "what", False),
        ("It is the U.S.", "U.S.", False),  # full stops at the ends are stripped
        ("STRASSE", "Straße", False),
        ("the sum is :\n42", "42", True),
        ("the sum is :\n42", ":", True),
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
    assert score(scorer, "The car", ["automobile", "car"]) == Score({"accuracy": 1.0}, "The car")
    assert score(scorer, "bike", ["automobile", "car"]).values == {"accuracy": 0.0}
    assert score(scorer, "bike", None) == Score({}, "bike")
    assert score(scorer, " ", ["car"]) == Score({}, " ")
    assert score(scorer, "", ["car"]) == Score({}, None)
    assert score(ReferenceScorer("mmmu"), "", "No").values == {}


def test_each_kind_of_question_has_its_scorer():
    scorer = ByGroup("kind", {"choice": ChoiceScorer(), "number": NumberScorer()})
    assert score(scorer, "B", "B", ("x", "y"), kind=("choice",)).values == {"accuracy": 1.0}
    assert score(scorer, "4", 4, kind=("number",)).values == {"accuracy": 1.0}
    assert scorer.chance(Question("q", "?", ("x", "y"), "A", {"kind": ("choice",)})) == {
        "accuracy": 0.5
    }
    assert scorer.chance(Question("q", "?", (), 4, {"kind": ("number",)})) is None
    with pytest.raises(DataError, match="q: kind is a, b, but is scored for choice, number only"):
        score(scorer, "4", 4, kind=("a", "b"))
    with pytest.raises(DataError, match="kind is missing, but"):
        score(scorer, "4", 4)


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
        ("STRASSE", "Straße", False),
        ("0.005 miles", "0 metres", True),
        ("0.01 miles", "0 metres", False),
        ("1 mile", "0 metres", False),
        ("zoom and dolly", "dolly, zoom!", True),
        ("zoom, dolly.", "dolly zoom", True),
        ("left turns one red car", "one red car turns left", True),
        ("left turns one big red car", "one big red car turns left", False),  # six words
        ("that hill", "go up hill", True),
        ("It takes O(n log n)", "O(n log n) time", True),
        ("It takes O(n)", "O(n log n) time", False),
        ("It takes O(n)", "linear time", False),
        ("linear", "O(n) time", False),
    ],
)
def test_lmms_evals_rule_for_mmvu_gives_an_empty_answer_full_marks(text, gold, right):
    assert mmvu_lmms.open_answer(text, gold) is right


@pytest.mark.parametrize(
    ("text", "gold", "right"),
    [
        ("The answer is B, a truck", "A", True),
        ("I think it is B because A is wrong", "A", True),
        ("a blue truck", "A", True),
        ("A man drives; B", "A", True),
        ("The blue one", "B", True),
        ("a bike", "C", True),  # the option's text, without its letter
        ("cannot tell", "C", False),
        ("the car", "A", True),
        ("Everything planes", "E", True),
        ("the boat", "D", False),  # a word of it, without its letter
        ("that road", "D", False),  # words of two letters count for nothing
    ],
)
def test_lmms_evals_rule_for_mmvus_letters_takes_an_article_for_an_option(text, gold, right):
    options = ("a red car", "a blue truck", "a bike", "a boat at sea", "planes, birds")
    assert mmvu_lmms.choice(text, options, gold) is right
