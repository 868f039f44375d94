"""Texts that are kept in tests/golden, by the names of what they are of."""

import json
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parent / "golden"


def kept(file: str) -> dict[str, Any]:
    """What a file holds."""
    found: dict[str, Any] = json.loads((GOLDEN / file).read_text(encoding="utf-8"))
    return found


def keep(file: str, names: Iterable[str], make: Callable[[str, Path], Any]) -> None:
    """Writes what ``make`` gives of each name, made in a folder of its own."""
    made = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            made[name] = make(name, Path(folder))
    text = json.dumps(made, indent=1, ensure_ascii=False)
    (GOLDEN / file).write_text(text + "\n", encoding="utf-8")
