"""Who served a run's model, and what ``harness doctor`` found when it asked the served model and
the same checkpoint on transformers the same questions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import HarnessError, JournalError
from harness.report import runs, tables
from harness.report.numbers_json import clean
from harness.report.runs import Run
from harness.run.journal import read_json, write_atomically

FILE = "doctor.json"


@dataclass(frozen=True)
class Examined:
    """A served model beside its checkpoint: of so many ``questions`` the ``flips`` were answered
    otherwise and the ``failed`` not at all; ``largest`` is the largest difference of a letter's
    probability (None: there were no letters); ``sound``: it may be taken for the checkpoint."""

    questions: int
    flips: int
    failed: int
    largest: float | None
    sound: bool

    @property
    def rate(self) -> float:
        """The share of answers that differ, of those that both gave (0..1); NaN of none."""
        both = self.questions - self.failed
        return self.flips / both if both else float("nan")

    def __str__(self) -> str:
        said = f"{tables.number(self.rate)}% of {self.questions - self.failed}"
        return said if self.sound else f"{said}, not the same"


def served_by(run: Run) -> str:
    """What served the model: "vllm", "sglang" or "openai" (any other server of that API), with its
    version where it ran in process; empty where nothing did."""
    backend = run.request.get("backend")
    if not isinstance(backend, Mapping):
        return ""
    if "vllm" in backend:
        return f"vllm {backend['vllm']}"
    return str(backend.get("dialect") or "")


def examined(run: Run) -> Examined | None:
    """What the doctor found, as kept beside the run; None: it has not looked, or its file is
    damaged."""
    try:
        kept = read_json(run.folder / FILE)["served"]
        return Examined(
            int(kept["questions"]),
            int(kept["flips"]),
            int(kept["failed"]),
            None if kept["largest"] is None else float(kept["largest"]),
            bool(kept["sound"]),
        )
    except (JournalError, KeyError, TypeError, ValueError):
        return None


def keep(found: Mapping[str, Any], identity: Mapping[str, Any], folder: Path) -> list[Path]:
    """Writes what the doctor found beside every run that was asked alike but for its limit, for the
    doctor looks at a few clips only; else into ``folder``, the one that such a run would have.
    Returns the files. Raises JournalError and RequestError where they cannot be written."""
    beside = [run.folder for run in _of_model(folder.parent) if _alike(run, identity)]
    paths = [tables.folder(place) / FILE for place in beside or [folder]]
    for path in paths:
        write_atomically(path, json.dumps(clean(found), indent=2) + "\n")
    return paths


def _of_model(folder: Path) -> Sequence[Run]:
    found = []
    for path in sorted(folder.glob("*/request.json")):
        try:
            found.append(runs.load(path.parent))
        except HarnessError:
            continue  # the leaderboard says what is wrong with it
    return found


def _alike(run: Run, identity: Mapping[str, Any]) -> bool:
    wanted = json.loads(json.dumps({k: v for k, v in identity.items() if k != "limit"}))
    return all(run.identity.get(key) == value for key, value in wanted.items())
