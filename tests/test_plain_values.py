"""What a record can hold comes back from its file as it was; all else is refused beforehand."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config import compose
from harness.errors import DataError, JournalError
from harness.run.journal import Appender, read_records
from harness.run.loop import run
from harness.run.plain_values import odd, plain, pure
from harness.run.request import Request
from harness.scoring.choice import ChoiceScorer
from harness.task import Task
from harness.types import Question, Record, Response, Score


class Scene:
    def __repr__(self) -> str:
        return "Scene(7)"


def records_with(task: Task, metadata: Any, target: Any = None) -> Task:
    """The task, whose every question has these metadata."""
    clips = [
        replace(
            clip,
            questions=tuple(
                replace(q, metadata=metadata, target=target if target is not None else q.target)
                for q in clip.questions
            ),
        )
        for clip in task.clips()
    ]
    object.__setattr__(task, "clips", lambda bad=None: clips)
    return task


def request(folder: Path, metadata: Any) -> Request:
    words = ["task=demo", "backend=fake", "limit=2", "video.workers=0", f"results={folder}"]
    asked = compose(words)
    return replace(asked, benchmark=records_with(asked.benchmark, metadata))


def quiet(line: str) -> None:
    pass


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"scene": {"first": [1, Scene()]}},
            r"metadata\.scene\.first\.1 \(Scene\(7\)\) is a Scene",
        ),
        ({"length": float("nan")}, "metadata\\.length is nan, and no number of JSON's"),
        ({"at": {3: "red"}}, r"metadata\.at has the key 3, which is no text"),
        ({"tags": {"a"}}, r"metadata\.tags \(\{'a'\}\) is a set"),
    ],
)
def test_what_no_record_can_hold_is_refused_before_anything_is_asked(
    tmp_path: Path, value: Any, said: str
) -> None:
    with pytest.raises(DataError, match=f"question 001-1: {said}: a record keeps text"):
        run(request(tmp_path, value), quiet, progress=False)
    assert not list(tmp_path.iterdir())


def test_numbers_of_numpy_are_kept_as_numbers_and_a_resumed_run_knows_them(tmp_path: Path) -> None:
    value = {"count": np.int64(3), "share": np.float32(0.5), "seen": np.bool_(True)}
    asked = request(tmp_path, value)
    asked = replace(asked, benchmark=records_with(asked.benchmark, value, np.int64(3)))
    outcome = run(asked, quiet, progress=False)
    (kept, *_) = read_records(outcome.folder)
    assert kept.question.metadata == {"count": 3, "share": 0.5, "seen": True}
    assert kept.question.target == 3
    told: list[str] = []
    run(asked, told.append, progress=False)
    assert not any("another label" in line for line in told), told


def test_a_models_odd_response_is_named(tmp_path: Path) -> None:
    question = Question("q7", "?")
    with Appender(tmp_path) as records:
        records.append(Record(question, "v", "", response=Response("q7", "A")))
        bad: Any = Response("q7", "A", probabilities={"A": Scene()})  # type: ignore[dict-item]
        with pytest.raises(JournalError, match=r"question q7: .*response\.probabilities\.A"):
            records.append(Record(question, "v", "", response=bad))
    assert len(read_records(tmp_path)) == 1


@dataclass(frozen=True)
class Nan:
    def score(self, question: Question, response: Response) -> Score:
        return Score({"accuracy": float("nan")}, "A")


def test_a_scorer_that_gives_no_number_costs_its_score(tmp_path: Path) -> None:
    asked = request(tmp_path, {})
    asked = replace(asked, benchmark=replace(asked.benchmark, scorer=Nan()))
    outcome = run(asked, quiet, progress=False)
    assert outcome.summary.unscored == 6
    assert "its scorer gave nan as accuracy" in outcome.complaints[0]
    again = replace(asked, benchmark=replace(asked.benchmark, scorer=ChoiceScorer()))
    assert run(again, quiet, progress=False).summary.unscored == 0


def test_a_list_with_numbers_of_numpy_stays_a_list() -> None:
    value = {"target": [[np.float64(3), 9.0]], "at": (np.int64(1), 2)}
    assert pure(value) == {"target": [[3.0, 9.0]], "at": (1, 2)}
    assert type(pure(value)["target"][0][0]) is float
    assert pure(plain_one := {"a": [1, (2, "x")]}) is plain_one


def test_plain_and_odd() -> None:
    assert (
        json.dumps({"a": Path("x/y"), "b": np.str_("z")}, default=plain) == '{"a": "x/y", "b": "z"}'
    )
    assert odd({"a": [1, "x", None, True, (2.0, Path("b"))]}) == ""
    assert odd(np.datetime64("2026-01-01"), "when") != ""
    with pytest.raises(TypeError, match="is a Scene"):
        plain(Scene())
