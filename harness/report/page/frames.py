"""The frames that a model saw, as small pictures beside a run's page, each clip's once.

``<run>/frames/<clip>/<index>.jpg``: ``clip`` is a digest of the clip's id, for an id may hold
anything; ``index`` the frame's place in presentation order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from harness import video
from harness.controls import places
from harness.errors import HarnessError
from harness.report.runs import Run
from harness.types import Clip, Pixels, Record

EDGE = 144
"""The shorter edge of a picture, in pixels."""

QUALITY = 70
_UNSEEN = ("blank", "text")  # controls under which the model saw nothing of the video


def place(clip: str) -> str:
    """The folder of a clip's pictures, beside the page."""
    return f"frames/{hashlib.sha256(clip.encode('utf-8', 'replace')).hexdigest()[:16]}"


def seen(run: Run, record: Record) -> list[int | None]:
    """The frame that the model was shown at each of the record's times, as its control had it;
    None: a black picture."""
    if run.control.startswith(_UNSEEN):
        return [None] * len(record.frames)
    order = places(len(record.frames), run.control, record.video)
    return [record.frames[place] for place in order]


def write(
    run: Run, beside: Path | None = None, tell: Callable[[int, int], None] = lambda done, of: None
) -> list[str]:
    """Makes the pictures that are not there yet; returns a line about each video that cannot be
    shown. They lie in the folder ``beside`` (default: the run's own); ``tell`` is called with the
    clips done and their number.

    Raises RequestError when the run's task cannot be built again, DataError when its rows cannot
    be read.
    """
    if run.control.startswith(_UNSEEN):
        return [f"control={run.control}: the model saw no frames of the videos"]
    beside = beside or run.folder
    wanted = _missing(run, beside)
    clips = {clip.id: clip for clip in run.task_object.clips()} if wanted else {}
    problems = []
    for done, (clip, frames) in enumerate(sorted(wanted.items())):
        tell(done, len(wanted))
        if problem := _clip(run, clips.get(clip), frames, beside / place(clip)):
            problems.append(f"{clip}: {problem}")
    tell(len(wanted), len(wanted))
    return problems


def _missing(run: Run, beside: Path) -> dict[str, set[int]]:
    wanted: dict[str, set[int]] = {}
    for record in run.records:
        folder = beside / place(record.video)
        shown = {index for index in seen(run, record) if index is not None}
        lacking = {i for i in shown if not (folder / f"{i}.jpg").is_file()}
        if lacking:
            wanted.setdefault(record.video, set()).update(lacking)
    return wanted


def _clip(run: Run, clip: Clip | None, frames: Iterable[int], folder: Path) -> str:
    """Writes one clip's pictures; what went wrong, or empty."""
    if clip is None or clip.video is None:
        return "not among the task's clips now"
    folder.mkdir(parents=True, exist_ok=True)
    decoder = (run.request.get("video") or {}).get("decoder", "pyav")
    try:
        found = video.read(
            clip.video, sorted(frames), size=EDGE, damaged="partial", decoder=decoder, fps=clip.fps
        )
    except HarnessError as error:
        return str(error)
    for index, pixels in zip(found.indices, found.pixels, strict=True):
        _picture(pixels, folder / f"{index}.jpg")
    return found.damage


def _picture(pixels: Pixels, path: Path) -> None:
    from PIL import Image

    part = path.with_suffix(".part")
    picture = Image.fromarray(pixels)
    picture.thumbnail((EDGE * 3, EDGE))
    picture.save(part, "JPEG", quality=QUALITY)
    part.replace(path)
