"""A prompt as its model takes it: token ids, and what its ``forward`` is given beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.errors import RequestError
from harness.scoring.options import LETTERS
from harness.types import Failure, Prompt, Sample, Text

Tokens = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Written:
    """One prompt: its token ids [n], and the keyword arguments of the model's own ``forward`` (a
    batch of one, on the CPU; ``input_ids`` among them). ``letters`` are the tokens that say each
    option's letter behind the prompt; ``told_times`` the texts about time that were put in;
    ``opened``: the template opened the model's thinking; ``notes``: what was written otherwise
    than the prompt says."""

    prompt: Prompt
    tokens: Tokens
    inputs: Mapping[str, Any]
    letters: Mapping[str, Sequence[int]] | None = None
    told_times: tuple[str, ...] = ()
    opened: bool = False
    notes: tuple[str, ...] = ()


class Writer(Protocol):
    """Writes a sample's prompts, each of its pictures prepared once."""

    @property
    def tokenizer(self) -> Any: ...
    def write(self, sample: Sample, letters: bool) -> list[Written | Failure]:
        """The prompts in order; those that cannot be asked, as failures. Touches no device.
        Raises ModelError when the checkpoint's template or processor is at fault."""
        ...

    def count(self, prompts: Sequence[Prompt], frames: int) -> list[int]:
        """Each prompt's length in tokens with so many frames: at most, where content decides."""
        ...

    def picture_sizes(self, frames: int) -> tuple[int, ...]:
        """How many numbers each picture of so many frames is to the vision tower: at most, as
        above. A picture is what patches see each other in: a frame, a tile, a pair of frames."""
        ...


def escaped(prompt: Prompt, marks: Sequence[str]) -> tuple[Prompt, tuple[str, ...]]:
    """The prompt with a space within each of ``marks`` that its texts hold ("<image>" becomes
    "< image>": read as text, it stands for no picture), and a note on each."""
    found = [
        mark
        for mark in marks
        if any(
            mark in part.text
            for turn in prompt.turns
            for part in turn.parts
            if isinstance(part, Text)
        )
    ]
    if not found:
        return prompt, ()
    turns = tuple(
        replace(
            turn,
            parts=tuple(
                Text(_spaced(part.text, found)) if isinstance(part, Text) else part
                for part in turn.parts
            ),
        )
        for turn in prompt.turns
    )
    notes = tuple(
        f"its text holds the model's own {mark}: written as {_spaced(mark, [mark])!r}"
        for mark in found
    )
    return replace(prompt, turns=turns), notes


def special_tokens(tokenizer: Any) -> list[str]:
    """Every token that is no text to a tokenizer: those it has a name for, and those that its file
    marks as special (Gemma's ends of turns are of the latter only)."""
    named = [str(token) for token in tokenizer.all_special_tokens]
    marked = [str(t) for t in tokenizer.added_tokens_decoder.values() if t.special]
    return list(dict.fromkeys([*named, *marked]))


def _spaced(text: str, marks: Sequence[str]) -> str:
    for mark in marks:
        text = text.replace(mark, f"{mark[0]} {mark[1:]}")
    return text


def letter_tokens(
    prompt: Prompt, rendered: str, encode: Callable[[str], Sequence[int]]
) -> dict[str, list[int]]:
    """For each option's letter the tokens that say it right behind the prompt ("A" and " A").

    ``rendered`` is the prompt's text, ``encode`` makes tokens of text. Raises RequestError when
    there are no options, one letter has no token, or two share one.
    """
    letters = LETTERS[: len(prompt.question.options)]
    if not letters:
        raise RequestError(
            f"question {prompt.key} has no options to compare: use generation=greedy"
        )
    base = list(encode(rendered))
    found: dict[str, list[int]] = {}
    for letter in letters:
        tails = [list(encode(rendered + form)) for form in (letter, f" {letter}")]
        # where " A" takes two tokens, the first is only a space and says no letter
        found[letter] = sorted({tail[-1] for tail in tails if tail[:-1] == base})
    flat = [token for tokens in found.values() for token in tokens]
    if len(set(flat)) != len(flat) or not all(found.values()):
        raise RequestError(
            f"question {prompt.key}: its letters cannot be told apart by the token "
            "behind the prompt: use generation=greedy"
        )
    return found
