"""TVBench: 10 temporal tasks that no single frame, caption or world knowledge solves.

2,654 questions in the paper, 2,525 rows on the hub (two tasks lack rows there).

Cores et al. 2024, arXiv 2410.07752, github.com/daniel-cores/tvbench. No licence file in that
repository. 2 to 4 options; chance 33.3% as printed by the paper.

The same format and protocol as MVBench (the authors say so, and their notebook is MVBench's): 16
frames at segment mid-points, the mean over the 10 tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.mvbench import MVBench

TASKS = (
    "action_antonym",
    "action_count",
    "action_localization",
    "action_sequence",
    "egocentric_sequence",
    "moving_direction",
    "object_count",
    "object_shuffle",
    "scene_transition",
    "unexpected_action",
)


@dataclass(frozen=True)
class TVBench(MVBench):
    """Rows in the schema of FunAILab/TVBench: MVBench's, each task's videos in its own folder."""

    folders: Mapping[str, str] = field(default_factory=lambda: {task: task for task in TASKS})
