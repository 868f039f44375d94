"""Reading a data set's rows: from a file, a folder, or the hub through ``datasets``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import DataError

Row = Mapping[str, Any]
ENDINGS = (".jsonl", ".json", ".parquet")


def rows_files(path: Path, split: str, configs: Sequence[str]) -> dict[Path, str | None]:
    """The files at ``path`` that hold the rows, each with the config it belongs to (if known).

    A file is itself. A folder holds ``rows.jsonl``, ``rows.json`` or ``*.parquet`` files, or, for
    several configs, one file or folder per config (``counting.json``, ``counting/test-*.parquet``),
    as a clone of the hub's repository does. Empty when there are none.
    """
    if path.is_file():
        return {path: None}
    if single := [path / f"rows{e}" for e in ENDINGS if (path / f"rows{e}").is_file()]:
        return {single[0]: None}
    found: dict[Path, str | None] = {}
    for config in configs:
        found |= dict.fromkeys(_config_files(path, config, split), config)
    return found or dict.fromkeys(_of_split(sorted(path.rglob("*.parquet")), split))


def _config_files(path: Path, config: str, split: str) -> list[Path]:
    for folder in (path, path / "json", path / "data"):
        for ending in ENDINGS:
            if (folder / f"{config}{ending}").is_file():
                return [folder / f"{config}{ending}"]
        if files := _of_split(sorted((folder / config).glob("*.parquet")), split):
            return files
    return []


def _of_split(files: list[Path], split: str) -> list[Path]:
    """The files of one split, all of them when none is named after it."""
    return [f for f in files if f.name.startswith((f"{split}-", f"{split}."))] or files


def read_rows(files: Mapping[Path, str | None]) -> list[Row]:
    """The rows of local files, in order; a row of a known config says it under ``config``.

    Raises DataError naming the file (and line) that is not what its ending says.
    """
    rows: list[Row] = []
    for file, config in files.items():
        rows += [row if config is None else {"config": config, **row} for row in _read(file)]
    return rows


def _read(file: Path) -> list[dict[str, Any]]:
    if file.suffix not in ENDINGS:
        raise DataError(f"{file} is not a rows file; give a {', '.join(ENDINGS)} file or a folder.")
    try:
        if file.suffix == ".parquet":
            return _read_parquet(file)
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix == ".json":
            rows = json.loads(text)
        else:
            rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (OSError, ValueError) as error:
        raise DataError(f"Cannot read rows from {file}: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise DataError(f"{file} must hold a list of objects, one per question.")
    return rows


def _read_parquet(file: Path) -> list[dict[str, Any]]:
    # 0.1 s that a report must not pay; the package carries no types
    from pyarrow import ArrowException, parquet  # type: ignore[import-untyped]

    try:
        rows: list[dict[str, Any]] = parquet.read_table(file).to_pylist()
    except ArrowException as error:
        raise ValueError(error) from error
    return rows
