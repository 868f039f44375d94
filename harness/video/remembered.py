"""What was found out of the last few files: probing and reading, and one clip after another, then
share it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

from harness.video.index import Choose, Index, build
from harness.video.sample_table import SampleTable, sample_table
from harness.video.video_file import VideoFile

Held: TypeAlias = Index | SampleTable
_held: dict[tuple[str, int, int, int], Held] = {}


def remembered(file: VideoFile, choose: Choose | None) -> Held:
    """The file's sample table, where that suffices, or its index, kept for the next few calls:
    probing and reading then share it.

    It goes by the file's size, time and place on disk, so that a replaced file is indexed anew.
    """
    if held := _held.get(_identity(file)):
        return held
    found = sample_table(file) or build(file, choose)
    remember(file, found)
    return found


def remember(file: VideoFile, held: Held) -> None:
    """Keeps it in place of the oldest of eight, without frames, which would fill the memory."""
    while len(_held) >= 8:
        _held.pop(next(iter(_held)), None)
    _held[_identity(file)] = replace(held, kept={}) if isinstance(held, Index) else held


def _identity(file: VideoFile) -> tuple[str, int, int, int]:
    status = file.path.stat()
    return str(file.path.resolve()), status.st_size, status.st_mtime_ns, status.st_ino
