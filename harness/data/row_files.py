"""Reading the rows of one file: JSON Lines, JSON, Parquet, CSV or TSV."""

from __future__ import annotations

import ast
import csv
import io
import json
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import DataError

Row = Mapping[str, Any]
ENDINGS = (".jsonl", ".json", ".parquet", ".csv", ".tsv")


ROWS_FILES = f"{', '.join(f'rows{ending}' for ending in ENDINGS)} or *.parquet"
"""What a folder of a benchmark's rows holds, as messages say it."""


class _NoRowsError(ValueError):
    """A file holds other things than rows."""


@dataclass
class Table:
    """Rows in order. ``numbers`` are the lines or rows of the file that they stand on, from 1
    (``unit`` says which); empty: row i stands on i + 1."""

    rows: list[dict[str, Any]]
    unit: str = "row"
    numbers: Sequence[int] = field(default_factory=tuple)

    def number(self, index: int) -> int:
        """The line or row of the file that row ``index`` stands on."""
        return self.numbers[index] if self.numbers else index + 1


def read(file: Path) -> Table:
    """The rows of a file. Raises DataError naming the file, and the line or row that is wrong."""
    readers = {".parquet": _parquet, ".json": _json, ".csv": _csv, ".tsv": _csv}
    ending = file.suffix.lower()
    if ending not in ENDINGS:
        raise DataError(f"{file} is not a rows file; give a {', '.join(ENDINGS)} file or a folder.")
    try:
        return readers.get(ending, _json_lines)(file)
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"Cannot read rows from {file}: {_line(error)}") from error
    except RecursionError as error:
        raise DataError(f"Cannot read rows from {file}: values are nested too deep.") from error


def _json(file: Path) -> Table:
    text = _text(file)
    try:
        rows = json.loads(text)
    except json.JSONDecodeError as error:
        first = text.lstrip().partition("\n")[0]
        if error.msg == "Extra data" and first.startswith("{"):
            return _json_lines(file)  # lines of JSON in a file called .json
        raise ValueError(f"line {error.lineno}: {error.msg} (column {error.colno})") from error
    rows = _by_id(rows) or rows
    if not isinstance(rows, list):
        raise _NoRowsError("it must hold a list of objects, one per question.")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise _NoRowsError(f"row {number} is {_what(row)} and not an object.")
    return Table(rows)


def _by_id(rows: object) -> list[dict[str, Any]]:
    """The rows of ``{"id": row, …}``, also where that is the only value of an object; none for an
    object of anything else. Rows share fields, and not all that they hold are objects. Raises
    _NoRowsError for one among them that is no row, as a header is."""
    if not isinstance(rows, dict) or not all(
        isinstance(row, dict) and row for row in rows.values()
    ):
        return []
    if all(isinstance(value, dict) for row in rows.values() for value in row.values()):
        return _by_id(*rows.values()) if len(rows) == 1 else []
    common = set.intersection(*map(set, rows.values()))
    if not common:
        return []
    usual = _usual(rows)
    odd = min(rows, key=lambda id: len(usual & rows[id].keys()))
    if 2 * len(usual & rows[odd].keys()) < len(usual):
        lacking = ", ".join(sorted(usual - rows[odd].keys())[:4])
        raise _NoRowsError(f"{odd!r} has no {lacking}, as the others do: is it a row? Take it out.")
    return [{"id": id, **row} for id, row in rows.items()]


def _usual(rows: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """The fields that at least half of the rows have."""
    counts = Counter(name for row in rows.values() for name in row)
    return {name for name, count in counts.items() if 2 * count >= len(rows)}


def _json_lines(file: Path) -> Table:
    rows, numbers = [], []
    for number, line in enumerate(_text(file).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number}: {error.msg} (column {error.colno})") from error
        if not isinstance(row, dict):
            raise _NoRowsError(f"line {number} is {_what(row)} and not an object.")
        rows.append(row)
        numbers.append(number)
    return Table(rows, "line", () if numbers[-1:] == [len(numbers)] else numbers)


def _csv(file: Path) -> Table:
    """Cells are texts, empty ones None; a cell that is a list of JSON or Python becomes one."""
    csv.field_size_limit(1 << 28)  # pictures stand in some benchmarks' cells
    text = _text(file)
    first = text.partition("\n")[0]
    if file.suffix.lower() == ".tsv":
        between = "\t"
    else:  # where a comma is the decimal point, spreadsheets write semicolons
        between = ";" if ";" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    rows, numbers = [], []
    try:
        header = next(reader, [])
        if len(set(header)) < len(header):
            raise ValueError("its first line names two columns alike.")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(header):
                raise ValueError(
                    f"line {reader.line_num} has {len(cells)} cells, but there are {len(header)} "
                    "columns."
                )
            rows.append(dict(zip(header, map(_cell, cells), strict=True)))
            numbers.append(reader.line_num)
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    return Table(rows, "line", numbers)


def _cell(cell: str) -> object:
    if not cell:
        return None
    if not (cell.startswith("[") and cell.endswith("]")):
        return cell
    try:
        found = json.loads(cell)
    except (ValueError, RecursionError):
        found = _python_list(cell)
    return found if isinstance(found, list) else cell


def _python_list(cell: str) -> object:
    """A list as Python writes it, ``['a', "b"]``. One without commas, as NumPy writes it, would be
    read as a single text of all: it stays the text it is."""
    try:
        found = ast.literal_eval(cell)
        tokens = list(tokenize.generate_tokens(io.StringIO(cell).readline))
    except (ValueError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError):
        return None
    texts = sum(token.type == tokenize.STRING for token in tokens)
    plain = isinstance(found, list) and all(isinstance(x, (str, int, float)) for x in found)
    return found if plain and texts == sum(isinstance(x, str) for x in found) else None


def _parquet(file: Path) -> Table:
    # 0.1 s that a report must not pay; the package carries no types
    from pyarrow import ArrowException, parquet

    try:
        return Table(parquet.read_table(file).to_pylist())
    except ArrowException as error:
        raise ValueError(str(error)) from error


def _text(file: Path) -> str:
    data = file.read_bytes()
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8 text; save the file as UTF-8.") from error


def _what(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", int: "a number"}
    return names.get(type(value), "null" if value is None else "a number")


def _line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def named(rows: Sequence[Row], columns: Mapping[str, str], where: str) -> Iterator[dict[str, Any]]:
    """The rows with their fields under the standard names: ``columns`` is {standard: own}.

    A row without a named column stays without that field. Raises DataError when no row has one.
    """
    have = set().union(*rows) if rows else set()
    for standard, own in columns.items():
        if rows and own not in have:
            raise DataError(
                f"task.source.columns names the column {own!r} for {standard!r}, but {where} has "
                f"only {', '.join(sorted(map(str, have)))}."
            )
    for row in rows:
        yield {**row, **{name: row[own] for name, own in columns.items() if own in row}}
