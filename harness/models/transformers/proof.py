"""Proof, on any model, that sharing changes no answer: the same questions asked other ways.

Every way computes the same function, in another order of floating-point sums. So logits differ
in their last digits, and an answer may flip where two tokens are all but equally likely. More
than that is a defect, and the verdict says so.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from harness.models.transformers.engine import Engine, out_of_memory
from harness.models.transformers.plain import generate
from harness.types import Generation, Sample

# largest logit difference that rounding explains, as a share of the logits' standard deviation
ROUNDING = {torch.float32: 1e-3, torch.float16: 5e-2, torch.bfloat16: 5e-1}
# share of answers that rounding may flip somewhere: in half precision no bound would be honest
FLIPS = {torch.float32: 0.05, torch.float16: 1.0, torch.bfloat16: 1.0}
COMPANY = 4  # clips in flight together
# in half precision: how much further apart than two kernels of attention an honest way may be, and
# the least that is allowed, as a share of what is allowed at most
TIMES, LEAST = 4.0, 0.1
# what libraries raise where they cannot do what is asked
ERRORS = (TypeError, ValueError, LookupError, AttributeError)


@dataclass(frozen=True)
class Output:
    """One answer's tokens and the logits [vocab], float32, of its first."""

    tokens: tuple[int, ...]
    logits: torch.Tensor


@dataclass(frozen=True)
class Comparison:
    """Two ways over the same questions: ``flipped`` answers that differ, and the ``largest``
    difference between two logits, in the logits' own unit and as a share of their deviation."""

    way: str
    questions: int
    flipped: int
    largest: float
    share: float


@dataclass(frozen=True)
class Verdict:
    """What the comparisons say. ``sound``: no answer flipped, or only by rounding."""

    model: str
    comparisons: tuple[Comparison, ...]
    dtype: torch.dtype

    @property
    def sound(self) -> bool:
        """Whether questions were answered, and all differences are those of rounding."""
        return all(
            found.questions > 0
            and found.share <= ROUNDING[self.dtype]
            and found.flipped <= FLIPS[self.dtype] * found.questions
            for found in self.comparisons
        )

    def __str__(self) -> str:
        lines = [
            f"{self.model}: the shared way beside others",
            f"{'':<28}{'questions':>10}{'flipped':>9}{'largest logit difference':>26}",
        ]
        for found in self.comparisons:
            lines.append(
                f"{found.way:<28}{found.questions:>10}{found.flipped:>9}"
                f"{found.largest:>14.2e} ({found.share:.1e} σ)"
            )
        flips = sum(found.flipped for found in self.comparisons)
        if not self.sound:
            lines.append(
                "verdict: NOT the same: more than rounding explains "
                f"({ROUNDING[self.dtype]:g} σ, {FLIPS[self.dtype]:.0%} flipped)"
            )
        elif flips:
            lines.append(f"verdict: the same up to rounding, which flipped {flips} near ties")
        else:
            lines.append("verdict: the same answers, every way")
        return "\n".join(lines)


def examine(
    engine: Engine, samples: Sequence[Sample], generation: Generation, name: str
) -> Verdict:
    """Asks the clips' questions the shared way, and in turn: by plain ``generate``; one question
    at a time; with several clips in flight; with attention spelled out (eager)."""
    generation = Generation(max_new_tokens=generation.max_new_tokens)
    alone = [
        dataclasses.replace(sample, prompts=(prompt,))
        for sample in samples
        for prompt in sample.prompts
    ]
    shared = _shared(dataclasses.replace(engine, in_flight=1), samples, generation)
    ways: dict[str, Callable[[], dict[str, Output]]] = {
        "plain generate": lambda: _plain(engine, samples, generation),
        "one question at a time": lambda: _shared(engine, alone, generation),
        f"{COMPANY} clips in flight": lambda: _shared(
            dataclasses.replace(engine, in_flight=COMPANY), samples, generation
        ),
        "eager attention": lambda: _eager(engine, samples, generation),
    }
    compared = tuple(_compare(way, shared, ask()) for way, ask in ways.items())
    return Verdict(name, compared, engine.model.dtype)


def _shared(engine: Engine, samples: Sequence[Sample], generation: Generation) -> dict[str, Output]:
    outputs = {}
    for clip in engine.run(samples, generation):
        for branch in clip.branches:
            assert branch.first_logits is not None
            outputs[branch.prompt.key] = Output(
                tuple(branch.output_ids), branch.first_logits.float().cpu()
            )
    return outputs


def _plain(engine: Engine, samples: Sequence[Sample], generation: Generation) -> dict[str, Output]:
    outputs = {}
    for sample in samples:
        for branch in engine.write(sample, generation).branches:
            given = branch.written.inputs
            tokens, logits = generate(
                engine.model, given, generation, branch.limit, engine.stops, engine.suppressed
            )
            outputs[branch.prompt.key] = Output(tuple(tokens), logits.cpu())
    return outputs


def _eager(engine: Engine, samples: Sequence[Sample], generation: Generation) -> dict[str, Output]:
    with attention(engine.model, "eager"):
        return _shared(dataclasses.replace(engine, in_flight=1), samples, generation)


@contextmanager
def attention(model: Any, name: str) -> Iterator[None]:
    """Meanwhile the model attends by the kernel of this name."""
    usual = model.config._attn_implementation
    try:
        model.set_attn_implementation(name)
        yield
    finally:
        model.set_attn_implementation(usual)


def bound(model: Any, most: float, apart: Callable[[], float]) -> float:
    """How far apart rounding may bring two ways, ``most`` at most: by how far it brings another
    kernel of attention, with which ``apart`` is asked, since that is more in larger models.
    ``most`` too where the model knows one kernel only, or has no memory for another."""
    other = "sdpa" if model.config._attn_implementation == "eager" else "eager"
    try:
        with attention(model, other):
            found = apart()
    except ERRORS:
        return most
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        return most
    return min(most, max(LEAST * most, TIMES * found))


def _said(output: Output) -> torch.Tensor:
    """The tokens that are not suppressed, bool [vocab]."""
    return output.logits != -torch.inf


def _compare(way: str, ours: dict[str, Output], theirs: dict[str, Output]) -> Comparison:
    pairs = [(ours[question], theirs[question]) for question in ours.keys() & theirs.keys()]
    differences = [
        (float((a.logits - b.logits)[_said(a)].abs().max()), float(a.logits[_said(a)].std()))
        for a, b in pairs
    ]
    return Comparison(
        way=way,
        questions=len(pairs),
        flipped=sum(a.tokens != b.tokens for a, b in pairs),
        largest=max((difference for difference, _ in differences), default=0.0),
        share=max((difference / spread for difference, spread in differences), default=0.0),
    )
