"""How far a run is: a bar on a terminal; plain lines, at least one a minute, everywhere else.

The same lines go to the run's log (``harness.run.log``), with every failure's reason.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Never, TextIO

from tqdm import tqdm

from harness.types import Clip, Record

LOG = logging.getLogger("harness.run")
PAUSE = 60.0
"""Seconds between two lines."""


class Progress:
    """Counts records as they are made and says how far the run is, on ``stream``
    (None: nowhere but in the log).

    ``kept`` questions were answered by an earlier run of the same request.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        *,
        kept: int = 0,
        stream: TextIO | None,
        pause: float = PAUSE,
    ) -> None:
        self._left = Counter({clip.id: len(clip.questions) for clip in clips})
        self._total, self._clips = sum(self._left.values()), len(clips)
        self._kept, self._stream, self._pause = kept, stream, pause
        self._done = self._failed = self._clips_done = 0
        self._began = time.monotonic()
        self._over = threading.Event()
        self._bar = self._make_bar()

    def __enter__(self) -> Progress:
        self._began = time.monotonic()
        threading.Thread(target=self._talk, name="progress", daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        if self._bar is not None:
            self._bar.close()
        if error[0] is None:
            self._say()

    def update(self, record: Record) -> None:
        """One question is done; its clip is done with the last of them."""
        self._done += 1
        if record.status == "failed":
            self._failed += 1
            LOG.warning("question %s failed: %s", record.key, record.reason)
        self._left[record.video] -= 1
        self._clips_done += self._left[record.video] == 0
        if self._bar is not None:
            self._bar.set_postfix_str(f"{self._rate():.1f} questions/s", refresh=False)
            self._bar.update(int(self._left[record.video] == 0))

    def line(self) -> str:
        """``120 of 198 questions, 40 of 66 clips, 1.5 questions/s, 0:00:52 left, 2 failed``."""
        parts = [
            f"{self._kept + self._done} of {self._kept + self._total} questions",
            f"{self._clips_done} of {self._clips} clips",
        ]
        if rate := self._rate():
            left = timedelta(seconds=round((self._total - self._done) / rate))
            parts += [f"{rate:.1f} questions/s", f"{left} left"]
        if self._failed:
            parts.append(f"{self._failed} failed")
        return ", ".join(parts)

    def _rate(self) -> float:
        elapsed = time.monotonic() - self._began
        return self._done / elapsed if elapsed else 0.0

    def _talk(self) -> None:
        while not self._over.wait(self._pause):
            self._say()

    def _say(self) -> None:
        line = self.line()
        LOG.info(line)
        if self._bar is None and self._stream is not None:
            print(f"{time.strftime('%H:%M:%S')} {line}", file=self._stream, flush=True)

    def _make_bar(self) -> tqdm[Never] | None:
        if self._stream is None or not self._stream.isatty():
            return None
        return tqdm(
            total=self._clips, unit="clip", dynamic_ncols=True, leave=False, file=self._stream
        )
