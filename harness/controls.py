"""How questions are asked beyond the protocol: rotated, repeated, or with evidence taken away."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal, get_args

import numpy as np

from harness.scoring.options import LETTERS, letter
from harness.types import Clip, Frames, Question

Control = Literal["none", "blank", "single_frame", "shuffled", "no_options", "no_times"]
CONTROLS: tuple[str, ...] = get_args(Control)


def asked(
    clips: Sequence[Clip], control: Control = "none", rotations: int = 1, repeats: int = 1
) -> list[Clip]:
    """The clips with every question asked ``rotations`` times (at most once per option, the options
    moved on by one each time), each of these ``repeats`` times; and without options where the
    control says so."""

    if rotations == repeats == 1 and control != "no_options":
        return list(clips)

    def each(question: Question) -> Iterator[Question]:
        for by in range(min(rotations, max(len(question.options), 1))):
            turned = rotate(question, by)
            if control == "no_options":
                turned = dataclasses.replace(turned, options_hidden=True)
            for repeat in range(repeats):
                yield dataclasses.replace(turned, repeat=repeat) if repeat else turned

    return [
        dataclasses.replace(clip, questions=tuple(a for q in clip.questions for a in each(q)))
        for clip in clips
    ]


def rotate(question: Question, by: int) -> Question:
    """The same question with its options moved ``by`` places and its target letter with them.

    Option i lands at (i + by) mod n. Questions without at least two options come back unchanged.
    """
    count = len(question.options)
    shift = by % count if count > 1 else 0
    if shift == 0:
        return question
    target = question.target
    if isinstance(target, str) and target in LETTERS[:count]:
        target = letter((LETTERS.index(target) + shift) % count)

    def moved(items: tuple[Any, ...]) -> tuple[Any, ...]:
        return items[-shift:] + items[:-shift]

    return dataclasses.replace(
        question,
        options=moved(question.options),
        option_images=moved(question.option_images),
        target=target,
        rotation=shift,
    )


def remove_evidence(frames: Frames, control: Control, seed: str) -> Frames:
    """The frames as a control shows them: all black, the middle one only, out of order (times stay
    where they are), or all at time 0 (``no_times``)."""
    pixels = frames.pixels
    if control == "blank":
        pixels = np.zeros_like(pixels)
    elif control in ("single_frame", "shuffled"):
        pixels = pixels[places(len(pixels), control, seed)]
    elif control == "no_times":
        return dataclasses.replace(frames, times=np.zeros_like(frames.times))
    return dataclasses.replace(frames, pixels=pixels)


def places(count: int, control: str, seed: str) -> list[int]:
    """Which of a clip's ``count`` frames the model is shown at each place under a control that
    leaves something to see; ``seed`` is the clip's id."""
    if control == "single_frame":
        return [count // 2] * count
    if control == "shuffled":
        digest = hashlib.sha256(seed.encode()).digest()
        order: list[int] = np.random.default_rng(list(digest)).permutation(count).tolist()
        return order
    return list(range(count))
