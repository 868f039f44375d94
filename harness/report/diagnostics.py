"""What no single score shows: does the model mean its option, or its place in the list?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from harness.types import Record

_ROTATED = re.compile(r"(.+)@\d+")


def consistency(records: Sequence[Record]) -> dict[str, Any] | None:
    """Of a run with ``permute_options``; None for any other.

    ``questions`` asked more than once; ``consistent``: the share whose answers all name the same
    option text; ``chosen`` and ``gold``: the share of answers and of right options at each letter,
    which differ where the model prefers a position.
    """
    asked: dict[str, list[Record]] = {}
    for record in records:
        asked.setdefault(unrotated(record.question), []).append(record)
    repeated = [group for base, group in asked.items() if len(group) > 1]
    if not repeated:
        return None
    rotations = [record for group in repeated for record in group]
    return {
        "questions": len(repeated),
        "consistent": sum(_same(group) for group in repeated) / len(repeated),
        "chosen": _shares([r.answer for r in rotations]),
        "gold": _shares([r.gold for r in rotations]),
    }


def unrotated(question: str) -> str:
    """The id of a question whose options were rotated, without its "@1"."""
    found = _ROTATED.fullmatch(question)
    return found[1] if found else question


def _same(group: Sequence[Record]) -> bool:
    texts = {_text(record) for record in group}
    return len(texts) == 1 and None not in texts


def _text(record: Record) -> str | None:
    place = ord(record.answer) - ord("A") if record.answer and len(record.answer) == 1 else -1
    return record.options[place] if 0 <= place < len(record.options) else None


def _shares(letters: Sequence[str | None]) -> dict[str, float]:
    counts = Counter(letter for letter in letters if letter)
    return {letter: counts[letter] / counts.total() for letter in sorted(counts)}
