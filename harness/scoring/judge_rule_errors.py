"""What the benchmarks' own scripts do with a judge's reply that they cannot read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import JudgeError

Rule = Callable[[str], Mapping[str, float]]


class AskAgain(JudgeError):
    """The source asks the judge again, without end."""


class Stops(JudgeError):
    """The source's script dies of this reply."""


class Dropped(JudgeError):
    """The source leaves the row out."""


def evaluated(text: str) -> Any:
    """The text as a Python value; the scripts call ``eval``, here only literals are read."""
    return ast.literal_eval(text)


BROKEN = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError)
