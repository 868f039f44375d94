"""The benchmarks' own rules for reading a response, bug for bug.

Each function cites its source; None is where the source finds no answer. MVBench's source does not
read a letter but compares the response with the gold option: its verdict stands beside its reader.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.scoring.lmms import LETTERS, first_capital

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

    "Based on the video, C" is B. BradyFU/Video-MME, evaluation/eval_your_results.py; an unread
    answer leaves the denominator there (``denominator=answered``). VLMEvalKit reads the same way.
    """
    return first_capital(response, VIDEOMME_PREFIXES, "ABCD")


def videomme_v2(response: str, options: Sequence[str]) -> str | None:
    """Video-MME's rule with A-H. MME-Benchmarks/Video-MME-v2, evaluation/test_video_mme_v2.py."""
    return first_capital(response, VIDEOMME_PREFIXES, "ABCDEFGH")


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
    """The whole response "B", or one that starts with "B." or "B)"; A-D.

    Everything else goes to a judge there, or counts 0 with --disable_llm: None here. llyx97/
    TempCompass, eval_multi-choice.py.
    """
    read = response[:1]
    if read and read in "ABCD" and (len(response) == 1 or response[1] in ".)"):
        return read
    return None


def tempcompass_yes_no(response: str, options: Sequence[str]) -> str | None:
    """The option ("yes" or "no") that the response starts with, in any case, "nothing" too.

    Everything else goes to a judge there: None here. llyx97/TempCompass, eval_yes_no.py.
    """
    said = response.lower()
    for word in ("yes", "no"):
        if said.startswith(word):
            return _option_of(word, options)
    return None


def _option_of(text: str, options: Sequence[str]) -> str | None:
    places = [place for place, option in enumerate(options) if option.lower() == text]
    return LETTERS[places[0]] if places else None
