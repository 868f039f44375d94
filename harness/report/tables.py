"""How reports are printed and written: Markdown that nothing in a cell can break, CSV, JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.run.journal import write_atomically

if TYPE_CHECKING:
    import pandas as pd

_TAG = re.compile(r"<(?=[A-Za-z/!?])")  # what HTML takes for a tag; "<0.001" is none
_ENTITY = re.compile(r"&(?=#?\w+;)")


def percent(value: float | None, half_width: float | None, *, signed: bool = False) -> str:
    """``81.2 ± 3.1``; ``?`` for what is not known, and for an interval wider than the scale."""
    if value is None or math.isnan(value):
        return "?"
    known = half_width is not None and half_width <= 1.0  # NaN is not
    width = f"{100 * (half_width or 0):.1f}" if known else "?"
    return f"{100 * value:{'+' if signed else ''}.1f} ± {width}"


def points(value: float | None) -> str:
    """``3.1``; ``?`` for what is not known."""
    return "?" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def probability(p: float) -> str:
    """``0.031``, ``<0.001``."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def cell(value: object) -> str:
    """Text that cannot break a Markdown table, smuggle HTML into a page or move the cursor."""
    text = "".join(c if c.isprintable() else " " for c in str(value))
    text = _TAG.sub("&lt;", _ENTITY.sub("&amp;", text)).replace("|", "\\|")
    return " ".join(text.split())


def short(text: str | None, length: int = 60) -> str:
    """The beginning of a text, on one line; — for none."""
    if text is None:
        return "—"
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of formatted cells as a Markdown table; columns of numbers are aligned right."""
    from tabulate import tabulate

    if not rows:
        return "(none)\n"
    names = list(dict.fromkeys(name for row in rows for name in row))
    body = [[cell(row.get(name, "")) for name in names] for row in rows]
    sides = ["right" if all(map(_number, column)) else "left" for column in zip(*body, strict=True)]
    heads = [cell(name) for name in names]
    return tabulate(body, heads, "pipe", disable_numparse=True, colalign=sides) + "\n"


def _number(text: str) -> bool:
    return text.strip("*<+-=± .?").replace(".", "").replace(" ± ", "").isdecimal() or text == "?"


def write(stem: Path, text: str, rows: Sequence[Mapping[str, Any]], data: Any) -> list[Path]:
    """Writes ``stem``.md (text), .csv (rows, in numbers) and .json (data). Raises JournalError."""
    stem.parent.mkdir(parents=True, exist_ok=True)
    paths = [stem.with_name(stem.name + ending) for ending in (".md", ".csv", ".json")]
    write_atomically(paths[0], text)
    write_atomically(paths[1], frame(rows).to_csv(index=False))
    write_atomically(paths[2], json.dumps(clean(data), indent=2, ensure_ascii=False) + "\n")
    return paths


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a pandas table."""
    import pandas as pd  # imported late: --help must answer in under a second

    return pd.DataFrame([dict(row) for row in rows])


def clean(value: Any) -> Any:
    """The same value for JSON: NaN becomes null."""
    if isinstance(value, Mapping):
        return {str(key): clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
