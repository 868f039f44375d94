"""What a run will take, from what earlier runs of the same model took: time and disk."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.report.runs import Run
    from harness.run.request import Request

RECORD = 1_300
"""Bytes that one question takes in a run folder: 1,220 in its records file on the built-in
benchmark with 8 frames, and its share of the run's page."""


def time_line(request: Request, questions: int) -> str:
    """How long the model will take: measured by an earlier run of it, as near as there is one."""
    best = min(_earlier(request), key=lambda run: _distance(run, request), default=None)
    if best is None:
        return "time: not known yet; a run with limit=10 tells"
    each = (best.summary.seconds + best.summary.waited) / best.summary.n
    frames = request.sampling.frames
    scale = frames / best.frames if best.frames else 1.0
    about = timedelta(seconds=math.ceil(each * scale * questions))
    scaled = f", scaled to {frames} frames" if scale != 1 else ""
    return (
        f"time: about {about}, as run {best.id} took {each:.2g} s a question on {best.task} with "
        f"{best.frames} frames{scaled}"
    )


def disk_line(request: Request, questions: int) -> str:
    """What the run folder will take, and what is free there."""
    needed = questions * RECORD
    place = request.results.absolute()
    there = next(path for path in (place, *place.parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    store = request.video.store
    kept = f" and up to {request.video.store_gb:g} GB of frames in {store}" if store else ""
    return f"disk: about {_size(needed)} of records{kept}; {_size(free)} are free at {there}"


def _earlier(request: Request) -> Iterator[Run]:
    from harness.report.runs import find

    if not Path(request.results).is_dir():
        return
    for run in find(request.results)[0]:
        took = run.summary.seconds + run.summary.waited
        if run.model == request.model and run.summary.n and took:
            yield run


def _distance(run: Run, request: Request) -> tuple[bool, float]:
    """How unlike an earlier run is: another benchmark, then another number of frames."""
    frames = math.log2((run.frames or 1) / request.sampling.frames)
    return run.task.partition("/")[0] != request.task.partition("/")[0], abs(frames)


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count, 1e5) / 1e6:.1f} MB"
