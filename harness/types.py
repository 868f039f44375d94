"""The nouns of the harness: frozen dataclasses and the two protocols that backends and tasks meet.

One sample, from row to table::

    dataset row ─task→ Question ─grouped→ Clip ─sampling→ indices ─video→ Frames
        ─prompt→ Prompt ─backend→ Answer | Failure ─scoring→ Score ─journal→ Record
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Times = NDArray[np.float64]

Status = Literal["scored", "unread", "failed"]
Role = Literal["system", "user", "assistant"]


# ── the video ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class VideoInfo:
    """What a video holds, as a full decode would yield it (never as its header says).

    ``count`` frames; ``fps`` frames per second (average); ``duration`` seconds;
    ``width`` × ``height`` pixels as displayed (after rotation).
    """

    count: int
    fps: float
    duration: float
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames read from one video: ``pixels`` uint8 [T, H, W, 3] RGB, ``times`` float64 [T] seconds.

    ``indices`` are the frames' places in presentation order; ``damage`` says what was missing
    when a damaged video was read with ``damaged=partial`` (empty for a healthy one).
    """

    pixels: Pixels
    times: Times
    indices: tuple[int, ...] = ()
    damage: str = ""


# ── what is asked ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Question:
    """One question about a clip.

    ``options`` are the option texts without their letters (empty when open-ended); ``gold`` is
    the right option's letter, or the reference answer, or None when the labels are hidden;
    ``groups`` are the breakdowns it counts in, e.g. {"duration": "short", "task_type": "Counting"};
    ``extra`` holds what only its own task reads.
    """

    id: str
    text: str
    options: tuple[str, ...] = ()
    gold: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Clip:
    """One video and every question asked about it: the unit of work.

    ``video`` is the file, or a folder of numbered frames (then ``fps`` is their clock);
    ``segment`` bounds the part to look at, in seconds; ``subtitles`` is an .srt or .json file.
    """

    id: str
    video: Path
    questions: tuple[Question, ...]
    segment: tuple[float, float] | None = None
    subtitles: Path | None = None
    fps: float | None = None


@dataclass(frozen=True)
class Text:
    """A piece of text in a turn."""

    text: str


@dataclass(frozen=True, eq=False)
class Image:
    """A still image in a turn: ``pixels`` uint8 [H, W, 3] RGB."""

    pixels: Pixels


@dataclass(frozen=True)
class Video:
    """The clip itself in a turn: its sampled frames [start:stop] (all of them by default)."""

    start: int = 0
    stop: int | None = None


Part = Text | Image | Video


@dataclass(frozen=True)
class Turn:
    """What one role says, in order."""

    role: Role
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Prompt:
    """A question as the model is asked it.

    A last turn by the assistant is left open: its text primes the answer ("Best option:(").
    ``subtitles`` counts the subtitle lines shown (None: the protocol shows none).
    """

    question: Question
    turns: tuple[Turn, ...]
    subtitles: int | None = None

    @property
    def text(self) -> str:
        """The prompt as one string, frames and images as ``<video>`` and ``<image>``."""
        marks = {Image: "<image>", Video: "<video>"}
        return "\n".join(
            f"{turn.role}: "
            + "".join(p.text if isinstance(p, Text) else marks[type(p)] for p in turn.parts)
            for turn in self.turns
        )


@dataclass(frozen=True, eq=False)
class WatchedClip:
    """A clip with its frames read and its prompts written: what a backend is given."""

    clip: Clip
    frames: Frames
    prompts: tuple[Prompt, ...]


# ── what is answered ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Decoding:
    """How answers are made. The default is greedy; ``letters`` compares the option letters'
    log-probabilities instead of generating."""

    max_new_tokens: int = 16
    temperature: float = 0.0
    top_p: float = 1.0
    beams: int = 1
    letters: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Answer:
    """What the model said to one question.

    ``finish`` is why it stopped ("stop", "length", "letters"); ``seconds`` is its share of the
    model's time; ``probabilities`` are the option letters' (only with ``Decoding.letters``).
    """

    question: str
    text: str
    finish: str = "stop"
    seconds: float = 0.0
    probabilities: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Failure:
    """A question that got no answer, and why. Never an answer."""

    question: str
    reason: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Score:
    """``value`` in 0..1 (or the metric's own scale), None when unread; ``answer`` as read."""

    value: float | None
    answer: str | None


@dataclass(frozen=True)
class Record:
    """One line of a run's journal: everything needed to re-score or replay one question."""

    question: str
    video: str
    prompt: str
    frames: tuple[int, ...]
    times: tuple[float, ...]
    response: str | None
    finish: str | None
    answer: str | None
    score: float | None
    status: Status
    reason: str | None
    seconds: float
    options: tuple[str, ...] = ()
    gold: str | None = None
    groups: Mapping[str, str] = field(default_factory=dict)
    subtitles: int | None = None
    probabilities: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Estimate:
    """A mean with its evidence: ``value`` ± ``half_width`` (95%, clustered), over ``n`` scores
    in ``clusters`` videos."""

    value: float
    half_width: float
    n: int
    clusters: int


# ── the two protocols ────────────────────────────────────────────────────────────────────────


class Needs(Protocol):
    """What a model needs of its device: ``context`` in tokens, all else in bytes."""

    @property
    def context(self) -> int: ...
    @property
    def weights(self) -> int: ...
    @property
    def device(self) -> str: ...
    @property
    def memory(self) -> int: ...
    def total(self, tokens: int) -> int:
        """Weights, activations and the KV cache when a clip takes ``tokens`` tokens."""
        ...


class Backend(Protocol):
    """Takes watched clips as they are decoded, yields answers as they finish (any order)."""

    def identity(self) -> Mapping[str, object]:
        """What decides the answers (checkpoint's commit or hash, dtype, …), without loading it."""
        ...

    @property
    def frame_size(self) -> int | None:
        """The shorter edge in pixels that frames may be shrunk to; None: they must be whole."""
        ...

    def count(self, prompts: Sequence[Prompt], frames: int) -> Sequence[int] | None:
        """Each prompt's length in tokens with so many frames; None: there is no context to fill."""
        ...

    def needs(self, frames: int) -> Needs | None:
        """What it needs of its device; None: nothing to plan for."""
        ...

    def answer(
        self, clips: Iterable[WatchedClip], decoding: Decoding
    ) -> Iterator[Answer | Failure]: ...


class Task(Protocol):
    """A benchmark under one protocol: what is asked, how, and how an answer is scored.

    ``denominator`` (all | answered | nonempty) says which answers count, ``aggregate`` (micro |
    macro:<group> | …) how they add up, ``breakdowns`` which groups are reported.
    """

    @property
    def denominator(self) -> str: ...

    @property
    def aggregate(self) -> str: ...

    @property
    def breakdowns(self) -> Sequence[str]: ...

    def identity(self) -> Mapping[str, str]:
        """The data: repository and revision, or a hash of the local rows."""
        ...

    def prepare(self, clips: Sequence[Clip]) -> None:
        """Fetches and verifies the clips' videos where they are not here. Raises DataError."""
        ...

    def clips(self) -> Sequence[Clip]:
        """Every clip with its questions, in the benchmark's order. Raises DataError."""
        ...

    def prompt(self, clip: Clip, question: Question, times: Sequence[float]) -> Prompt:
        """The question as asked when the frames at ``times`` (seconds) are shown."""
        ...

    def score(self, question: Question, response: str) -> Score:
        """Reads and scores one response."""
        ...
