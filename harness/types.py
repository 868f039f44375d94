"""The nouns of the harness: frozen dataclasses, and the protocols that models and scorers meet.

One sample, from row to table::

    row ─task→ Question ─grouped→ Clip ─sampling→ indices ─video→ Frames ─prompts→ Sample
        ─model→ Response | Failure ─journal→ a line on disk ─scorer→ Score ─metric→ Estimate
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Times = NDArray[np.float64]
JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

Status = Literal["scored", "unparsed", "truncated", "failed", "unscored"]
"""What became of a question: ``scored``; ``unparsed`` (a response in which no answer could be
found); ``truncated`` (a response that was cut off before its answer); ``failed`` (no response);
``unscored`` (a response that no scorer has judged: not yet, or the scorer or judge failed)."""

Stage = Literal["video", "data", "prompt", "model", "judge"]
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
    when a damaged video was read with ``damaged=partial`` (empty for a healthy one); ``notes`` say
    what else is not as asked (a segment that was cut to the video's end).
    """

    pixels: Pixels
    times: Times
    indices: tuple[int, ...] = ()
    damage: str = ""
    notes: tuple[str, ...] = ()


# ── what is asked ────────────────────────────────────────────────────────────────────────────


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
        if self.rotation == 0 and self.repeat == 0:
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
    def key(self) -> str:
        """The key of its question: what a model's Response names."""
        return self.question.key

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
class Sample:
    """What a model is given: a clip, its frames (None: text only) and its prompts.

    ``info`` describes the whole video that the frames were taken from.
    """

    clip: Clip
    info: VideoInfo | None
    frames: Frames | None
    prompts: tuple[Prompt, ...]


# ── what is answered ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Generation:
    """How responses are made. The default is greedy.

    ``max_new_tokens`` per response; ``temperature`` 0 is greedy; ``top_p``, ``top_k`` (0: all),
    ``min_p`` bound what is drawn from; ``presence_penalty`` and ``repetition_penalty`` (1: none)
    as in transformers and vLLM; ``beams`` for beam search; ``letters`` compares the option letters'
    log-probabilities instead of generating; ``seed`` of the draws, one generator a question.
    """

    max_new_tokens: int = 16
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    presence_penalty: float = 0.0
    repetition_penalty: float = 1.0
    beams: int = 1
    letters: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Usage:
    """Tokens of one response: read (``input``), of these found in a cache, and written."""

    input: int | None = None
    output: int | None = None
    cached: int | None = None


@dataclass(frozen=True)
class Response:
    """What the model said to one question.

    ``question`` is the prompt's key; ``text`` the answer without its ``thinking``, which is kept
    apart and never read for an answer. ``finish`` is why it stopped: "stop", "length", "letters"
    or "thinking" (it ended in the middle of its thinking). ``seconds`` is its share of the model's
    time; ``probabilities`` are the option letters' (only with ``Generation.letters``).
    ``told_times`` are the texts about time that the prompt held ("<0.5 seconds>"; none: the
    model was told nothing); ``fingerprint`` names the served model's build where it gives one;
    ``notes`` say what was not asked as the prompt has it.
    """

    question: str
    text: str
    thinking: str = ""
    finish: str = "stop"
    usage: Usage | None = None
    seconds: float = 0.0
    probabilities: Mapping[str, float] | None = None
    told_times: tuple[str, ...] = ()
    fingerprint: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A question (its prompt's key) that got no response, at which stage, and why."""

    question: str
    stage: Stage
    reason: str
    seconds: float = 0.0


@dataclass(frozen=True)
class Score:
    """What a response is worth: ``values`` by metric ({}: no answer could be extracted), the
    ``answer`` as extracted, and an ``explanation`` (a judge's words, which rule decided)."""

    values: Mapping[str, float] = field(default_factory=dict)
    answer: JSON = None
    explanation: str = ""


@dataclass(frozen=True)
class Record:
    """One line of a run's journal: everything needed to score one question again.

    ``video`` is the clip's id; ``frames`` and ``times`` (seconds) what was shown; ``stage`` and
    ``reason`` say what went wrong where something did; ``subtitles`` counts the lines shown;
    ``asked`` is a hash of what was asked and of the files it was asked about; ``notes`` say what
    was not as asked and did not stop it.
    """

    question: Question
    video: str
    prompt: str
    frames: tuple[int, ...] = ()
    times: tuple[float, ...] = ()
    response: Response | None = None
    score: Score | None = None
    status: Status = "unscored"
    reason: str | None = None
    stage: Stage | None = None
    subtitles: int | None = None
    asked: str = ""
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The key of its question."""
        return self.question.key


@dataclass(frozen=True)
class Estimate:
    """A number with its evidence: ``value``, its 95% interval ``ci95`` (low, high; NaN where
    nothing is known), over ``n`` scores in ``clusters`` videos."""

    value: float
    ci95: tuple[float, float]
    n: int
    clusters: int


# ── the protocols ────────────────────────────────────────────────────────────────────────────


@runtime_checkable
class Model(Protocol):
    """Takes samples as they are read, yields responses as they finish, in any order."""

    def identity(self) -> Mapping[str, JSON]:
        """What decides the responses (checkpoint's commit or hash, dtype, …), without loading."""
        ...

    def generate(
        self, samples: Iterable[Sample], generation: Generation
    ) -> Iterator[Response | Failure]: ...


class Memory(Protocol):
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


class FrameResize(Protocol):
    """A model's own resizing of a clip's frames, done one by one as they are decoded: what its
    processor makes of whole frames then stays the same to the bit. Can be pickled."""

    @property
    def key(self) -> str:
        """What tells it from other resizings, for caches."""
        ...

    def size(self, frames: int, width: int, height: int) -> tuple[int, int] | None:
        """The (width, height) in pixels that so many frames of a clip, shown together, become;
        None: they stay whole."""
        ...

    def resized(self, pixels: Pixels, width: int, height: int) -> Pixels:
        """One frame, uint8 [H, W, 3], at this size."""
        ...


@runtime_checkable
class Resizing(Protocol):
    """A model whose frames can be resized as its own processor does. Optional."""

    @property
    def frame_resize(self) -> FrameResize | None: ...


@runtime_checkable
class Planner(Protocol):
    """A model that can say beforehand what a run will need. Optional: a model may lack it."""

    @property
    def frame_size(self) -> int | None:
        """The shorter edge in pixels that frames may be shrunk to; None: they must be whole."""
        ...

    def count(self, prompts: Sequence[Prompt], frames: int) -> Sequence[int]:
        """Each prompt's length in tokens with so many frames (an upper bound where content
        decides)."""
        ...

    def memory(self, frames: int) -> Memory:
        """What it needs of its device with so many frames."""
        ...


@runtime_checkable
class Costing(Protocol):
    """A model that knows how much it has to compute. Optional."""

    @property
    def rate(self) -> float | None:
        """Operations a second that its device reaches in large products; None: not known."""
        ...

    def operations(self, frames: int, tokens: Sequence[int], new: int) -> float:
        """About how many floating-point operations one clip needs: ``frames`` frames, its prompts
        ``tokens`` long, ``new`` tokens each said."""
        ...


@runtime_checkable
class Scorer(Protocol):
    """From a question and a response to a score: a pure function."""

    def score(self, question: Question, response: Response) -> Score:
        """``values`` by metric name; {} when no answer can be extracted."""
        ...


@runtime_checkable
class JudgedScorer(Protocol):
    """A scorer that asks a judge: says what the judge is asked, and scores its replies."""

    def judge_prompts(self, question: Question, response: Response) -> Sequence[Prompt]:
        """The judge's prompts for one response, in order; none: ``score_judged`` needs no judge.
        Each prompt's question id only has to differ within this list."""
        ...

    def score_judged(self, question: Question, response: Response, replies: Sequence[str]) -> Score:
        """The score, from the judge's raw replies in the order of its prompts. Raises JudgeError
        when a reply cannot be read: the question is then unscored, never zero."""
        ...


@runtime_checkable
class Guessing(Protocol):
    """A scorer that knows what guessing is worth. Optional."""

    def chance(self, question: Question) -> Mapping[str, float] | None:
        """Expected values by metric of a random answer; None where that has no meaning."""
        ...


@runtime_checkable
class Validating(Protocol):
    """A scorer that can tell beforehand that a question's label can never be right. Optional."""

    def problem(self, question: Question) -> str | None:
        """What is wrong with the question's options or target, in one clause; None: nothing."""
        ...


class Metric(Protocol):
    """One number of a benchmark: how scores add up, with its interval, in one place.

    ``name`` as reports show it; ``unit`` ("%": values 0..1 are shown times 100; else as they are);
    ``higher_is_better``.
    """

    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def higher_is_better(self) -> bool: ...

    def estimate(self, records: Sequence[Record]) -> Estimate:
        """Value and 95% interval over the records that count (failed, truncated and unscored ones
        never do)."""
        ...
