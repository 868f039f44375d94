"""Reading a judge's reply: what a careful human would take it to mean, and nothing more.

The reply that was asked for (one Python or JSON dict) is read as it is: parse status "ok". A fence
around it, prose beside it, odd quotes, "4/5" and the like are mended: "repaired". What still says
nothing, or says two things, raises JudgeError: the question is unscored, never zero. Others' rules
are in ``harness.scoring.judge_rules``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from harness.errors import JudgeError
from harness.scoring.literals import json_or_python

ParseStatus = Literal["ok", "repaired", "failed", "refused"]

YES = ("yes", "true", "correct", "right", "y")
NO = ("no", "false", "incorrect", "wrong", "n")


class JudgeRefused(JudgeError):
    """The judge declined to judge."""


@dataclass(frozen=True)
class Fields:
    """What a reply holds by lower-case key, and whether it had to be mended."""

    values: Mapping[str, Any]
    status: ParseStatus


REFUSAL = re.compile(
    r"\b(?:i['’]?m|i am) (?:sorry|unable|not able)\b|\bi (?:cannot|can['’]?t|won['’]?t) "
    r"(?:assist|help|comply|evaluate|judge|provide|answer)\b|\bas an ai\b",
    re.IGNORECASE,
)
QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "：": ":", "，": ","})
NUMBER = r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)"


def fields(reply: str, wanted: Sequence[str]) -> Fields:
    """The ``wanted`` fields of a reply, under their lower-case names; those not found are absent.

    Raises JudgeRefused for a refusal without any of them, JudgeError for nothing at all or for one
    field given two values.
    """
    whole = json_or_python(reply.strip())
    if isinstance(whole, dict):
        found = _lower(whole)
        if all(name in found for name in wanted):
            return Fields(found, "ok")
    text = _bare(reply)
    dicts = [one for block in _blocks(text) if (one := _dict_with(block, wanted)) is not None]
    if dicts:
        if any(one[name] != dicts[0][name] for one in dicts for name in wanted):
            raise _unreadable(reply, "several that differ")
        return Fields(dicts[0], "repaired")
    named = {name: value for name in wanted if (value := _named(text, name)) is not None}
    if not named and REFUSAL.search(reply):
        raise JudgeRefused(f"the judge refused: {_short(reply)}")
    return Fields(named, "repaired")


def verdict(
    reply: str, yes: Sequence[str] = YES, no: Sequence[str] = NO
) -> tuple[bool, ParseStatus]:
    """Whether a reply with a field ``pred`` (or one that opens with the verdict) says yes.

    Raises JudgeError when it says neither, both, or something in between.
    """
    read = fields(reply, ("pred",))
    said = read.values.get("pred")
    if isinstance(said, bool):
        return said, read.status
    if said is None:
        said = _opening(_bare(reply), (*yes, *no))
    word = str(said if said is not None else "").translate(QUOTES).strip(" \t\n\"'.!*`").lower()
    word = re.sub(r"\bnot (?:correct|right)\b", "incorrect", word)
    if word in yes or word in no:
        exact = read.status == "ok" and str(said) in (*yes, *no)
        return word in yes, "ok" if exact else "repaired"
    raise _unreadable(reply, "no yes or no")


def rating(
    reply: str, name: str = "score", low: float = 0, high: float = 5
) -> tuple[float, ParseStatus]:
    """The number that a reply gives under ``name``, or as the only number there is.

    "4", "4.0", "4/5" and "4 out of 5" are 4. Raises JudgeError when there is none, when there are
    several, when it is out of a different maximum, or outside ``low`` to ``high``.
    """
    read = fields(reply, (name,))
    said = read.values.get(name)
    status = read.status
    if said is None and len(read.values) == 0:
        said, status = _other_score(reply, name), "repaired"
    value, mended = _number(said, high, reply)
    if not low <= value <= high:
        raise _unreadable(reply, f"{value:g} is outside {low:g} to {high:g}")
    return value, "repaired" if mended else status


def as_asked(reply: str) -> bool:
    """Whether a reply is one Python or JSON value, or one word, with nothing around it."""
    text = reply.strip()
    return json_or_python(text) is not None or re.fullmatch(r"[\w.]+", text) is not None


def _number(said: object, high: float, reply: str) -> tuple[float, bool]:
    if isinstance(said, bool) or said is None:
        raise _unreadable(reply, "no number")
    if isinstance(said, int | float):
        if abs(said) > 1e300:  # an int of 400 digits is no float
            raise _unreadable(reply, "a number without end")
        return float(said), False
    text = str(said).strip(" \t\n\"'.!*`")
    found = re.fullmatch(rf"({NUMBER})(?:\s*(?:/|out of|of)\s*({NUMBER}))?(?:\s*points?)?", text)
    if not found or (found[2] and float(found[2]) != high):
        raise _unreadable(reply, f"{text[:40]!r} is no number up to {high:g}")
    return float(found[1]), True


def _other_score(reply: str, name: str) -> str:
    """A score under another key of a one-key dict, or the only number of a short reply."""
    text = _bare(reply)
    for block in reversed(list(_blocks(text))):
        for attempt in _mended(block):
            parsed = json_or_python(attempt)
            if isinstance(parsed, dict) and len(parsed) == 1:
                (key,) = parsed
                if name in str(key).lower():
                    return str(parsed[key])
            if isinstance(parsed, set) and len(parsed) == 1:
                return str(next(iter(parsed)))
    numbers = re.findall(rf"(?<![\w.])({NUMBER}(?:\s*(?:/|out of)\s*\d+)?)(?![\w/])", text)
    if len(numbers) == 1:
        return str(numbers[0])
    if REFUSAL.search(reply):
        raise JudgeRefused(f"the judge refused: {_short(reply)}")
    raise _unreadable(reply, "no score" if not numbers else "several numbers")


def _lower(values: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key).strip().lower(): value for key, value in values.items()}


def _bare(reply: str) -> str:
    """Without thinking, fences and bold; straight quotes."""
    text = re.sub(r"^.*</think>", "", reply, flags=re.DOTALL)
    text = re.sub(r"```(?:\w*\n)?", "\n", text).replace("**", "").translate(QUOTES)
    return text.strip()


def _blocks(text: str) -> Iterator[str]:
    """Every {…} of a text; braces inside quotes are not told apart (few replies have any)."""
    depth = 0
    for place, mark in enumerate(text):
        if mark == "{":
            if depth == 0:
                start = place
            depth += 1
        elif mark == "}" and depth:
            depth -= 1
            if depth == 0:
                yield text[start : place + 1]
    if depth:
        yield text[start:] + "}"  # the closing brace was forgotten or cut off


def _dict_with(block: str, wanted: Sequence[str]) -> dict[str, Any] | None:
    """The block as a dict that has every wanted field, mended where that helps."""
    for attempt in _mended(block):
        parsed = json_or_python(attempt)
        if isinstance(parsed, dict) and all(name in _lower(parsed) for name in wanted):
            return _lower(parsed)
    return None


def _mended(block: str) -> Iterator[str]:
    yield block
    text = re.sub(r"''(\w+)'(?=\s*:)", r"'\1'", block)  # the published example: {''score': 4.8}
    text = re.sub(r",\s*}", "}", text)
    text = re.sub(r"([{,]\s*)([A-Za-z_]+)(\s*:)", r"\1'\2'\3", text)  # keys without quotes
    text = re.sub(r"(:\s*)(yes|no|correct|incorrect)(\s*[,}])", r"\1'\2'\3", text, flags=re.I)
    text = re.sub(r"(:\s*)(\d+(?:\.\d+)?\s*/\s*\d+)(\s*[,}])", r"\1'\2'\3", text)
    text = re.sub(r"(:\s*)true\b", r"\1True", text)
    text = re.sub(r"(:\s*)false\b", r"\1False", text)
    yield text
    yield re.sub(r"\s*\n\s*", " ", text)


def _named(text: str, name: str) -> str | None:
    """The value written after a field's name, where no dict can be parsed.

    A name in quotes comes before a bare one. Raises JudgeError for two different values.
    """
    label = re.escape(name) if name != "pred" else r"(?:pred(?:iction)?|verdict)"
    value = r"\s*[\"']?\s*([^\"',;}\n]+)"
    for key in (
        rf"[\"']{label}[\"']\s*[:=]",
        rf"^[\s{{*-]*{label}\s*[:=]",
        rf"(?<![\w\"']){label}\s*[:=]",
        rf"(?<![\w\"']){label}\s+is\b",
    ):
        matches = re.findall(key + value, text, re.IGNORECASE | re.MULTILINE)
        found: list[str] = [said for match in matches if (said := match.strip().rstrip("."))]
        if len({said.lower() for said in found}) > 1:
            raise _unreadable(text, f"{name} is given several values")
        if found:
            return found[0]
    return None


def _opening(text: str, words: Sequence[str]) -> str | None:
    """The verdict that opens a reply without any field: "Yes, 4", "no - the colours differ"."""
    longest_first = sorted((w for w in words if len(w) > 1), reverse=True)  # "no way" before "no"
    options = "|".join(map(re.escape, longest_first))
    found = re.match(rf"\W*({options})(?!\w)(?!\s+(?:and|or|but)\b)", text, re.IGNORECASE)
    return found[1] if found else None


def _short(reply: str) -> str:
    text = " ".join(reply.split())
    return repr(text if len(text) <= 120 else text[:117] + "…")


def _unreadable(reply: str, why: str) -> JudgeError:
    return JudgeError(f"the judge's reply cannot be read ({why}): {_short(reply)}")
