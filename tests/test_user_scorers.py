"""A user's own scorer, judge or metric that goes wrong: it costs scores, each with its reason, and
no response; the run is incomplete, and scored again once it is mended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import harness
from harness import stats
from harness.cli import main
from harness.config import compose
from harness.corpus_metrics import MeanOf
from harness.errors import DataError, JudgeError, RequestError
from harness.metrics import Mean, Unit, estimated
from harness.report.page.judge import _prompts as page_prompts
from harness.run.conclusion import Outcome
from harness.run.journal import read_records
from harness.run.judge_controls import _prompts as control_prompts
from harness.run.judge_stage import judge_stage
from harness.run.judging import judgements, refuse_unwilling
from harness.run.loop import run
from harness.types import Metric, Prompt, Question, Record, Response, Score, Text, Turn


class Odd:
    pass


GIVES: dict[str, Any] = {
    "none": None,
    "number": 1.0,
    "mapping": {"accuracy": 1.0},
    "text": Score({"accuracy": "yes"}),  # type: ignore[dict-item]
    "nothing": Score({"accuracy": None}),  # type: ignore[dict-item]
    "complex": Score({"accuracy": 1j}),  # type: ignore[dict-item]
    "huge": Score({"accuracy": 10**400}),
    "unnamed": Score({1: 1.0}),  # type: ignore[dict-item]
    "no values": Score(1.0),  # type: ignore[arg-type]
    "set": Score({"accuracy": 1.0}, {1, 2}),  # type: ignore[arg-type]
    "object": Score({"accuracy": 1.0}, "A", Odd()),  # type: ignore[arg-type]
    "high": Score({"accuracy": 3.0}),
    "low": Score({"accuracy": -0.5}),
    "numpy": Score({"accuracy": np.float32(0.5)}, {"at": [np.int64(3)]}),  # type: ignore[dict-item]
}


@dataclass(frozen=True)
class Gives:
    """Right but for question 001-1, which gets what ``GIVES`` has under this name, or an error."""

    what: str

    def score(self, question: Question, response: Response) -> Score:
        if question.id != "001-1":
            return Score({"accuracy": 1.0}, "A")
        if self.what == "key":
            return {}["b"]  # type: ignore[no-any-return]
        if self.what == "lines":
            raise ValueError("one\ntwo " + "x" * 500)
        if self.what == "deep":
            return self.score(question, response)
        if self.what == "its own":
            raise DataError("the answer is in no table")
        return GIVES[self.what]  # type: ignore[no-any-return]


def quiet(line: str) -> None:
    pass


def scored(folder: Path, scorer: object, metrics: Sequence[Metric] | None = None) -> Outcome:
    words = ["task=demo", "backend=fake", "limit=2", "video.workers=0", f"results={folder}"]
    asked = compose(words)
    task = replace(asked.benchmark, scorer=scorer, metrics=metrics or asked.benchmark.metrics)
    return run(replace(asked, benchmark=task), quiet, progress=False)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("key", "in score: KeyError: 'b'"),
        ("lines", "in score: ValueError: one two xxx"),
        ("deep", "in score: RecursionError: maximum recursion depth exceeded"),
        ("its own", "the answer is in no table"),
        ("none", "its scorer gave a NoneType: a Score of values by name is needed"),
        ("number", "its scorer gave a float: a Score"),
        ("mapping", "its scorer gave a dict: a Score"),
        ("text", "its scorer gave 'yes' as accuracy: no finite number"),
        ("nothing", "its scorer gave None as accuracy: no finite number"),
        ("complex", "its scorer gave 1j as accuracy: no finite number"),
        ("huge", "its scorer gave 1000"),
        ("unnamed", "its scorer gave a value named 1: a name is a text"),
        ("no values", "its scorer gave a float: a Score"),
        ("set", "its scorer gave what no record can hold: answer ({1, 2}) is a set"),
        ("object", "its scorer gave what no record can hold: explanation"),
        ("high", "gave 3 as accuracy, and accuracy ends at 1: set task.metrics.0.high"),
        ("low", "gave -0.5 as accuracy, and accuracy ends at 0: set task.metrics.0.low"),
    ],
)
def test_a_scorer_that_goes_wrong_costs_one_score(what: str, said: str, tmp_path: Path) -> None:
    outcome = scored(tmp_path, Gives(what))
    assert (outcome.summary.scored, outcome.summary.unscored) == (5, 1)
    assert not outcome.summary.complete
    (lost,) = [r for r in read_records(outcome.folder) if r.status == "unscored"]
    assert (lost.key, lost.score, lost.response is not None) == ("001-1", None, True)
    assert lost.reason is not None
    assert said in lost.reason
    assert "\n" not in lost.reason
    assert len(lost.reason) < 400
    (complaint,) = outcome.complaints
    assert complaint == f"1 of 6 questions could not be scored, the first: {lost.reason}"


def test_a_bug_is_named_by_the_users_own_file_and_mended_by_scoring_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own_scorer.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass(frozen=True)\nclass Own:\n"
        "    def score(self, question, response):\n        return question.metadata['points']\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    import own_scorer  # type: ignore[import-not-found]

    outcome = scored(tmp_path / "results", own_scorer.Own())
    assert outcome.complaints == (
        "6 of 6 questions could not be scored, the first: "
        "a bug in own_scorer.py, line 7, in score: KeyError: 'points'",
    )
    code = "lambda self, question, response: harness.Score({'accuracy': 1.0})"
    monkeypatch.setattr(own_scorer.Own, "score", eval(code, {"harness": harness}))  # noqa: S307
    assert main(["score", str(outcome.folder)]) == 0
    assert "100.0" in capsys.readouterr().out


def test_numbers_of_numpy_are_numbers_of_a_score(tmp_path: Path) -> None:
    outcome = scored(tmp_path, Gives("numpy"))
    assert outcome.complaints == ()
    kept = {record.key: record for record in read_records(outcome.folder)}["001-1"]
    assert kept.score == Score({"accuracy": 0.5}, {"at": [3]})
    assert outcome.summary.main.estimate.value == pytest.approx(5.5 / 6)
    assert '"at"' in (outcome.folder / "report.html").read_text()


@dataclass(frozen=True)
class Whole:
    """Gives the response itself where its text was meant."""

    def score(self, question: Question, response: Response) -> Score:
        return Score({"accuracy": 1.0}, response)  # type: ignore[arg-type]


def test_an_answer_may_be_a_dataclass(tmp_path: Path) -> None:
    outcome = scored(tmp_path, Whole())
    assert (outcome.summary.scored, list(outcome.complaints)) == (6, [])
    answers = [record.score.answer for record in read_records(outcome.folder) if record.score]
    assert all(isinstance(answer, dict) and answer["text"] for answer in answers)


def test_a_value_beyond_the_scale_counts_once_the_scale_is_given(tmp_path: Path) -> None:
    outcome = scored(tmp_path, Gives("high"), (Mean("accuracy", high=3.0, unit=""),))
    assert outcome.complaints == ()
    assert outcome.summary.main.estimate.value == pytest.approx(8 / 6)
    wide = scored(tmp_path, Gives("low"), (Mean("accuracy", low=None, unit=""),))
    assert wide.complaints == ()


def test_a_value_beyond_the_scale_of_a_metric_about_other_questions_is_none(tmp_path: Path) -> None:
    other = Mean("accuracy", "rest", where={"duration": "long"})
    outcome = scored(tmp_path, Gives("high"), (Mean("accuracy", high=3.0), other))
    assert outcome.complaints == ()


def test_a_mean_of_several_scores_has_a_scale_too(tmp_path: Path) -> None:
    outcome = scored(tmp_path, Gives("high"), (MeanOf(("accuracy",), high=1.0),))
    assert "3 as accuracy, and mean ends at 1" in outcome.complaints[0]


def test_a_headline_that_no_score_has_is_said(tmp_path: Path) -> None:
    outcome = scored(tmp_path, Gives("numpy"), (Mean("acuracy"),))
    assert outcome.complaints == (
        "acuracy: no score has a value called acuracy; nearest: accuracy: set task.metrics.0.value",
    )


@pytest.mark.parametrize(
    ("metrics", "said"),
    [
        ((), "task.metrics: there is none: a run needs at least one, its headline"),
        (
            (Mean("accuracy"), Mean("other", "accuracy")),
            "task.metrics: 0 and 1 are both called accuracy",
        ),
    ],
)
def test_a_run_needs_a_headline_and_names(
    metrics: tuple[Metric, ...], said: str, tmp_path: Path
) -> None:
    asked = compose(["task=demo", "backend=fake", "limit=2", f"results={tmp_path}"])
    task = replace(asked.benchmark, metrics=metrics)
    with pytest.raises(RequestError, match=said):
        run(replace(asked, benchmark=task), quiet, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, float("inf")), (float("nan"), 1.0)]
)
def test_bounds_between_which_no_score_fits_are_refused(low: float, high: float) -> None:
    for make in (lambda: Mean("a", low=low, high=high), lambda: MeanOf(("a",), low=low, high=high)):
        with pytest.raises(ValueError, match=r"low|high"):
            make()


def test_scores_beyond_the_scale_have_no_estimate() -> None:
    with pytest.raises(ValueError, match=r"a score of 1\.5 is beyond 1, where the scale ends"):
        stats.accuracy([0.5, 1.5], ["a", "b"])
    with pytest.raises(ValueError, match="a score of -1 is beyond 0"):
        stats.accuracy([-1.0, 1.0], ["a", "b"], high=None)
    with pytest.raises(ValueError, match="no finite number"):
        stats.accuracy([0.5, float("inf")], ["a", "b"], high=None)
    with pytest.raises(DataError, match="q2: its value 3 is beyond its metric's 1"):
        estimated({"q1": Unit(0.0, "a"), "q2": Unit(3.0, "b")})
    near = stats.accuracy([1.0 + 1e-12, 1.0 + 2e-10], ["a", "b"])  # rounding is no mistake
    assert near.ci95[1] == 1.0


@dataclass(frozen=True)
class Judged:
    """A judged scorer of which one step goes wrong for question "b"."""

    step: str

    def companions(self, question: Question) -> Sequence[str]:
        if self.step == "companions" and question.id == "b":
            return {}["pair"]  # type: ignore[no-any-return]
        return 3 if self.step == "number" and question.id == "b" else ()  # type: ignore[return-value]

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        if self.step == "prompts" and question.id == "b":
            return {}["prompt"]  # type: ignore[no-any-return]
        return [Prompt(Question("j", "?"), (Turn("user", (Text(question.id),)),))]

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        if question.id == "b" and self.step == "json":
            return Score({"rating": json.loads(replies[0])["score"]})
        if question.id == "b" and self.step == "error":
            raise JudgeError("no verdict")
        if question.id == "b" and self.step == "none":
            return None  # type: ignore[return-value]
        return Score({"rating": 1.0})


class Asked:
    """A judge that counts its calls; ``ids`` are what it answers to instead of each prompt's."""

    def __init__(self, *ids: str) -> None:
        self.calls, self.ids = 0, ids

    def identity(self) -> dict[str, str]:
        return {"name": "asked"}

    def generate(self, samples: Any, generation: Any) -> Any:
        for sample in samples:
            for prompt in sample.prompts:
                self.calls += 1
                for id in self.ids or (prompt.key,):
                    yield Response(id.replace("KEY", prompt.key), "not JSON")


def records() -> list[Record]:
    return [
        Record(Question(id, "?", target="x"), "v", "", response=Response(id, "x")) for id in "ab"
    ]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("companions", "in companions: KeyError: 'pair'"),
        ("number", "TypeError: 'int' object is not iterable"),
        ("prompts", "in judge_prompts: KeyError: 'prompt'"),
        ("json", "JSONDecodeError: Expecting value"),
        ("none", "its scorer gave a NoneType"),
    ],
)
def test_a_judged_scorer_that_goes_wrong_costs_one_score(
    step: str, said: str, tmp_path: Path
) -> None:
    scores = judgements(Asked(), Judged(step), records(), tmp_path).scores  # type: ignore[arg-type]
    assert scores["a"] == Score({"rating": 1.0})
    assert said in scores["b"].reason  # type: ignore[union-attr]
    assert scores["b"].stage == "scorer"  # type: ignore[union-attr]


@dataclass(frozen=True)
class Ends(Judged):
    """A judged scorer that cannot say what its best and worst scores are."""

    def bounds(self, question: Question) -> Any:
        return {}["bounds"]


def test_bounds_that_go_wrong_cost_the_controls_alone(tmp_path: Path) -> None:
    told: list[str] = []
    scorer, judge = Ends(""), Asked()
    done, said = judge_stage(scorer, judge, records(), tmp_path, tmp_path, told.append)  # type: ignore[arg-type]
    assert [record.status for record in done] == ["scored", "scored"]
    assert said is not None
    assert "in bounds: KeyError: 'bounds'" in said["controls_missing"]
    assert f"judge: {said['controls_missing']}" in told


@pytest.mark.parametrize("ids", [(), ("other",), ("KEY", "KEY")])
def test_a_judge_that_gives_no_single_answer_is_refused_before_the_model_is_asked(
    ids: tuple[str, ...],
) -> None:
    class Served(Asked):
        url = "http://localhost"

        def generate(self, samples: Any, generation: Any) -> Any:
            return super().generate(samples, generation) if self.ids else iter(())

    refuse_unwilling(type("Fine", (Asked,), {"url": ""})())
    with pytest.raises(JudgeError, match=r"a first, tiny question \(\d answers?, not one to it"):
        refuse_unwilling(Served(*ids))  # type: ignore[arg-type]


def test_the_page_and_the_controls_do_without_prompts_that_cannot_be_written() -> None:
    broken = records()[1]
    assert page_prompts(Judged("prompts"), broken, ()) == {}
    assert control_prompts(broken, Judged("prompts")) == ()


def test_a_bug_is_not_paid_for_with_more_calls(tmp_path: Path) -> None:
    for step, more in (("json", 0), ("none", 0), ("error", 1)):  # another reply may be a verdict
        folder = tmp_path / step
        judgements(Asked(), Judged(step), records(), folder)  # type: ignore[arg-type]
        again = Asked()
        judgements(again, Judged(step), records(), folder)  # type: ignore[arg-type]
        assert again.calls == more


@pytest.mark.parametrize("ids", [("other",), ("KEY", "KEY")])
def test_a_judge_that_answers_what_it_was_not_asked_is_a_stated_error(
    ids: tuple[str, ...], tmp_path: Path
) -> None:
    scores = judgements(Asked(*ids), Judged(""), records(), tmp_path).scores  # type: ignore[arg-type]
    reasons = [score.reason for score in scores.values() if not isinstance(score, Score)]
    assert reasons
    assert all("no judge: the judge answered" in reason for reason in reasons)
    assert "which it was not asked or has answered already" in reasons[0]
