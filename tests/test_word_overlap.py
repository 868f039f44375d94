"""The judge without weights: published prompts in, replies in the published form out."""

from __future__ import annotations

import pytest

from harness.errors import RequestError
from harness.models.word_overlap import WordOverlap, f1
from harness.run.judge_controls import judge_controls
from harness.run.judging import judgements, scored
from harness.scoring.judged import Axis, RatingScorer, YesNoScorer
from harness.types import Failure, Model
from tests.test_judging import pair, record

SCORER = YesNoScorer("activitynetqa_user", "activitynetqa_system")


def test_words_shared():
    assert f1("a red car", "The red car.") == 1.0
    assert f1("red car", "blue car") == 0.5
    assert f1("red car", "") == f1("red", "blue") == 0.0


def test_it_is_a_model_and_grades_in_the_published_form(tmp_path):
    assert isinstance(WordOverlap(), Model)
    records = [record("a", "red"), record("b", "dark red"), record("c", "blue\n\nreally")]
    found = judgements(WordOverlap(), SCORER, records, tmp_path).scores
    assert [found[key].values for key in "abc"] == [
        {"accuracy": 1.0, "score": 5.0},
        {"accuracy": 1.0, "score": 3.0},
        {"accuracy": 0.0, "score": 0.0},
    ]


def test_cvrr_and_axes_are_understood_and_other_prompts_fail(tmp_path):
    cvrr = YesNoScorer("cvrr_user", "cvrr_system")
    assert judgements(WordOverlap(), cvrr, [record("a", "red")], tmp_path).scores["a"].values == {
        "accuracy": 1.0,
        "score": 5.0,
    }
    axis = Axis("consistency", "vcgbench_consistency_user", "vcgbench_consistency_system")
    found = judgements(WordOverlap(), RatingScorer({"all": (axis,)}), list(pair()), tmp_path).scores
    assert found["1"].values == {"consistency": 0.0}
    other = RatingScorer({"all": (Axis("score", "mmbv_user", "mmbv_system"),)}, high=3.0)
    failed = judgements(WordOverlap(), other, [record("a", "red")], tmp_path).scores["a"]
    assert isinstance(failed, Failure)
    assert "cannot read this prompt" in failed.reason


def test_its_own_controls_pass(tmp_path):
    records = [record(str(n), f"colour {n}", gold=f"shade{n} tone{n}") for n in range(80)]
    found = judgements(WordOverlap(), SCORER, records, tmp_path).scores
    done = [scored(r, found[r.key]) for r in records]
    controls = judge_controls(WordOverlap(), SCORER, done, tmp_path)
    assert {c.kind: (c.n, c.passed) for c in controls} == {
        "gold": (1, 1), "shuffled": (1, 1), "blank": (1, 1), "repeat": (1, 1),
    }  # fmt: skip


def test_an_impossible_threshold_is_refused():
    with pytest.raises(RequestError, match=r"judge\.threshold=2"):
        WordOverlap(2.0)
