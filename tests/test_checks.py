"""What no question has any use for is refused before anything runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import RequestError
from harness.metrics import Mean
from harness.prompts import PromptTemplate
from harness.run.checks import refuse_idle
from harness.scoring.choice import ChoiceScorer
from harness.task import Task
from harness.types import Clip, Question

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
