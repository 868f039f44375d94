"""What models, scorers and metrics have to do: protocols, each as narrow as can be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

from harness.types.questions import JSON, Prompt, Question, Sample
from harness.types.responses import Estimate, Failure, Generation, Record, Response, Score
from harness.types.video import Pixels


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
class Naming(Protocol):
    """A scorer that says beforehand which values it gives. Optional: a metric that reads another is
    then refused before the model is asked."""

    @property
    def value_names(self) -> Collection[str] | None:
        """Every name that may stand in a score's ``values``; None: not known."""
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
