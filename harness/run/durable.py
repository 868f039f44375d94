"""Files that are replaced whole or not at all, also where the power fails; and files of lines."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from harness.errors import JournalError
from harness.types import JSON


def put_in_place(temporary: Path, path: Path) -> None:
    """Moves a finished file over another one of the same folder or file system. Its content is on
    the disk before its name is: otherwise a power cut could leave an empty file under the name,
    and the old content nowhere. Raises OSError."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(temporary, path)
    with suppress(OSError):  # not every file system lets a folder be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def append_line(path: Path, values: Mapping[str, JSON]) -> None:
    """Adds a line of JSON to a file; one that a crash cut off before it stays alone. Raises
    JournalError when the disk refuses."""
    line = json.dumps(values) + "\n"
    try:
        torn = path.exists() and not path.read_bytes().endswith(b"\n")
        with path.open("a", encoding="utf-8") as out:
            out.write("\n" * torn + line)
    except OSError as error:
        raise JournalError(f"{path}: cannot write ({error.strerror})") from error
