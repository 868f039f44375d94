"""What the narrator says: lines about an animal, and lines about nothing in particular."""

from __future__ import annotations

import numpy as np

ABOUT = (
    "Our guest today is the {}.",
    "Let us talk about the {}.",
    "I have always liked the {}.",
    "Nobody sleeps like the {} does.",
    "Have you ever met the {}?",
    "The {} is a clever animal.",
)
CHATTER = (
    "Hello and welcome to our show.",
    "Please stay with us.",
    "The weather is fine this morning.",
    "We will be right back.",
    "What a lovely day it is.",
    "Thank you all for watching.",
)


def lines(animal: str | None, count: int, rng: np.random.Generator) -> list[str]:
    """``count`` lines: every other one, from the first on, names the animal (if there is one)."""
    about, chatter = rng.permutation(ABOUT), rng.permutation(CHATTER)
    return [
        str(about[i // 2 % len(about)]).format(animal)
        if animal and i % 2 == 0
        else str(chatter[i // 2 % len(chatter)])
        for i in range(count)
    ]


def srt(cues: list[str], seconds: float) -> str:
    """The lines as an .srt file that covers the whole clip, in equal parts without gaps."""
    bounds = [seconds * i / len(cues) for i in range(len(cues) + 1)]
    return "\n".join(
        f"{i + 1}\n{_clock(bounds[i])} --> {_clock(bounds[i + 1])}\n{text}\n"
        for i, text in enumerate(cues)
    )


def _clock(seconds: float) -> str:
    """Seconds as hours:minutes:seconds,milliseconds."""
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{thousandths:03}"
