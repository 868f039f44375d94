"""How far a run is: lines without a terminal, a bar on one, a log in the run folder."""

import io
import logging
import re
import threading
from pathlib import Path

from harness.run.log import run_log
from harness.run.progress import Progress
from harness.types import Clip, Question, Record, Status


class Lines(io.StringIO):
    """Standard error that is no terminal, and tells when it has so many lines."""

    def __init__(self, wanted: int) -> None:
        super().__init__()
        self.wanted, self.enough = wanted, threading.Event()

    def write(self, text: str) -> int:
        count = super().write(text)
        if self.getvalue().count("\n") >= self.wanted:
            self.enough.set()
        return count


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


CLIPS = [Clip(name, None, (Question("1", "?"), Question("2", "?"))) for name in ("a", "b")]


def record(clip: str, status: Status = "scored") -> Record:
    return Record(Question("1", "?"), clip, "", status=status, reason="gone")


def test_without_a_terminal_lines_come_although_nothing_is_done() -> None:
    stream = Lines(3)
    with Progress(CLIPS, stream=stream, pause=0.01) as progress:
        assert stream.enough.wait(60)
        progress.update(record("a"))
        progress.update(record("a", "failed"))
    assert "\r" not in stream.getvalue()
    first, *_, last = stream.getvalue().splitlines()
    assert re.fullmatch(r"\d\d:\d\d:\d\d 0 of 4 questions, 0 of 2 clips", first)
    assert re.search(r"2 of 4 questions, 1 of 2 clips, .* questions/s, .* left, 1 failed$", last)


def test_what_an_earlier_run_answered_is_counted() -> None:
    assert Progress(CLIPS, kept=6, stream=None).line() == "6 of 10 questions, 0 of 2 clips"


def test_a_terminal_gets_a_bar_and_no_lines() -> None:
    stream = Terminal()
    with Progress(CLIPS, stream=stream) as progress:
        for clip in "aabb":
            progress.update(record(clip))
    assert "0/2 [" in stream.getvalue()
    assert "of 4 questions" not in stream.getvalue()


def test_the_log_goes_on_in_the_run_folder_and_leaves_no_trace(tmp_path: Path) -> None:
    log = logging.getLogger("harness")
    before = list(log.handlers), log.level, log.propagate
    for _ in range(2):
        with run_log(tmp_path) as told, Progress(CLIPS, stream=None) as progress:
            told.info("120 of 198 questions already answered")
            progress.update(record("a", "failed"))
    assert (list(log.handlers), log.level, log.propagate) == before
    text = (tmp_path / "run.log").read_text()
    assert text.count("INFO 120 of 198 questions already answered\n") == 2
    assert text.count("WARNING question 1 failed: gone\n") == 2
    assert "INFO 1 of 4 questions" in text
