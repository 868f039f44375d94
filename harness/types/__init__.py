"""The nouns of the harness: frozen dataclasses, and the protocols that models and scorers meet.

One sample, from row to table::

    row ─task→ Question ─grouped→ Clip ─sampling→ indices ─video→ Frames ─prompts→ Sample
        ─model→ Response | Failure ─journal→ a line on disk ─scorer→ Score ─metric→ Estimate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: F401  # annotations are looked up here
from pathlib import Path  # noqa: F401

from harness.types.protocols import (
    Costing,
    FrameResize,
    Guessing,
    JudgedScorer,
    Memory,
    Metric,
    Model,
    Naming,
    Planner,
    Resizing,
    Scorer,
    Validating,
)
from harness.types.questions import (
    JSON,
    Clip,
    Image,
    Part,
    Prompt,
    Question,
    Role,
    Sample,
    Text,
    Turn,
    Video,
)
from harness.types.responses import (
    Estimate,
    Failure,
    Generation,
    Record,
    Response,
    Score,
    Stage,
    Status,
    Usage,
)
from harness.types.video import (
    Frames,
    Pixels,
    Times,
    VideoInfo,
)

__all__ = [
    "JSON",
    "Clip",
    "Costing",
    "Estimate",
    "Failure",
    "FrameResize",
    "Frames",
    "Generation",
    "Guessing",
    "Image",
    "JudgedScorer",
    "Memory",
    "Metric",
    "Model",
    "Naming",
    "Part",
    "Pixels",
    "Planner",
    "Prompt",
    "Question",
    "Record",
    "Resizing",
    "Response",
    "Role",
    "Sample",
    "Score",
    "Scorer",
    "Stage",
    "Status",
    "Text",
    "Times",
    "Turn",
    "Usage",
    "Validating",
    "Video",
    "VideoInfo",
]  # fmt: skip

for _noun in map(globals().get, __all__):
    if isinstance(_noun, type) and _noun.__module__.startswith(f"{__name__}."):
        _noun.__module__ = __name__  # the name that run ids and the keys of judges' calls know
