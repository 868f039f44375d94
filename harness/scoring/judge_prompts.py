"""The judges' prompts, verbatim, with the repository, commit and path each was copied from.

The texts are protocol data: a changed blank is another prompt. They lie in judge_prompts.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from harness.errors import RequestError
from harness.types import Prompt, Question, Text, Turn


@dataclass(frozen=True)
class Source:
    """A prompt's text and where it was copied from."""

    text: str
    repo: str
    path: str


@cache
def prompts() -> Mapping[str, Source]:
    """Every prompt by name."""
    data = json.loads(files("harness.scoring").joinpath("judge_prompts.json").read_text("utf-8"))
    return {name: Source(**entry) for name, entry in data.items()}


def named(name: str) -> str:
    """The text of a prompt. Raises RequestError for an unknown name."""
    if name not in prompts():
        raise RequestError(f"judge prompt {name!r}: use one of {', '.join(prompts())}")
    return prompts()[name].text


def fill(text: str, values: Mapping[str, str]) -> str:
    """``{name}`` replaced by its value, once: what a value holds is never filled in again."""
    slot = re.compile(r"\{(" + "|".join(map(re.escape, values)) + r")\}")
    return slot.sub(lambda match: values[match[1]], text)


def judge_prompt(key: str, system: str, user: str) -> Prompt:
    """A prompt of text only, under a key that tells it from the others of its question."""
    turns = (Turn("system", (Text(system),)),) if system else ()
    return Prompt(Question(key, user), (*turns, Turn("user", (Text(user),))))
