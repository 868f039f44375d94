"""A value that a text is written as, by a model or by a judge."""

from __future__ import annotations

import ast
import json
from typing import Any


def json_or_python(text: str) -> Any:
    """The JSON or Python value that a text is; None when it is neither."""
    for parse in (json.loads, ast.literal_eval):
        try:
            return parse(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue  # a TypeError: {[1]: 2}
    return None
