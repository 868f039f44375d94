"""The progress bar: clips done, questions per second, time left."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

from tqdm import tqdm

from harness.types import Clip, Record


class Progress:
    """A bar over clips on standard error, fed one record at a time."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self._left = Counter({clip.id: len(clip.questions) for clip in clips})
        self._questions = 0
        pause = 0.1 if sys.stderr.isatty() else 60.0  # seconds: a log file is no terminal
        self._bar = tqdm(
            total=len(clips), unit="clip", dynamic_ncols=True, leave=False, mininterval=pause
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def update(self, record: Record) -> None:
        """One question is done; its clip is done with the last of them."""
        self._questions += 1
        elapsed = self._bar.format_dict["elapsed"]
        rate = self._questions / elapsed if elapsed else 0.0
        self._bar.set_postfix_str(f"{rate:.1f} questions/s", refresh=False)
        self._left[record.video] -= 1
        if self._left[record.video] == 0:
            self._bar.update()
