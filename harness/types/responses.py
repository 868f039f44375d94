"""What is answered: responses, their scores, and the records that keep both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.types.questions import JSON, Question

Status = Literal["scored", "unparsed", "truncated", "failed", "unscored"]
"""What became of a question: ``scored``; ``unparsed`` (a response in which no answer could be
found); ``truncated`` (a response that was cut off before its answer); ``failed`` (no response);
``unscored`` (a response that no scorer has judged: not yet, or the scorer or judge failed)."""

Stage = Literal["video", "data", "prompt", "model", "judge", "scorer"]
"""Where a question was lost: before its response, at the judge (no verdict), or at the task's own
scorer (a bug of it, or a value beyond its metric's bounds)."""


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
