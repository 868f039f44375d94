"""Options and their letters: telling them apart in rows, and naming the right one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from harness.errors import DataError

LETTERS = "ABCDEFGHIJ"
_PREFIXES = [re.compile(rf"\s*(?:\({x}\)|{x}[.):])\s*") for x in LETTERS]


def letter(index: int) -> str:
    """0 → "A". Raises DataError beyond "J"."""
    if not 0 <= index < len(LETTERS):
        raise DataError(f"Option {index} has no letter: options go from A to {LETTERS[-1]}.")
    return LETTERS[index]


def listed_options(given: Any) -> tuple[str, ...]:
    """The texts of a row's options: a list of texts or numbers; {"A": text, …}; one text with a
    line for each letter; none at all (null).

    Raises DataError for anything else, and for an option that is null or no text.
    """
    if given is None:
        return ()
    if type(given) is tuple and all(type(option) is str for option in given):
        return given
    if isinstance(given, str):
        # the line before the first letter, if any, is no option: then it is not certain
        head, options = split_options(f"\n{given.strip()}")
        if options and not head:
            return options
        raise DataError(f"its options are one text and not a list: {_short(given)}")
    if isinstance(given, Mapping):
        if list(given) != list(LETTERS[: len(given)]):
            raise DataError(f"its options are {{{', '.join(map(repr, given))}}} and not A, B, …")
        given = given.values()
    if not isinstance(given, Iterable) or isinstance(given, bytes):
        raise DataError(f"its options are {_short(given)} and not a list")
    return tuple([_option(place, option) for place, option in enumerate(given)])


def _option(place: int, option: Any) -> str:
    if isinstance(option, str):
        return option
    if isinstance(option, int | float) and not isinstance(option, bool) and option == option:
        return str(option)
    raise DataError(f"its option {place + 1} is {_short(option)} and not a text")


def _short(value: Any) -> str:
    said = "null" if value is None else repr(value)
    return said if len(said) <= 60 else f"{said[:59]}…"


def certain_target(answer: Any, options: Sequence[str]) -> Any:
    """The letter of a right answer, where it is certain; else the answer as it was given.

    Certain are a letter of an option ("B", "b", "(B)", "B. " and its text) and a text that is
    equal to exactly one option's, in any case. A number is a place or a text: only when it is an
    option's text it is certain. None, "" and -1 are hidden labels: None. Without options all
    answers stay as they are. Raises DataError for the letter of one option that is the text of
    another.
    """
    said = str(answer).strip()
    if said == "":
        return None
    if not options or isinstance(answer, bool) or not isinstance(answer, str | int | float):
        return answer
    by_text, by_letter = _by_text(said, options), _by_letter(said, options)
    if by_text and by_letter and by_text != by_letter:
        raise DataError(
            f"its answer {said!r} is the letter of option {by_letter} and the text of option "
            f"{by_text}"
        )
    found = by_text or by_letter
    return found or (None if said == "-1" else answer)


def _by_text(said: str, options: Sequence[str]) -> str | None:
    for same in (str.strip, lambda text: " ".join(text.casefold().split())):
        wanted = same(said)
        places = [place for place, option in enumerate(options) if same(option) == wanted]
        if len(places) == 1:
            return letter(places[0])
    return None


def _by_letter(said: str, options: Sequence[str]) -> str | None:
    found = re.fullmatch(r"\(?([A-Za-z])(?:[.):]\s*(.*))?", said, re.DOTALL)
    place = LETTERS.find(found[1].upper()) if found else -1
    if not found or not 0 <= place < len(options):
        return None
    return letter(place) if not found[2] or found[2].strip() == options[place].strip() else None


def gold_letter(
    answer: object, options: Sequence[str], given: Literal["place", "letter", "text"]
) -> str | None:
    """The letter of a right answer that is given as its place (0, "0"), letter or text.

    None when it is hidden (missing, empty or -1). Raises DataError for one that is no option.
    """
    said = "" if answer is None else str(answer).strip()
    if said in ("", "-1"):
        return None
    if not options:
        raise DataError("it has no options")
    if isinstance(answer, float) and answer.is_integer():
        said = str(int(answer))
    if given == "place" and said.isdecimal() and int(said) < len(options):
        return letter(int(said))
    if given == "letter" and (found := _by_letter(said, options)):
        return found
    if given == "text" and said in (texts := [option.strip() for option in options]):
        return letter(texts.index(said))
    if given == "text" and (found := _by_text(said, options)):
        return found
    raise DataError(f"The right answer {said!r} is no {given} of the options {list(options)}.")


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """A question and its options, of a text that ends with lines "(A) …", "A. …" or "A: …"."""
    head, *rest = re.split(r"\n\s*\(?([A-J])[).:]\s*", text.rstrip())
    letters, options = rest[::2], rest[1::2]
    if letters != list(LETTERS[: len(letters)]) or len(letters) < 2:
        return text.strip(), ()
    return re.sub(r"\s*\bOptions:\s*$", "", head).strip(), tuple(o.strip() for o in options)


def without_prefixes(options: Any) -> tuple[str, ...]:
    """The options' texts without their own "A. ", "A) " or "(A) ", as many data sets write them.

    Only when every option carries its letter: "B. Obama" alone is a name; repeated, as for
    "A. A. one". Raises DataError for what is no list of texts, as ``listed_options``.
    """
    return _without_prefixes(listed_options(options))


@lru_cache(maxsize=64)  # a response is read by every rule in turn when a run is audited
def _without_prefixes(texts: tuple[str, ...]) -> tuple[str, ...]:
    while texts:
        ends = []
        for prefix, option in zip(_PREFIXES, texts, strict=False):
            if (found := prefix.match(option)) is None:
                break
            ends.append(found.end())
        if len(ends) < len(texts):
            break
        texts = tuple(option[end:] for option, end in zip(texts, ends, strict=True))
    return tuple([option.strip() for option in texts])
