"""Files that are replaced whole or not at all, also where the power fails."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


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
