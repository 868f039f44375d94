"""What is asked: questions about a clip, and the prompts that ask them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from harness.types.video import Frames, Pixels, VideoInfo

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"
Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Question:
    """One question about a clip.

    ``options`` are the option texts without their letters (empty when open-ended); ``target`` is
    the right answer as JSON: an option's letter, a text, a list of references, a number, a list of
    intervals in seconds, …; None when the labels are hidden. ``groups`` are the breakdowns that it
    counts in, each with one or several values: {"capability": ("ER", "KIR")}. ``images`` are
    pictures shown before its text, ``option_images`` one per option instead of texts.
    ``rotation`` is by how many places its options were moved, ``repeat`` which of several askings
    it is, ``options_hidden`` whether it is asked without its options (they still score).
    ``metadata`` holds what only its own task reads.
    """

    id: str
    text: str
    options: tuple[str, ...] = ()
    target: JSON = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    metadata: Mapping[str, JSON] = field(default_factory=dict)
    images: tuple[Path, ...] = ()
    option_images: tuple[Path, ...] = ()
    rotation: int = 0
    repeat: int = 0
    options_hidden: bool = False

    @property
    def key(self) -> str:
        """What tells this asking from all others of a run: the id, unless it is asked often."""
        if not (self.rotation or self.repeat):
            return self.id
        return f"{self.id} [rotation {self.rotation}, repeat {self.repeat}]"


@dataclass(frozen=True)
class Clip:
    """One video and every question asked about it: the unit of work.

    ``video`` is the file, or a folder of numbered frames (then ``fps`` is their clock), or None
    when the questions are asked without a video; ``segment`` bounds the part to look at, in
    seconds; ``subtitles`` is a subtitle file, on whose clock the clip starts at ``subtitle_offset``
    seconds; ``duration`` (seconds) is what the data say, where they do.
    """

    id: str
    video: Path | None
    questions: tuple[Question, ...] = ()
    segment: tuple[float, float] | None = None
    subtitles: Path | None = None
    fps: float | None = None
    subtitle_offset: float = 0.0
    duration: float | None = None


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
_MARKS: Mapping[type, str] = {Image: "<image>", Video: "<video>"}


@dataclass(frozen=True)
class Turn:
    """What one role says, in order."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def text(self) -> str:
        """Its parts as one string, frames and images as ``<video>`` and ``<image>``."""
        return "".join([p.text if isinstance(p, Text) else _MARKS[type(p)] for p in self.parts])


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
    def key(self) -> str:
        """The key of its question: what a model's Response names."""
        return self.question.key

    @property
    def text(self) -> str:
        """The prompt as one string, frames and images as ``<video>`` and ``<image>``."""
        return "\n".join([f"{turn.role}: {turn.text}" for turn in self.turns])


@dataclass(frozen=True, eq=False)
class Sample:
    """What a model is given: a clip, its frames (None: text only) and its prompts.

    ``info`` describes the whole video that the frames were taken from.
    """

    clip: Clip
    info: VideoInfo | None
    frames: Frames | None
    prompts: tuple[Prompt, ...]
