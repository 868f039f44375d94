"""Measures how well models understand video, with numbers that can be defended.

    >>> import harness
    >>> run = harness.evaluate(task="demo", model="tiny_video", frames=8)
    >>> run.summary["metrics"]["accuracy"], run.records, run.folder

Everything here is imported when it is first used; ``import harness`` alone costs nothing. Nothing
prints unless asked to and nothing exits: what goes wrong is a ``HarnessError``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import Run as Run
    from harness.api import compare as compare
    from harness.api import evaluate as evaluate
    from harness.api import extract as extract
    from harness.api import load_run as load_run
    from harness.errors import HarnessError as HarnessError
    from harness.metrics import Mean as Mean
    from harness.prompts import PromptTemplate as PromptTemplate
    from harness.report.compare import Comparison as Comparison
    from harness.task import Task as Task
    from harness.types import Clip as Clip
    from harness.types import Estimate as Estimate
    from harness.types import Failure as Failure
    from harness.types import Frames as Frames
    from harness.types import Generation as Generation
    from harness.types import JudgedScorer as JudgedScorer
    from harness.types import Metric as Metric
    from harness.types import Model as Model
    from harness.types import Planner as Planner
    from harness.types import Prompt as Prompt
    from harness.types import Question as Question
    from harness.types import Record as Record
    from harness.types import Response as Response
    from harness.types import Sample as Sample
    from harness.types import Score as Score
    from harness.types import Scorer as Scorer
    from harness.types import VideoInfo as VideoInfo

_PLACES = {
    "api": ("Run", "compare", "evaluate", "extract", "load_run"),
    "errors": ("HarnessError",),
    "metrics": ("Mean",),
    "prompts": ("PromptTemplate",),
    "report.compare": ("Comparison",),
    "task": ("Task",),
    "types": (
        "Clip", "Estimate", "Failure", "Frames", "Generation", "JudgedScorer", "Metric", "Model",
        "Planner", "Prompt", "Question", "Record", "Response", "Sample", "Score", "Scorer",
        "VideoInfo",
    ),
}  # fmt: skip
_PLACE = {name: place for place, names in _PLACES.items() for name in names}

__all__ = [  # pinned by tests/test_api.py
    "Clip", "Comparison", "Estimate", "Failure", "Frames", "Generation", "HarnessError",
    "JudgedScorer", "Mean", "Metric", "Model", "Planner", "Prompt", "PromptTemplate", "Question",
    "Record", "Response", "Run", "Sample", "Score", "Scorer", "Task", "VideoInfo", "compare",
    "evaluate", "extract", "load_run",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACE:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(importlib.import_module(f"harness.{_PLACE[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
