"""Options and their letters: telling them apart in rows, and naming the right one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from harness.errors import DataError

LETTERS = "ABCDEFGHIJ"


def letter(index: int) -> str:
    """0 → "A". Raises DataError beyond "J"."""
    if not 0 <= index < len(LETTERS):
        raise DataError(f"Option {index} has no letter: options go from A to {LETTERS[-1]}.")
    return LETTERS[index]


def gold_letter(
    answer: object, options: Sequence[str], given: Literal["place", "letter", "text"]
) -> str | None:
    """The letter of a right answer that is given as its place (0, "0"), letter or text.

    None when it is hidden (missing, empty or -1). Raises DataError for one that is no option.
    """
    said = "" if answer is None else str(answer).strip()
    if said in ("", "-1"):
        return None
    if given == "place" and said.isdecimal() and int(said) < len(options):
        return letter(int(said))
    if given == "letter" and len(said) == 1 and said in LETTERS[: len(options)]:
        return said
    if given == "text" and said in (texts := [option.strip() for option in options]):
        return letter(texts.index(said))
    raise DataError(f"The right answer {said!r} is no {given} of the options {list(options)}.")


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """A question and its options, of a text that ends with lines "(A) …", "A. …" or "A: …"."""
    head, *rest = re.split(r"\n\s*\(?([A-J])[).:]\s*", text.rstrip())
    letters, options = rest[::2], rest[1::2]
    if letters != list(LETTERS[: len(letters)]) or len(letters) < 2:
        return text.strip(), ()
    return re.sub(r"\s*\bOptions:\s*$", "", head).strip(), tuple(o.strip() for o in options)


def without_prefixes(options: Sequence[str]) -> tuple[str, ...]:
    """The options' texts without their own "A. ", "A) " or "(A) ", as many data sets write them.

    Only when every option carries its letter: "B. Obama" alone is a name.
    """
    return _without_prefixes(tuple(options))


@lru_cache(maxsize=64)  # a response is read by every rule in turn when a run is audited
def _without_prefixes(options: tuple[str, ...]) -> tuple[str, ...]:
    found = [
        re.match(rf"\s*(?:\({letter}\)|{letter}[.):])\s*", option)
        for letter, option in zip(LETTERS, options, strict=False)
    ]
    if len(found) < len(options) or not all(found):
        return tuple(option.strip() for option in options)
    pairs = zip(options, found, strict=True)
    return tuple(option[match.end() if match else 0 :].strip() for option, match in pairs)
