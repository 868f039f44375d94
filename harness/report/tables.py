"""How reports are printed and written: Markdown that nothing in a cell can break, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import RequestError
from harness.report.numbers_json import clean
from harness.run.journal import write_atomically
from harness.types import Estimate

if TYPE_CHECKING:
    import pandas as pd

_TAG = re.compile(r"<(?=[A-Za-z/!?])")  # what HTML takes for a tag; "<0.001" is none
_NUMERIC = dict.fromkeys(map(ord, "0123456789.,+-[]?<>=* "))  # what a cell of numbers holds
_ENTITY = re.compile(r"&(?=#?\w+;)")


def interval(found: Estimate, unit: str = "%", *, signed: bool = False) -> str:
    """``91.4 [87.3, 94.6]``, in percent for the unit "%"; ``?`` for what is not known.

    ``signed`` is for differences: ``+1.2 [-0.3, +2.7]``.
    """
    if math.isnan(found.value):
        return "?"
    low, high = (number(x, unit, signed=signed) for x in found.ci95)
    return f"{number(found.value, unit, signed=signed)} [{low}, {high}]"


def number(value: float | None, unit: str = "%", *, signed: bool = False) -> str:
    """``91.4`` for 0.914 in the unit "%", else three figures (``0.573``, ``12.3``); ``?`` for what
    is not known."""
    if value is None or math.isnan(value):
        return "?"
    sign = "+" if signed else ""
    if unit == "%":
        return f"{100 * value:{sign}.1f}"
    places = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 2
    return f"{value:{sign}.{min(places, 3)}f}"


def probability(p: float) -> str:
    """``0.031``, ``<0.001``; ``?`` for what is not known."""
    if math.isnan(p):
        return "?"
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


def plain(value: object) -> str:
    """An answer or a target: a text as it is, — for none, anything else as JSON."""
    if value is None:
        return "—"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


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
    return not text.translate(_NUMERIC) and any(c.isdigit() or c == "?" for c in text)


def folder(path: Path) -> Path:
    """The folder, made where it is not there yet. Raises RequestError where it cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = "a file of this name is there" if path.is_file() else str(error.strerror).lower()
        raise RequestError(f"{path}: no folder can be made there ({reason})") from error
    return path


def write(stem: Path, text: str, rows: Sequence[Mapping[str, Any]], data: Any) -> list[Path]:
    """Writes ``stem``.md (text), .csv (rows, in numbers) and .json (data). Raises JournalError."""
    folder(stem.parent)
    paths = [stem.with_name(stem.name + ending) for ending in (".md", ".csv", ".json")]
    write_atomically(paths[0], text)
    write_atomically(paths[1], as_csv(rows))
    write_atomically(paths[2], json.dumps(clean(data), indent=2, ensure_ascii=False) + "\n")
    return paths


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV; what is not known (None, NaN) is an empty cell."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    made = io.StringIO()
    writer = csv.DictWriter(made, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: "" if value != value else value for name, value in row.items()} for row in rows
    )
    return made.getvalue()


def columns(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of formatted cells in columns, as a terminal shows them."""
    from tabulate import tabulate

    names = list(dict.fromkeys(name for row in rows for name in row))
    body = [[str(row.get(name, "")) for name in names] for row in rows]
    sides = ["right"] * len(names)
    return tabulate(body, names, "plain", disable_numparse=True, colalign=sides)


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a pandas table."""
    import pandas as pd  # imported late: --help must answer in under a second

    return pd.DataFrame([dict(row) for row in rows])
