"""What no question has any use for is refused before anything runs."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.config import compose
from harness.corpus_metrics import MeanOf
from harness.errors import RequestError
from harness.metrics import GroupScore, Mean
from harness.overrides import choices
from harness.prompts import PromptTemplate
from harness.run.checks import refuse_idle, refuse_metrics
from harness.scoring.by_group import ByGroup
from harness.scoring.choice import ChoiceScorer
from harness.scoring.intervals import IntervalScorer
from harness.scoring.judged import YesNoScorer
from harness.task import Task
from harness.types import Clip, Naming, Question, Response, Score

TASK = Task(
    source=None,  # type: ignore[arg-type]
    name="mine",
    prompt=PromptTemplate("{question}"),
    scorer=ChoiceScorer(),
    metrics=(Mean("accuracy", macro=("kind",)),),
    breakdowns=("kind",),
)
CHOICE = Question("1", "?", ("a", "b"), "A", {"kind": ("x",), "length": ("short",)})
OPEN = replace(CHOICE, id="2", options=())


def refused(
    *questions: Question,
    task: Task = TASK,
    video: Path | None = Path("a.mp4"),
    control: str = "none",
    permute_options: int = 1,
) -> str:
    with pytest.raises(RequestError) as error:
        refuse_idle(task, [Clip("a", video, questions)], control, permute_options)
    return str(error.value)


def test_what_can_be_used_passes() -> None:
    refuse_idle(TASK, [Clip("a", Path("a.mp4"), (OPEN, CHOICE))], "no_options", 2)
    refuse_idle(TASK, [Clip("a", None, (CHOICE,))], "none", 1)


def test_more_rotations_than_options_are_refused() -> None:
    """They would ask nothing more, under another run id."""
    said = "permute_options=99: no question has more than 2 options; write 2 or less"
    assert refused(OPEN, CHOICE, permute_options=99) == said


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"permute_options": 4}, "permute_options=4: no question has options to rotate"),
        ({"control": "no_options"}, "control=no_options: no question has options"),
        ({"control": "blank", "video": None}, "control=blank: no question is about a video"),
        (
            {"task": replace(TASK, breakdowns=("kind", "lenght"))},
            "task.breakdowns: no question has a lenght; nearest: length",
        ),
        (
            {"task": replace(TASK, metrics=(Mean("accuracy"), Mean("accuracy", macro=("dim",))))},
            "task.metrics.1.macro: no question has a dim; there are: kind, length",
        ),
    ],
)
def test_what_cannot_be_used_is_refused(asked: dict[str, Any], said: str) -> None:
    assert refused(OPEN, **asked) == said


@dataclass(frozen=True)
class Silent:
    """A scorer that does not say which values it gives."""

    def score(self, question: Question, response: Response) -> Score:
        return Score({"anything": 1.0})


@pytest.mark.parametrize(
    ("scorer", "metric", "said"),
    [
        (
            ChoiceScorer(),
            Mean("acuracy"),
            "task.metrics.0.value=acuracy: ChoiceScorer gives no such value; nearest: accuracy",
        ),
        (
            ChoiceScorer(name="right"),
            Mean("accuracy"),
            "task.metrics.0.value=accuracy: ChoiceScorer gives no such value; there are: right",
        ),
        (
            ByGroup("kind", {"x": ChoiceScorer(), "y": IntervalScorer()}),
            MeanOf(("iou", "r@0.4")),
            "task.metrics.0.values.1=r@0.4: ByGroup gives no such value; nearest: r@0.",
        ),
        (
            YesNoScorer("activitynetqa_user"),
            GroupScore("scores"),
            "task.metrics.0.value=scores: YesNoScorer gives no such value; nearest: score",
        ),
    ],
)
def test_a_metric_of_a_value_that_its_scorer_never_gives_is_refused(
    scorer: Any, metric: Any, said: str
) -> None:
    with pytest.raises(RequestError) as error:
        refuse_metrics(replace(TASK, scorer=scorer, metrics=(metric,)))
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    "scorer", [Silent(), ByGroup("kind", {"x": ChoiceScorer(), "y": Silent()})]
)
def test_a_scorer_that_does_not_say_what_it_gives_refuses_no_metric(scorer: Any) -> None:
    refuse_metrics(replace(TASK, scorer=scorer, metrics=(Mean("acuracy"),)))


class More(ChoiceScorer):
    """Gives more than what it is made from."""

    def score(self, question: Question, response: Response) -> Score:
        return Score({**super().score(question, response).values, "bonus": 1.0})


def test_what_a_scorer_says_is_not_what_one_made_from_it_gives() -> None:
    refuse_metrics(replace(TASK, scorer=More(), metrics=(Mean("bonus"),)))


def test_what_a_scorer_says_it_gives_is_names() -> None:
    class Odd(Silent):
        value_names = "accuracy"

    with pytest.raises(
        RequestError, match=r"Odd: value_names\(\) gave 'accuracy': a tuple of texts"
    ):
        refuse_metrics(replace(TASK, scorer=Odd(), metrics=(Mean("accuracy"),)))


@pytest.mark.parametrize("task", choices("task"))
def test_every_task_s_scorer_says_what_it_gives_and_its_metrics_read_that(
    task: str, tmp_path: Path
) -> None:
    found = compose([f"task={task}", "backend=fake", f"data={tmp_path}"]).benchmark
    assert isinstance(found.scorer, Naming)
    assert found.scorer.value_names
    refuse_metrics(found)


@pytest.mark.parametrize("more", [(), ("plan=true",)])
def test_a_misspelt_value_is_refused_before_anything_is_asked(
    more: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["task=demo", "backend=fake", "limit=2", f"results={tmp_path}"]
    assert main([*words, "task.metrics.0.value=nope", *more]) == 2
    said = "task.metrics.0.value=nope: ChoiceScorer gives no such value; there are: accuracy"
    shown = capsys.readouterr()
    assert said in shown.err
    assert not shown.out
    assert not list(tmp_path.iterdir())
