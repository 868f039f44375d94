"""How benchmarks of 2024 and 2025 read a letter, bug for bug, each from the repository it names.

Where a source guesses a letter at random when it finds none, these return None: the response is
unparsed, and no luck is scored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from harness.scoring.options import LETTERS


def video_holmes(response: str, options: Sequence[str]) -> str | None:
    """In the last <answer>…</answer>, else in all of it: the first letter in order A to F that is
    followed by a blank or ":" or follows "[", else the first in this order that occurs at all.

    TencentARC/Video-Holmes@52ef8da2, evaluate.py: "C: because A is wrong" is A.
    """
    tagged = re.findall(r"<answer>(.*?)</answer>", response, re.DOTALL)
    text = tagged[-1] if tagged else response
    known = LETTERS[: len(options)]
    for letter in known:
        if f"{letter} " in text or f"{letter}:" in text or f"[{letter}" in text:
            return letter
    return next((letter for letter in known if letter in text), None)


def motionbench_lmms(response: str, options: Sequence[str]) -> str | None:
    """After thinking, in capitals, without a few phrases: the first letter A to F that stands
    alone, else before ". ) :", else anywhere.

    lmms-eval@75571cfe, lmms_eval/tasks/motionbench/utils.py: "a dog" is A.
    """
    text = response.split("</think>")[-1].strip().upper()
    for phrase in (
        "THE BEST ANSWER IS",
        "THE CORRECT ANSWER IS",
        "THE ANSWER IS",
        "BEST ANSWER:",
        "ANSWER:",
    ):
        text = text.replace(phrase, "")
    for pattern in (r"\b([A-F])\b", r"([A-F])[.):]", r"([A-F])"):
        found = re.search(pattern, text)
        if found:
            return found[1]
    return None


def minerva_lmms(response: str, options: Sequence[str]) -> str | None:
    """The last "answer is X" or "option: X", else the last capital A to E anywhere.

    lmms-eval@75571cfe, lmms_eval/tasks/minerva/utils.py, which draws a letter when there is none.
    """
    text = response.strip()
    said = re.findall(r"(?:answer|option)\s*(?:is|:)\s*([ABCDE])", text, re.IGNORECASE)
    if said:
        return str(said[-1]).upper()
    for phrase in (
        "The best answer is",
        "The correct answer is",
        "The answer is",
        "Answer:",
        "Option:",
        "Therefore, the final answer is:",
    ):
        text = text.replace(phrase, "")
    letters = re.findall(r"[ABCDE]", text)
    return str(letters[-1]) if letters else None


def dailyomni(response: str, options: Sequence[str]) -> str | None:
    """The very first letter, A to D, in any case: "A man" is A, "Answer: B" is A, "(B)" nothing.

    Lliar-liar/Daily-Omni@fccb838, in our own words (its code is GPL-3.0).
    """
    found = re.match(r"\s*([A-D])", response.upper())
    return found[1] if found else None


def ovobench_verdict(response: str, options: Sequence[str], target: str) -> bool:
    """Right when the right letter occurs anywhere: any text with a capital "A" is right for A.

    JoeLeelyf/OVO-Bench@c34093f, utils/OVOBenchScore.py.
    """
    return target in response


def first_capital(response: str, options: Sequence[str]) -> str | None:
    """The first of the options' letters in a response: what OVO-Bench's verdict is shown as."""
    return next((mark for mark in response if mark in LETTERS[: len(options)]), None)


def cgbench_verdict(response: str, options: Sequence[str], target: str) -> bool:
    """Right when ``result`` of the first ```json block is the letter; where there is no such
    block, when the letter is among all stand-alone A to H: "not A but B" is right for both.

    CG-Bench/CG-Bench@f826608, run/utils.py.
    """
    said = _json_result(response)
    return said == target if said is not None else target in re.findall(r"\b[A-H]\b", response)


def cgbench(response: str, options: Sequence[str]) -> str | None:
    """The letter of the ```json block, else the first stand-alone A to H; None (there: out of the
    denominator) without either. CG-Bench/CG-Bench@f826608, run/utils.py."""
    said = _json_result(response)
    if said is not None:
        return said if said in LETTERS[: len(options)] else None
    return next(iter(re.findall(r"\b[A-H]\b", response)), None)


def _json_result(response: str) -> str | None:
    """A bare word after a ": " is put in quotes first; None without a block that can be read."""
    found = re.search(r"```json(.*?)```", response, re.DOTALL)
    if not found:
        return None
    text = re.sub(r"(?<=:\s)([A-Za-z_]\w*)", r'"\1"', found[1].strip())
    try:
        return str(json.loads(text)["result"])
    except (ValueError, TypeError, KeyError):
        return None
