"""VLMEvalKit's rules for reading a response without a judge, before and after June 2026.

Bug for bug: open-compass/VLMEvalKit, vlmeval/dataset/utils/videomme.py and multiple_choice.py,
vlmeval/utils/matching_util.py, under its policy ``exact_matching``: what they do not read is wrong
there, None here. Commits: a67ace50 (2026-06-17, "answer is b" in running text) and 1445ec4f
(2026-06-17, two missing commas in a list of phrases); read at e8e78f05 (2026-08-18).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.scoring.extractors.lmms_eval import LONGVIDEOBENCH_PREFIXES, first_capital
from harness.scoring.extractors.official import VIDEOMME_PREFIXES, videomme_v2
from harness.scoring.options import LETTERS

REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
    "Failed to obtain answer via API",
)
MARKS = re.compile(r"[.()\[\],:;!*#{}]")
DECLARED = re.compile(r"(?:correct\s+)?answer\s+is\s+\**([ABCD])\**", re.IGNORECASE)
_COMMALESS = (
    *LONGVIDEOBENCH_PREFIXES[:4],
    "The best option isThe correct option is",
    "Best answer:Best option:",
)
_TEN_LAST = ("The correct answer", "The correct option")  # only the benchmark's own list has them


def videomme_vlmeval(response: str, options: Sequence[str]) -> str | None:
    """Video-MME since a67ace50: the first capital A-D as in the benchmark's own rule; without one,
    a letter of either case after "answer is", else the only option whose text is in the response.
    """
    return _capital(response) or _inferred(response, options, declared=True)


def videomme_vlmeval_until_2026_06(response: str, options: Sequence[str]) -> str | None:
    """Video-MME before a67ace50: without "answer is b"."""
    return _capital(response) or _inferred(response, options, declared=False)


def videomme_v2_vlmeval(response: str, options: Sequence[str]) -> str | None:
    """Video-MME-v2 since a67ace50: the first capital A-H as in the benchmark's own rule; without
    one as for Video-MME (declared letters still go to D only)."""
    return videomme_v2(response, options) or _inferred(response, options, declared=True)


def videomme_v2_vlmeval_until_2026_06(response: str, options: Sequence[str]) -> str | None:
    """Video-MME-v2 before a67ace50."""
    return videomme_v2(response, options) or _inferred(response, options, declared=False)


def mcq_vlmeval(response: str, options: Sequence[str]) -> str | None:
    """Its shared rule since 1445ec4f: the first capital A-E after known phrases are deleted, else
    the first choice "(A)" … "(E)" that holds the whole response, in either case: "" is A."""
    return first_capital(response, LONGVIDEOBENCH_PREFIXES, "ABCDE") or _within(
        response, LONGVIDEOBENCH_PREFIXES
    )


def mcq_vlmeval_until_2026_06(response: str, options: Sequence[str]) -> str | None:
    """Its shared rule before 1445ec4f: "Best answer: D" is B, as that phrase is never deleted."""
    return first_capital(response, _COMMALESS, "ABCDE") or _within(response, _COMMALESS)


def _capital(response: str) -> str | None:
    kept = tuple(prefix for prefix in VIDEOMME_PREFIXES if prefix not in _TEN_LAST)
    return first_capital(response, kept, "ABCD")


def _within(response: str, prefixes: Sequence[str]) -> str | None:
    text = response.strip()
    for prefix in prefixes:
        text = text.replace(prefix, "")
    if len(text.split()) > 10:
        return None
    return next((x for x in "ABCDE" if text.lower() in f"({x.lower()})"), None)


def _inferred(response: str, options: Sequence[str], *, declared: bool) -> str | None:
    """What is read where the first rule finds no capital: a stand-alone letter beyond its reach
    among the last five words, a declared letter, an option's text."""
    letters, words = LETTERS[: len(options)], MARKS.sub(" ", response).split()
    alone = [x for x in letters if x in words]
    if any(refusal in response for refusal in REFUSALS) or (not alone and "Z" in words):
        return None
    if len(alone) == 1 and words.index(alone[0]) > len(words) - 5:
        return alone[0]
    found = DECLARED.search(response) if declared else None
    if found and found[1].upper() in letters:
        return found[1].upper()
    said, texts = response.lower(), [option.strip(". \n").lower() for option in options]
    if len(said) > 2 * sum(map(len, texts)):
        return None
    held = [x for x, text in zip(LETTERS, texts, strict=False) if text in said]
    return held[0] if len(held) == 1 else None
