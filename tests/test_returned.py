"""What a user's own task, metric and scorer give back is looked at where it comes in: one line that
names the class and the method, and never an error of somebody else's code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.config import compose
from harness.errors import HarnessError, RequestError
from harness.estimates import chance, estimate
from harness.metrics import Mean
from harness.report.runs import find
from harness.run.conclusion import Outcome
from harness.run.loop import run
from harness.types import Clip, Estimate, Metric, Prompt, Question, Record, Response, Score
from tasks.videomme import VideoMME

PLAIN = Question("q", "What?", ("a", "b"), "A")


@dataclass(frozen=True)
class Number:
    """A metric that gives what ``GIVES`` has under this name."""

    what: str
    name: str = "number"
    unit: str = "%"
    higher_is_better: bool = True

    def estimate(self, records: Sequence[Record]) -> Estimate:
        return GIVES[self.what]()  # type: ignore[no-any-return]


GIVES: dict[str, Any] = {
    "none": lambda: None,
    "float": lambda: 0.5,
    "no interval": lambda: Estimate(0.5, None, 3, 2),  # type: ignore[arg-type]
    "text": lambda: Estimate("0.5", (0.0, 1.0), 3, 2),  # type: ignore[arg-type]
    "bug": lambda: {}["x"],
    "numpy": lambda: Estimate(
        np.float32(0.5),
        (np.float32(0.25), np.float64(0.75)),
        np.int64(3),
        np.int64(2),  # type: ignore[arg-type]
    ),
}


def asked(folder: Path, *metrics: Metric) -> Outcome:
    words = ["task=demo", "backend=fake", "limit=2", "video.workers=0", f"results={folder}"]
    request = compose(words)
    task = request.benchmark
    own = replace(task, metrics=metrics or task.metrics)
    return run(replace(request, benchmark=own), lambda line: None, progress=False)


@pytest.mark.parametrize(
    ("method", "gives", "said"),
    [
        ("clip", None, "NoneType where Clip is needed"),
        ("clip", Clip("c", "one.mp4"), "Clip with video='one.mp4': a Path"),  # type: ignore[arg-type]
        ("clip", Clip("c", None, segment=("a", 2.0)), "segment=('a', 2.0): a pair of numbers"),  # type: ignore[arg-type]
        ("clip", Clip("c", None, segment=(1.0,)), "segment=(1.0,): a pair of numbers"),  # type: ignore[arg-type]
        ("clip", Clip("c", None, fps="25"), "Clip with fps='25': a number, or None,"),  # type: ignore[arg-type]
        ("question", None, "NoneType where Question is needed"),
        ("question", replace(PLAIN, id=7), "Question with id=7: a text is needed"),
        ("question", replace(PLAIN, text=None), "Question with text=None: a text"),
        ("question", replace(PLAIN, options="ab"), "options='ab': a tuple of texts"),
        ("question", replace(PLAIN, options=(1, 2)), "options=(1, 2): a tuple of texts"),
        ("question", replace(PLAIN, groups={"city": "Rome"}), "groups={'city': 'Rome'}: a mapping"),
        ("question", replace(PLAIN, groups=["city"]), "groups=['city']: a mapping of names"),
        ("question", replace(PLAIN, images=("a.png",)), "images=('a.png',): a tuple of Paths"),
        ("question", replace(PLAIN, text=["x" * 200]), f"text=['{'x' * 77}…: a text"),
        ("write", None, "NoneType where Prompt is needed"),
        ("write", Prompt(PLAIN, "Hello"), "Prompt with turns='Hello': a tuple of Turns"),  # type: ignore[arg-type]
        ("write", Prompt(PLAIN, ()), "a prompt of question 'q' for '001-1'"),
    ],
)
def test_a_task_that_gives_something_else_is_named(
    method: str, gives: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VideoMME, method, lambda self, *given: gives)
    with pytest.raises(RequestError) as caught:
        asked(tmp_path)
    line = str(caught.value)
    assert line.startswith(f"a bug in tasks.videomme.VideoMME: {method}() gave ")
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("none", "NoneType where Estimate is needed"),
        ("float", "float where Estimate is needed"),
        ("no interval", "Estimate with ci95=None: a pair of numbers"),
        ("text", "Estimate with value='0.5': a number"),
    ],
)
def test_a_metric_that_gives_no_estimate_is_named_and_nothing_is_lost(
    what: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(RequestError) as caught:
        asked(tmp_path, Mean("accuracy"), Number(what))
    assert str(caught.value).startswith(
        f"a bug in tests.test_returned.Number: estimate() gave {said}"
    )
    (file,) = tmp_path.rglob("records-0.jsonl")
    assert file.read_text().count('"status": "scored"') == 6


def test_numbers_of_numpy_are_numbers_of_an_estimate(tmp_path: Path) -> None:
    found = estimate(Number("numpy"), [])
    assert found == Estimate(0.5, (0.25, 0.75), 3, 2)
    numbers = (found.value, *found.ci95, found.n, found.clusters)
    assert [type(number) for number in numbers] == [float, float, float, int, int]
    outcome = asked(tmp_path, Mean("accuracy"), Number("numpy"))
    assert '"value": 0.5' in (outcome.folder / "summary.json").read_text()


def test_a_metric_with_a_bug_costs_no_other_run_its_place(tmp_path: Path) -> None:
    outcome = asked(tmp_path)
    with pytest.raises(KeyError):
        asked(tmp_path, Mean("accuracy"), Number("bug"))
    (found,), (complaint,) = find(tmp_path)
    assert found.folder == outcome.folder
    assert "a bug in" in complaint
    assert complaint.endswith("KeyError: 'x'")


@dataclass(frozen=True)
class Guess:
    gives: Any

    def score(self, question: Question, response: Response) -> Score:
        return Score({"accuracy": 1.0}, "A")

    def chance(self, question: Question) -> Mapping[str, float] | None:
        return self.gives  # type: ignore[no-any-return]


def test_chance_is_a_mapping_or_none() -> None:
    records = [Record(PLAIN, "v", "")]
    assert chance(Mean("accuracy"), Guess({"accuracy": 0.5}), records) == 0.5
    assert chance(Mean("accuracy"), Guess(None), records) is None
    odd: tuple[tuple[Any, str], ...] = (
        (0.5, r"0\.5"),
        ({"accuracy": "x"}, r"\{'accuracy': 'x'\}"),
        ({"accuracy": float("nan")}, r"\{'accuracy': nan\}"),
    )
    for gives, shown in odd:
        with pytest.raises(HarnessError, match=rf"Guess: chance\(\) gave {shown}: a mapping of"):
            chance(Mean("accuracy"), Guess(gives), records)
    said = r"a bug in .*Guess: chance\(\) gave 3 as accuracy, whose scale ends at 1$"
    with pytest.raises(HarnessError, match=said):
        chance(Mean("accuracy"), Guess({"accuracy": 3}), records)
    assert chance(Mean("accuracy", high=5.0), Guess({"accuracy": 3}), records) == 3
