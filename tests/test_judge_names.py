"""A judge by its name in tables, and what is said where one is not there."""

from dataclasses import dataclass

import pytest

from harness.cli.judges import _said
from harness.config import _model
from harness.errors import ModelError, RequestError
from harness.report import leaderboard, rankings
from harness.report.runs import Run, find
from harness.run.judge_controls import missing
from harness.run.judge_files import judge_name
from harness.run.judge_options import of_judge
from harness.scoring.judged import YesNoScorer
from harness.types import Estimate
from tests.runs import records, write


@dataclass(frozen=True)
class Half:
    """A model that cannot be asked."""

    def identity(self):
        return {}


@pytest.mark.parametrize(
    ("asked", "identity", "name"),
    [
        ({"checkpoint": "/somewhere/tiny_judge"}, {"files": "ab"}, "tiny_judge"),
        ({"checkpoint": "org/judge-7b"}, {"files": "ab"}, "org/judge-7b"),
        ({"model": "toy"}, {"served": {"id": "toy"}}, "toy"),
        ({"_target_": "my.WordOverlap"}, {"rule": "word overlap"}, "word overlap"),
        ({"_target_": "my_judge.Mine"}, {"x": 1}, "Mine"),
        (None, {"x": 1}, "unnamed"),
    ],
)
def test_a_judge_is_called_what_it_was_chosen_by(tmp_path, asked, identity, name):
    request = {"judge": identity, "settings": {"judge": asked}}
    assert judge_name(request) == name
    made = write(tmp_path, records(6))
    judged = Run(made.folder, {**made.request, **request})
    assert any(title.endswith(f"judge: {name}") for title in rankings.rankings([judged]))


def test_a_run_that_was_asked_alike_with_a_judge_waits_for_none(tmp_path, monkeypatch):
    write(tmp_path, records(6))
    (run,) = find(tmp_path)[0]
    run.request.setdefault("judge", None)
    monkeypatch.setattr(Run, "not_judged", property(lambda r: "" if r.request["judge"] else "wait"))
    other = Run(run.folder, {**run.request, "id": "other", "judge": {"rule": "x"}})
    assert len(leaderboard.waiting([run])) == 1
    assert leaderboard.waiting([run, other]) == []


def test_where_nothing_was_judged_no_number_of_responses_is_blamed():
    scorer = YesNoScorer(system="activitynetqa_system", user="activitynetqa_user")
    assert missing(scorer, [], judged=False) == "no controls: no response was judged"


def test_a_judge_is_mended_by_its_own_settings():
    error = ModelError("refused with 401; set what backend.api_key_env names")
    assert of_judge(error).endswith("judge.api_key_env names")


def test_what_is_not_known_is_a_question_mark():
    nan = float("nan")
    assert _said(Estimate(0.0, (nan, nan), 3, 1)) == "0.000 [?, ?]"
    assert _said(Estimate(0.5, (0.25, 0.75), 3, 3), "%") == "50.0 [25.0, 75.0]"


def test_a_model_without_a_member_is_refused_by_name():
    with pytest.raises(RequestError, match=r"backend: Half has no generate\(\)"):
        _model({"_target_": "tests.test_judge_names.Half"}, "backend")
