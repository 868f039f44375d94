"""lmms-eval's rules for reading a response, bug for bug (EvolvingLMMs-Lab/lmms-eval@75571cfe).

Where the source draws an option at random the reader returns None: a guess is not an answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from harness.scoring.options import LETTERS

_ANY = ("correct ", "the correct ")
_BEST = (*_ANY, "best ", "the best ")
MCQ_PHRASES = (
    # where each stands first counts: "the best answer is" may come after another "answer is"
    *(f"{start}answer is" for start in ("", "the ", *_BEST, "my ")),
    *(f"{start}option is" for start in _BEST),
    *(f"{start}choice is" for start in ("", "the ", *_ANY, "my ")),
    "i choose", "i select", "i pick",
    "옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは",
)  # fmt: skip

LONGVIDEOBENCH_PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    "The best option is",
    "The correct option is",
    "Best answer:",
    "Best option:",
)

MVBENCH_MARKS = ';/[]"{}()=+\\_->,<@`?!'


def first_capital(response: str, prefixes: Sequence[str], letters: str) -> str | None:
    """The first of ``letters`` left in the response once ``prefixes`` are deleted everywhere."""
    text = response.strip()
    for prefix in prefixes:
        text = text.replace(prefix, "")
    found = re.search(f"[{letters}]", text)
    return found[0] if found else None


def lmms_mcq(response: str, options: Sequence[str]) -> str | None:
    """The A-D in the most telling form, the last of equals. Video-MME, MLVU, LVBench.

    In falling order: the first character, the last character, after "answer is" and the like
    (anywhere after it), "(B)", "B.", "B:", "B)", "B " (so any word that ends in a capital), any
    capital. Options beyond D are never read: MLVU's test set goes to F.
    tasks/_task_utils/mcq_extract.py; phrases that are not English since 7a69a9a1 (2026-04-11).
    """
    return _mcq(response, "ABCD")


def lmms_mcq_all(response: str, options: Sequence[str]) -> str | None:
    """``lmms_mcq`` over all letters of the question's options: Video-MMMU, with up to ten.

    tasks/videommmu/utils.py, parse_multi_choice_response.
    """
    return _mcq(response, LETTERS[: len(options)])


def cgbench_lmms(response: str, options: Sequence[str]) -> str | None:
    """``lmms_mcq`` over A to N, whatever the options are: "I choose B" is I, which is wrong.

    tasks/cgbench/utils.py. A letter beyond J is nothing here and wrong there.
    """
    found = _mcq(response, "ABCDEFGHIJKLMN")
    return found if found in tuple(LETTERS) else None


def _mcq(response: str, letters: str) -> str | None:
    text = response.strip()
    for mark in ",.!?;:'\"":
        text = text.strip(mark)
    text = f" {text} "
    found: list[tuple[int, int, str]] = []
    for letter in letters:
        forms = (f"({letter})", f"{letter}.", f"{letter}:", f"{letter})", f"{letter} ")
        for rank, form in zip((6, 5, 4, 3, 2), forms, strict=True):
            if form in text:
                found.append((rank, text.rfind(form), letter))
    found += _after_phrases(text, letters) + _at_the_ends(text, letters)
    if not found:
        found = [(0, text.rfind(letter), letter) for letter in letters if letter in text]
    best = max(found, key=lambda item: item[:2], default=None)
    return best[2] if best else None


def videomme_lmms_until_2026_04(response: str, options: Sequence[str]) -> str | None:
    """Video-MME before 9ca4445d (2026-04-11), which put ``lmms_mcq`` in its place.

    The first capital A-D after known phrases are deleted, "Answer:" not among them, so that
    "Answer: C" is A. A comma is missing as in the benchmark's own list. tasks/videomme/utils.py.
    """
    phrases = (
        *LONGVIDEOBENCH_PREFIXES[:4],
        "The best option isThe correct option is",
        "Best answer:Best option:",
    )
    return first_capital(response, phrases, "ABCD")


def _after_phrases(text: str, letters: str) -> list[tuple[int, int, str]]:
    lower, found = text.lower(), []
    for phrase in MCQ_PHRASES:
        start = lower.find(phrase)
        if start >= 0:
            places = ((text.find(letter, start + len(phrase)), letter) for letter in letters)
            found += [(7, place, letter) for place, letter in places if place >= 0]
    return found


def _at_the_ends(text: str, letters: str) -> list[tuple[int, int, str]]:
    bare, found = text.strip(), []
    if bare[:1] in tuple(letters) and not bare[1:2].isalpha():
        found.append((10, 0, bare[0]))
    if bare[-1:] in tuple(letters) and not bare[-2:-1].isalpha():
        found.append((9, len(text) - 1, bare[-1]))
    return found


def mvbench_lmms(response: str, options: Sequence[str]) -> str | None:
    """The letter of "B. text" in either case, else the first stand-alone a-e, the article "a" too.

    Apostrophes keep their word apart: "can't" has no stand-alone letter, "it's a" has one.
    A response that is exactly empty leaves the denominator there (``counted=nonempty``).
    tasks/mvbench/utils.py, mcq_acc.
    """
    text = response.strip()
    if listed := re.match(r"([A-E])\.\s*.+$", text, re.IGNORECASE):
        return listed[1].upper()
    text = response.replace("\n", " ").replace("\t", " ").strip()
    spaced = re.search(r"\d,\d", text) is not None
    marked = text
    for mark in MVBENCH_MARKS:
        drop = spaced or f"{mark} " in text or f" {mark}" in text
        marked = marked.replace(mark, "" if drop else " ")
    # the source passes re.UNICODE (32) where re.sub takes a count
    marked = re.sub(r"\.(?!\d)", "", marked, count=32)
    found = re.search(r"\b([A-E])\b", marked, re.IGNORECASE)
    return found[1].upper() if found else None


def nextqa_lmms(response: str, options: Sequence[str]) -> str | None:
    """MMMU's rule, the last of several: "(B)", else "B ", else "B.", else an option's text.

    Texts are looked for only in responses of six words or more. "B)" and "B: text" are not read;
    the source then draws an option at random. tasks/nextqa/utils.py.
    """
    text, letters = _trimmed(response), LETTERS[: len(options)]
    forms: tuple[tuple[Callable[[str], str], Callable[[str], str]], ...] = (
        (lambda x: f"({x})", lambda x: f"({x})"),
        (lambda x: f"{x} ", lambda x: f" {x} "),
        (lambda x: f"{x}.", lambda x: f" {x} "),
    )
    for form, place in forms:
        if found := [x for x in letters if form(x) in text]:
            return max(found, key=lambda x: text.rfind(place(x)))
    return _by_text(text, options, last=True)


def egoschema_lmms(response: str, options: Sequence[str]) -> str | None:
    """The first by place of all "(B)", "B " and "B.", else an option's text.

    Texts are looked for only in responses of six words or more; the source draws at random when
    nothing is found. tasks/egoschema/utils.py.
    """
    text, letters = _trimmed(response), LETTERS[: len(options)]
    forms = [f"({x})" for x in letters] + [f"{x} " for x in letters] + [f"{x}." for x in letters]
    if found := [form for form in forms if form in text]:
        return min(found, key=text.rfind).strip("(). ")
    return _by_text(text, options, last=False)


def _trimmed(response: str) -> str:
    for mark in ",.!?;:'":
        response = response.strip(mark)
    return f" {response} "


def _by_text(text: str, options: Sequence[str], *, last: bool) -> str | None:
    """The option whose text stands last (or first) in a response of six words or more."""
    lower = text.lower()
    found = [
        (lower.rfind(option.lower()), letter)
        for letter, option in zip(LETTERS, options, strict=False)
        if option.lower() in lower
    ]
    if len(text.split()) <= 5 or not found:
        return None
    pick = max if last else min
    return pick(found, key=lambda item: item[0])[1]


def longvideobench_lmms(response: str, options: Sequence[str]) -> str | None:
    """The first capital A-E after known phrases are deleted, anywhere, even inside a word.

    "Answer: B" is A: that phrase is not deleted. The source draws at random when there is none.
    The paper's author uses the same rule. tasks/longvideobench/utils.py.
    """
    return first_capital(response, LONGVIDEOBENCH_PREFIXES, "ABCDE")


def perceptiontest_lmms(response: str, options: Sequence[str]) -> str | None:
    """The first stand-alone capital A-D, the article "A" too. tasks/perceptiontest/val/utils.py."""
    found = re.search(r"\b([A-D])\b", response)
    return found[1] if found else None


def tvbench_lmms(response: str, options: Sequence[str]) -> str | None:
    """The first stand-alone letter in either case if it is an option's, else the first character
    if it is one, inside a word too, else the only option whose text is in the response.

    tasks/tvbench/utils.py.
    """
    upper, letters = response.strip().upper(), LETTERS[: max(len(options), 2)]
    alone = re.search(r"\b([A-Z])\b", upper)
    if alone and alone[1] in letters:
        return alone[1]
    leading = re.match(r"[(\[]?([A-Z])", upper)
    if leading and leading[1] in letters:
        return leading[1]
    said = " ".join(response.lower().split())
    texts = (" ".join(option.lower().split()) for option in options)
    found = [x for x, text in zip(LETTERS, texts, strict=False) if text and text in said]
    return found[0] if len(found) == 1 else None


def tomato_lmms(response: str, options: Sequence[str]) -> str | None:
    """The only option letter anywhere in the response, else the last in parentheses, else the first
    in the alphabet; with no letter, an option's text; with nothing at all, A.

    Texts are looked for only in responses of six words or more. Never unparsed: a refusal is A.
    The rule without a judge. tasks/tomato/utils.py.
    """
    text = _trimmed(response)
    if found := [x for x in LETTERS[: len(options)] if x in text]:
        return max(found, key=lambda x: text.rfind(f"({x})"))
    return _by_text(text, options, last=True) or "A"
