"""An error on its way from a worker to the run, which raises it as if it had happened there."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass

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


def _pickled(error: Exception) -> bytes:
    """Empty for an error that would not be the same at the other end."""
    try:
        sent = pickle.dumps(error)
        return sent if type(pickle.loads(sent)) is type(error) else b""
    except Exception:  # noqa: BLE001  # an error's own __init__ and __reduce__ may raise anything
        return b""
