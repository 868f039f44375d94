"""Which option is right: by its letter, its text or its number; one way must fit the column."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from harness.errors import DataError
from harness.scoring.options import LETTERS

Asked = Mapping[int, tuple[str, Sequence[str]]]
"""By row number: the answer as it is written, and the options without their letters."""


def letters(rows: Asked, said: str | None = None) -> tuple[dict[int, str], dict[int, str]]:
    """The answers as letters, by row number; and what is wrong with those that are none.

    All are read in one way (``said``: a name of ``WAYS``) where one way fits them all; where none
    does, each by itself. Raises DataError where two ways fit all and disagree.
    """
    if said is not None:
        return _each(rows, WAYS[said])
    fitting = {
        name: {n: letter for n, row in rows.items() if (letter := read(*row))}
        for name, read in WAYS.items()
    }
    whole = {name: found for name, found in fitting.items() if len(found) == len(rows)}
    if not whole:
        return _each(rows, *WAYS.values())
    first, *others = whole.values()
    if any(found != first for found in others):
        raise DataError(
            f"the answers can be read as {' or as '.join(whole)}, and these differ; "
            f"say which with --answers {' | '.join(whole)}"
        )
    return first, {}


def _each(
    rows: Asked, *ways: Callable[[str, Sequence[str]], str]
) -> tuple[dict[int, str], dict[int, str]]:
    """Each answer as the letter that all the ways which can read it agree on."""
    read: dict[int, str] = {}
    bad: dict[int, str] = {}
    for number, (text, options) in rows.items():
        found = {letter for way in ways if (letter := way(text, options))}
        if len(found) == 1:
            read[number] = found.pop()
            continue
        what = "can be read in two ways" if found else "is no letter, number or text of its options"
        bad[number] = f"the answer {text!r} {what}: {', '.join(options)}"
    return read, bad


def _by_letter(text: str, options: Sequence[str]) -> str:
    match = re.fullmatch(r"\(?([A-Za-z])[).:]?", text)
    found = match[1].upper() if match else ""
    return found if found in LETTERS[: len(options)] else ""


def _by_text(text: str, options: Sequence[str]) -> str:
    if text not in options and (match := re.fullmatch(r"\(?([A-Za-z])[).:]\s+(.+)", text)):
        text = match[2] if _by_letter(match[1], options) == _by_text(match[2], options) else text
    return LETTERS[options.index(text)] if options.count(text) == 1 else ""


def _by_number(first: int) -> Callable[[str, Sequence[str]], str]:
    def read(text: str, options: Sequence[str]) -> str:
        place = int(text) - first if text.isdecimal() else -1
        return LETTERS[place] if place in range(len(options)) else ""

    return read


WAYS: Mapping[str, Callable[[str, Sequence[str]], str]] = {
    "letter": _by_letter,
    "text": _by_text,
    "from-0": _by_number(0),
    "from-1": _by_number(1),
}
"""How a column of answers may say which option is right."""
