"""The benchmarks' own rules for reading a response, bug for bug.

Each function cites its source; None is where the source finds no answer. MVBench's source does not
read a letter but compares the response with the gold option: its verdict stands beside its reader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.scoring.extractors.lmms_eval import LONGVIDEOBENCH_PREFIXES, first_capital
from harness.scoring.options import LETTERS

LABELLED = re.compile(r"(?:Option|Sentence|Caption) \w+: ")

VIDEOMME_PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "The answer",
    # two literals that a missing comma glues together in the source, so neither is ever found
    "The best option isThe correct option is",
    "Best answer:Best option:",
    "Answer:",
    "Option:",
    "The correct answer",
    "The correct option",
)


def videomme(response: str, options: Sequence[str]) -> str | None:
    """The first capital A-D after known phrases are deleted, anywhere, even inside a word.

    "Based on the video, C" is B. BradyFU/Video-MME, evaluation/eval_your_results.py; an unparsed
    answer leaves the denominator there (``counted=answered``). VLMEvalKit reads the same way.
    """
    return first_capital(response, VIDEOMME_PREFIXES, "ABCD")


def videomme_v2(response: str, options: Sequence[str]) -> str | None:
    """Video-MME's rule with A-H and the missing comma put right.

    MME-Benchmarks/Video-MME-v2, evaluation/test_video_mme_v2.py.
    """
    prefixes = ("Final Answer:", *LONGVIDEOBENCH_PREFIXES, "Answer:", "Option:")
    return first_capital(response, prefixes, "ABCDEFGH")


def mvbench_verdict(response: str, options: Sequence[str], gold: str) -> bool:
    """Whether the first word, lower-cased and without full stops, lies within "(b)" or holds it.

    So "", "(" and ")" are right whatever the gold option is, and "The answer is (B)" is wrong. It
    makes sense only after the primer "Best option:(". OpenGVLab/Ask-Anything, video_chat2/
    mvbench.ipynb, check_ans; VLMEvalKit has the same.
    """
    said, right = response.lower().split(" ")[0], f"({gold.lower()})"
    return said.replace(".", "") in right or right in said


def mvbench(response: str, options: Sequence[str]) -> str | None:
    """The only option that ``mvbench_verdict`` accepts; None when it accepts none, or all."""
    right = [x for x in LETTERS[: len(options)] if mvbench_verdict(response, options, x)]
    return right[0] if len(right) == 1 else None


def mlvu(response: str, options: Sequence[str]) -> str | None:
    """The character before the first ")", else the whole response, if that is an option's letter.

    "B" and "(B) text" are read, "B." and "b" are not. JUNJIE99/MLVU, evaluation, check_ans.
    """
    before, bracket, _ = response.partition(")")
    said = before[-1:] if bracket else response
    return said if said and said in tuple(LETTERS[: len(options)]) else None


def lvbench(response: str, options: Sequence[str]) -> str | None:
    """The first character of the first word, inside the first parentheses if there are any.

    "The answer is B." is T and so wrong, as is any other character that is no option's: None.
    THUDM/LVBench, scripts, polish_answer.
    """
    text = response.partition(")")[0]
    if "(" in text:
        text = text.partition("(")[2]
    said = text.strip().split(" ")[0][:1]
    return said if said and said in LETTERS[: len(options)] else None


def tempcompass(response: str, options: Sequence[str]) -> str | None:
    """The rule of the question's kind, which its options tell: see the three below.

    What they do not read goes to a judge there, or counts 0 with --disable_llm: None here.
    llyx97/TempCompass, eval_multi-choice.py, eval_yes_no.py, eval_caption_matching.py.
    """
    if [option.lower() for option in options] == ["yes", "no"]:
        return _yes_or_no(response)
    if options and all(LABELLED.match(option) for option in options):
        return _caption(response, options)
    return _one_letter(response)


def _one_letter(response: str) -> str | None:
    """The whole response "B", or one that starts with "B." or "B)"; A-D."""
    read = response[:1]
    if read and read in "ABCD" and (len(response) == 1 or response[1] in ".)"):
        return read
    return None


def _yes_or_no(response: str) -> str | None:
    """What the response starts with, in any case: "Nothing moves" is no."""
    said = response.lower()
    return "A" if said.startswith("yes") else "B" if said.startswith("no") else None


def _caption(response: str, options: Sequence[str]) -> str | None:
    """A whole line "Option 1: text", its text (after ") " too), "Option 1" or "1"; full stops off.

    Where several fit, the kinds count in this order and the last option wins.
    """
    found = None
    after = response.split(") ")[1] if ") " in response else response
    dotless = response.replace(".", "")
    for fits in (
        lambda label, text, line: line == response,
        lambda label, text, line: text in (response, after),
        lambda label, text, line: label in (response, dotless),
        lambda label, text, line: label.split(" ")[1] in (response, dotless),
    ):
        for letter, line in zip(LETTERS, options, strict=False):
            label, _, text = line.partition(": ")
            if fits(label, text, line):
                found = letter
    return found


def tomato(response: str, options: Sequence[str]) -> str | None:
    """A letter alone, "A: TEXT" in capitals, "Answer is:(A)" without a space; in either case.

    Everything else goes to a judge there, and to chance when that fails: None here.
    yale-nlp/TOMATO, src, parser.
    """
    said = response.strip()
    letters = LETTERS[: len(options)]
    if len(said) == 1 and said.upper() in letters:
        return said.upper()
    lines = [f"{x}: {text}" for x, text in zip(letters, options, strict=False)]
    if said.upper() in lines:
        return said[0].upper()
    found = re.match(r"Answer is:?\(?([A-Fa-f])\)?$", said)
    return found[1].upper() if found and found[1].upper() in letters else None
