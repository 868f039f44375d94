"""What a benchmark's own rule makes of a reply that it cannot read: three ways to no verdict."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import JudgeError

Rule = Callable[[str], Mapping[str, float]]


class AskAgain(JudgeError):
    """The source asks the judge again, without end."""


class Stops(JudgeError):
    """The source's script ends with an error at this reply."""


class Dropped(JudgeError):
    """The source leaves the row out."""


def literal(text: str) -> Any:
    """A text as a Python value. Raises one of ``BROKEN`` for what is none."""
    return ast.literal_eval(text)


BROKEN = (ValueError, SyntaxError, TypeError, MemoryError, RecursionError, OverflowError)
"""What ``literal`` raises, and int() of a number without end (1e999)."""
