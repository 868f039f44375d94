"""lmms-eval's rules for Video-MME-v2, before and after August 2026, bug for bug.

Pull request 1475 of EvolvingLMMs-Lab/lmms-eval (merged 2026-08-27; it says that one model's score
moved from 16.6781 to 18.9286), read in lmms_eval/tasks/videomme_v2/utils.py of release 0.7.3. The
commit it was merged as was not looked up.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.scoring.extractors.official import videomme_v2
from harness.scoring.options import LETTERS

_BLANK = r"[ \t]*"
_LETTER = rf"{_BLANK}(?:\*\*{_BLANK})?([A-H])(?:{_BLANK}\*\*)?{_BLANK}"
_LAST_LINE = re.compile(rf"(?:^|\n){_LETTER}[.)]?{_BLANK}$", re.IGNORECASE)
_FIRST = re.compile(rf"{_LETTER}(?:[.)]|\r?\n|$)", re.IGNORECASE)
_SAID = re.compile(
    r"(?:the answer|answer:|option:|\b(?:answer|option)(?:\s+(?:is|would\s+be)|\s*:))"
    r"[\s:*]*([A-H])\b",
    re.IGNORECASE,
)
_BOLD = re.compile(r"\*\*\s*([A-H])(?=\s*\*\*|[.)])", re.IGNORECASE)


def videomme_v2_lmms(response: str, options: Sequence[str]) -> str | None:
    """Video-MME-v2 since pull request 1475, either case: a letter alone on the last line, one that
    stands first before "." ")" or a line's end, the last after "answer is" and the like, the only
    one in bold; else the only option whose text is in the response.

    "A man runs. The answer is (B)" is not read: no bracket may stand before a declared letter.
    """
    text = response.strip()
    for found in (_LAST_LINE.search(text), _FIRST.match(text)):
        if found:
            return found[1].upper()
    if said := _SAID.findall(text):
        return str(said[-1]).upper()
    bold = {letter.upper() for letter in _BOLD.findall(text)}
    return bold.pop() if len(bold) == 1 else _only_text(response, options)


def videomme_v2_lmms_until_2026_08(response: str, options: Sequence[str]) -> str | None:
    """Video-MME-v2 from 52c56208 (2026-04-09) to pull request 1475, read at 75571cfe: the
    benchmark's own rule, so that "Because of that, F" is B."""
    return videomme_v2(response, options)


def _only_text(response: str, options: Sequence[str]) -> str | None:
    """The source cuts a listing "A. text" into lines: an option of several lines ends at its first,
    and those behind it, a line too late for their letters, are found only by chance."""
    lines = "\n".join(f"{x}. {text}" for x, text in zip(LETTERS, options, strict=False)).split("\n")
    said, held = response.lower(), []
    for letter, line in zip(LETTERS, lines, strict=False):
        _, mark, text = line.partition(f"{letter}.")
        if mark and text.strip(". \n").lower() in said:
            held.append(letter)
    return held[0] if len(held) == 1 else None
