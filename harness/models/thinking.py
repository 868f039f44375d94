"""A reasoning model's thinking, told from its answer by the model's own marks.

Used on text of our own engine and of served models alike. What is thought is kept and never read
for an answer; a response that ends while it still thinks has no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Markers:
    """What opens a model's thinking, and what closes it and begins its answer."""

    opening: str
    closing: str


MARKERS: tuple[Markers, ...] = (
    # Qwen3, DeepSeek-R1, GLM-4.1V and most others
    Markers("<think>", "</think>"),
    # Kimi-VL-Thinking and Kimi-K2.5
    Markers("◁think▷", "◁/think▷"),
    # Gemma 4
    Markers("<|channel>thought", "<channel|>"),
    # gpt-oss (harmony): an analysis channel, then a final one
    Markers("<|channel|>analysis<|message|>", "<|channel|>final<|message|>"),
)

_AFTER = ("<|return|>", "<|end|>", "<|start|>assistant")  # harmony's own, around a message


def split(
    text: str, opened: bool = False, markers: Sequence[Markers] = MARKERS
) -> tuple[str, str, bool]:
    """``text`` as (thinking, answer, closed).

    ``opened``: the prompt's template opened the thinking itself, so that the text begins within it.
    Where a text closes what it never opened, all before that was thinking. ``closed`` is False
    where the text ends while it still thinks; its answer is then empty. Several thoughts are
    joined by a newline.

    >>> split("<think>red or blue?</think> A")
    ('red or blue?', 'A', True)
    >>> split("red or blue? Wait, let me", opened=True)
    ('red or blue? Wait, let me', '', False)
    >>> split("A")
    ('', 'A', True)
    """
    marker = _used(text, markers)
    if marker is None:
        return (text.strip(), "", False) if opened else ("", text.strip(), True)
    thoughts: list[str] = []
    answer: list[str] = []
    rest, inside = text, opened
    first = text.find(marker.opening)
    last = text.find(marker.closing)
    if last >= 0 and not 0 <= first < last:
        inside = True  # closed, never opened: the template did it and nobody said so
    while rest:
        before, found, rest = rest.partition(marker.closing if inside else marker.opening)
        before = before.removeprefix(marker.opening) if inside else before
        (thoughts if inside else answer).append(before)
        if not found:
            break
        inside = not inside
    thinking = "\n".join(part for thought in thoughts if (part := _bare(thought)))
    return (thinking, "", False) if inside else (thinking, _bare("".join(answer)), True)


def opens(prompt: str, markers: Sequence[Markers] = MARKERS) -> bool:
    """Whether a rendered prompt ends within a thought that its template opened.

    >>> opens("<|im_start|>assistant\\n<think>\\n"), opens("<think>\\n\\n</think>\\n\\n")
    (True, False)
    """
    return any(prompt.rstrip().endswith(marker.opening) for marker in markers)


def holds(text: str, markers: Sequence[Markers] = MARKERS) -> bool:
    """Whether a text has any of the marks.

    >>> holds("</think> A"), holds("A")
    (True, False)
    """
    return _used(text, markers) is not None


def _used(text: str, markers: Sequence[Markers]) -> Markers | None:
    """The marks that come first in a text; None where it has none."""
    places = [
        (place, marker)
        for marker in markers
        for mark in (marker.opening, marker.closing)
        if (place := text.find(mark)) >= 0
    ]
    return min(places, key=lambda found: found[0])[1] if places else None


def _bare(text: str) -> str:
    for mark in _AFTER:
        text = text.replace(mark, "")
    return text.strip()
