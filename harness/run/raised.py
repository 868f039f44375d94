"""An error on its way from a worker to the run, which raises it as if it had happened there."""

from __future__ import annotations

import pickle
import sysconfig
import traceback
from dataclasses import dataclass
from pathlib import Path

from harness.errors import HarnessError


class WorkerTraceback(Exception):
    """The cause of an error that a worker raised: where it was raised, as text and as ``frames``,
    since no traceback leaves its process."""

    def __init__(self, text: str, frames: traceback.StackSummary) -> None:
        super().__init__(text)
        self.frames = frames

    def __str__(self) -> str:
        return f"in a worker\n{self.args[0]}"


@dataclass(frozen=True)
class Raised:
    """An error as it is sent: ``pickled`` (empty where it cannot be), its ``kind`` and words, its
    traceback as ``text``, and the ``frames`` of that (file, line number, function, source)."""

    pickled: bytes
    kind: str
    said: str
    text: str
    frames: tuple[tuple[str, int, str, str | None], ...]

    @classmethod
    def of(cls, error: Exception) -> Raised:
        """What is sent of an error."""
        frames = traceback.extract_tb(error.__traceback__)
        return cls(
            _pickled(error),
            type(error).__name__,
            str(error),
            "".join(traceback.format_exception(error)),
            tuple((f.filename, f.lineno or 0, f.name, f.line) for f in frames),
        )

    def error(self) -> Exception:
        """The same error here; a bug (no HarnessError) has its worker's traceback as its cause.
        One that could not be sent is a RuntimeError of the same words."""
        found: Exception = RuntimeError(f"{self.kind}: {self.said}")
        if self.pickled:
            found = pickle.loads(self.pickled)
        if not isinstance(found, HarnessError):
            found.__cause__ = WorkerTraceback(
                self.text, traceback.StackSummary.from_list(list(self.frames))
            )
        return found


def frames_of(error: BaseException) -> traceback.StackSummary:
    """Where an error was raised, in a worker too."""
    if isinstance(error.__cause__, WorkerTraceback):
        return error.__cause__.frames
    return traceback.extract_tb(error.__traceback__)


def users(file: str) -> bool:
    """Whether a source file is the user's: in the working folder, and no package's."""
    path = Path(file)
    if not path.is_file() or not path.resolve().is_relative_to(Path.cwd().resolve()):
        return False
    ours = [Path(__file__).resolve().parents[1], *map(Path, sysconfig.get_paths().values())]
    return not any(path.resolve().is_relative_to(folder) for folder in ours)


def clause(error: BaseException) -> str:
    """An error in one line: a HarnessError's own, for any other where the bug is: ``a bug in
    tasks/mine.py, line 12, in score: KeyError: 'x'``."""
    if isinstance(error, HarnessError):
        return str(error)
    frames = frames_of(error)
    mine = [frame for frame in frames if users(frame.filename)]
    said = " ".join(str(error).split())
    words = f"{type(error).__name__}: {said if len(said) <= 200 else said[:199] + '…'}"
    if not frames:
        return f"a bug: {words}"
    last = (mine or frames)[-1]
    path = Path(last.filename).resolve()
    here = Path.cwd().resolve()
    name = path.relative_to(here) if path.is_relative_to(here) else path
    return f"a bug in {name}, line {last.lineno}, in {last.name}: {words}"


def _pickled(error: Exception) -> bytes:
    """Empty for an error that would not be the same at the other end."""
    try:
        sent = pickle.dumps(error)
        return sent if type(pickle.loads(sent)) is type(error) else b""
    except Exception:  # noqa: BLE001  # an error's own __init__ and __reduce__ may raise anything
        return b""
