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

import torch

from harness.models.transformers.engine import Engine
from harness.models.transformers.plain import generate, inputs
from harness.types import Decoding, WatchedClip

# largest logit difference that rounding explains, as a share of the logits' standard deviation
ROUNDING = {torch.float32: 1e-3, torch.float16: 5e-2, torch.bfloat16: 5e-1}
# share of answers that rounding may flip somewhere: in half precision no bound would be honest
FLIPS = {torch.float32: 0.05, torch.float16: 1.0, torch.bfloat16: 1.0}
COMPANY = 4  # clips in flight together


@dataclass(frozen=True)
class Said:
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


def examine(engine: Engine, clips: Sequence[WatchedClip], decoding: Decoding, name: str) -> Verdict:
    """Asks the clips' questions the shared way, and in turn: by plain ``generate``; one question
    at a time; with several clips in flight; with attention spelled out (eager)."""
    decoding = Decoding(max_new_tokens=decoding.max_new_tokens)
    alone = [
        dataclasses.replace(clip, prompts=(prompt,)) for clip in clips for prompt in clip.prompts
    ]
    shared = _shared(dataclasses.replace(engine, in_flight=1), clips, decoding)
    ways: dict[str, Callable[[], dict[str, Said]]] = {
        "plain generate": lambda: _plain(engine, clips, decoding),
        "one question at a time": lambda: _shared(engine, alone, decoding),
        f"{COMPANY} clips in flight": lambda: _shared(
            dataclasses.replace(engine, in_flight=COMPANY), clips, decoding
        ),
        "eager attention": lambda: _eager(engine, clips, decoding),
    }
    compared = tuple(_compare(way, shared, ask()) for way, ask in ways.items())
    return Verdict(name, compared, engine.model.dtype)


def _shared(engine: Engine, clips: Sequence[WatchedClip], decoding: Decoding) -> dict[str, Said]:
    said = {}
    for flight in engine.fly(clips, decoding):
        for branch in flight.branches:
            assert branch.first_logits is not None
            said[branch.prompt.question.id] = Said(
                tuple(branch.said), branch.first_logits.float().cpu()
            )
    return said


def _plain(engine: Engine, clips: Sequence[WatchedClip], decoding: Decoding) -> dict[str, Said]:
    said = {}
    for clip in clips:
        gallery = engine.gallery(clip)
        branches, _ = engine.write(clip, gallery, decoding)
        for branch in branches:
            given = inputs(engine.writer, engine.pixels, branch.tokens, gallery, clip.frames.pixels)
            tokens, logits = generate(engine.model, given, decoding, branch.limit, engine.stops)
            said[branch.prompt.question.id] = Said(tuple(tokens), logits.cpu())
    return said


def _eager(engine: Engine, clips: Sequence[WatchedClip], decoding: Decoding) -> dict[str, Said]:
    with _attention(engine, "eager"):
        return _shared(dataclasses.replace(engine, in_flight=1), clips, decoding)


@contextmanager
def _attention(engine: Engine, name: str) -> Iterator[None]:
    usual = engine.model.config._attn_implementation
    engine.model.set_attn_implementation(name)
    try:
        yield
    finally:
        engine.model.set_attn_implementation(usual)


def _compare(way: str, ours: dict[str, Said], theirs: dict[str, Said]) -> Comparison:
    pairs = [(ours[question], theirs[question]) for question in ours.keys() & theirs.keys()]
    differences = [
        (float((a.logits - b.logits).abs().max()), float(a.logits.std())) for a, b in pairs
    ]
    return Comparison(
        way=way,
        questions=len(pairs),
        flipped=sum(a.tokens != b.tokens for a, b in pairs),
        largest=max((difference for difference, _ in differences), default=0.0),
        share=max((difference / spread for difference, spread in differences), default=0.0),
    )
