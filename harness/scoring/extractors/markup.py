"""What of a response is its answer: without thinking, tags, markup; the marked part where one is.

Models mark answers in a few ways: <answer>…</answer>, \\boxed{…}, a JSON object with a field
"answer". Where there is such a mark, what stands around it is reasoning and is not read.
"""

from __future__ import annotations

import re
import unicodedata

from harness.scoring.literals import json_or_python

FIELDS = (
    "final_answer", "answer", "correct_answer", "selected_option", "selected_answer", "choice",
    "option", "result", "letter", "selection", "selected", "prediction", "response",
)  # fmt: skip
"""Fields of a JSON object that hold an answer, the first that is there counts."""

_THINKING = re.compile(r"^.*(?:</think(?:ing)?>|◁/think▷)", re.DOTALL | re.IGNORECASE)
_TAGGED = re.compile(r"<answer>(.*?)(?:</answer>|$)", re.DOTALL | re.IGNORECASE)
_IN_BRACKETS = re.compile(r"\[answer\](.*?)(?:\[/answer\]|$)", re.DOTALL | re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_OBJECT = re.compile(r"\{[^{}]{0,4000}\}")
_WIDE = str.maketrans({"。": ". ", "，": ", ", "：": ": ", "；": "; ", "！": "! ", "？": "? "})


def clean(response: str) -> str:
    """The part of a response that is its answer, as plain text with single blanks.

    Full-width signs become ASCII ones. A JSON list of several answers is joined by commas.
    """
    text = _marked(_THINKING.sub("", response))
    text = unicodedata.normalize("NFKC", text.translate(_WIDE))
    text = re.sub(r"<\|.*?\|>|</?(?![A-J]>)\w+>", " ", text)
    text = re.sub(r"\\(?:text|math)\w*\s*\{|\\[a-z]+\s*\{", "{", text)
    text = re.sub(r"\\[()\[\]]", " ", text)
    text = re.sub(r" ?\n[ \n]*", "\n", re.sub(r"[^\S\n]+", " ", text))
    text = re.sub(r"[*`$#]|(?<!\w)_+|_+(?!\w)", "", text)
    return re.sub(r"^\s*assistant\s*:", "", text, flags=re.IGNORECASE).strip()


def _marked(text: str) -> str:
    for pattern in (_TAGGED, _IN_BRACKETS, _BOXED):
        if found := pattern.findall(text):
            text = str(found[-1])
    if found := _OBJECT.findall(text):
        said = _field(str(found[-1]))
        return text if said is None else said
    return text


def _field(text: str) -> str | None:
    """What a JSON or Python object says the answer is; None where it has no such field."""
    given = json_or_python(text)
    if not isinstance(given, dict):
        return None
    known = {str(name).strip().lower().replace(" ", "_"): value for name, value in given.items()}
    value = next((known[name] for name in FIELDS if name in known), None)
    if value is None:
        return "" if any(name in known for name in FIELDS) else None
    several = value if isinstance(value, list) else [value]
    return ", ".join(str(one) for one in several)
