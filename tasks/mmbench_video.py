"""MMBench-Video: 26 abilities on 609 videos, open answers that a judge rates from 0 to 3.

Fang et al. 2024, arXiv 2406.14515, opencompass/MMBench-Video. Licence CC-BY-4.0. VLMEvalKit counts
a reply that is no whole number as 0 in "all" and leaves it out of "valid"; here it is unscored.

The videos come as Python pickles, which can run any code: ``python -m tasks.mmbench_video FOLDER``
writes them as files, and reads nothing but dicts, texts and bytes.
"""

from __future__ import annotations

import ast
import pickle
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import DataError, HarnessError
from harness.task import Row, group_values
from harness.types import Question
from tasks.open_qa import OpenQA


@dataclass(frozen=True)
class MMBenchVideo(OpenQA):
    """Rows of MMBench-Video.tsv; ``dimensions`` is a Python list written as text."""

    def question(self, row: Row) -> Question:
        """One group, with several values: the dimensions."""
        given = row["dimensions"]
        if isinstance(given, str):
            try:
                given = ast.literal_eval(given)
            except (ValueError, SyntaxError):
                raise DataError(f"dimensions {given!r} is no list") from None
        return replace(super().question(row), groups={"dimension": group_values(given)})


class OnlyPlain(pickle.Unpickler):
    """Reads dicts, texts and bytes; refuses whatever needs a class or function."""

    def find_class(self, module: str, name: str) -> object:
        """Always refused: none of the three needs it."""
        raise DataError(f"holds {module}.{name}, which could run code: it is not read")


def unpack(folder: Path) -> int:
    """Writes the videos of ``folder``/video_pkl/*.pkl to ``folder``/videos; how many. Raises
    DataError for a pickle that holds anything but {name: bytes}."""
    files = sorted((folder / "video_pkl").glob("*.pkl"))
    if not files:
        raise DataError(f"{folder}: holds no video_pkl/*.pkl: unpack a copy of the hub's folder")
    target = folder / "videos"
    target.mkdir(exist_ok=True)
    written = 0
    for file in files:
        try:
            with file.open("rb") as stream:
                videos = OnlyPlain(stream).load()
        except (DataError, pickle.UnpicklingError, EOFError) as error:
            raise DataError(f"{file}: {error}") from error
        if not isinstance(videos, dict):
            raise DataError(f"{file}: holds no dict of videos")
        for name, content in videos.items():
            if (
                not isinstance(name, str)
                or not isinstance(content, bytes)
                or Path(name).name != name
            ):
                raise DataError(f"{file}: {name!r} is no plain name with bytes")
            (target / (name if name.endswith(".mp4") else f"{name}.mp4")).write_bytes(content)
            written += 1
    return written


if __name__ == "__main__":
    try:
        print(f"{unpack(Path(sys.argv[1]))} videos" if len(sys.argv) == 2 else __doc__)
    except HarnessError as error:
        sys.exit(str(error))
