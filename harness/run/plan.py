"""What a run will need, said before any weights load; what cannot fit is refused here.

32 frames of 144 tokens are 4,608 and a context of 4,096 is full: models then answer "!!!!", and
such answers have been scored and published.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

from harness.errors import DataError, PlanError, VideoError
from harness.names import several
from harness.returned import prompt_of
from harness.run.judge_cost import JudgeCost, judge_cost
from harness.run.request import Request
from harness.run.uncollected import uncollected
from harness.types import Clip, Costing, Memory, Planner, Prompt
from harness.video import probe


@dataclass(frozen=True)
class Plan:
    """A run in numbers. ``tokens`` are the prompts' lengths (empty: the model cannot plan);
    ``new`` tokens are generated per question; ``missing`` are videos that are not there;
    ``operations`` the floating-point ones of all clips (0: not known), ``rate`` how many of them
    the device does in a second (None: not known); ``judge`` is what a judge will be asked."""

    clips: int
    questions: int
    frames: int
    missing: tuple[str, ...]
    tokens: tuple[int, ...]
    longest: str
    new: int
    tokens_per_frame: int
    per_clip: int
    memory: Memory | None
    operations: float = 0.0
    rate: float | None = None
    judge: JudgeCost | None = None

    def __str__(self) -> str:
        lines = [
            f"{several(self.clips, 'clip')}, {several(self.questions, 'question')}, "
            f"{several(self.frames, 'frame')} each"
        ]
        if self.memory is not None and self.tokens:
            lines.append(
                f"prompts of up to {max(self.tokens):,} tokens (median {median(self.tokens):,.0f}) "
                f"+ {self.new} new, in a context of {self.memory.context:,}"
            )
            lines.append(
                f"memory: weights {_size(self.memory.weights)}, in all about {_size(self._bytes)} "
                f"of {_size(self.memory.memory)} ({self.memory.device})"
            )
        if self.operations and self.clips:
            lines.append(self._work)
        if self.judge is not None:
            lines.append(str(self.judge))
        if line := missing_line(self.missing):
            lines.append(line)
        return "\n".join(lines)

    def refuse(self, *, allow_overflow: bool = False) -> None:
        """Raises PlanError, with what to change, when the run cannot fit."""
        if allow_overflow or self.memory is None or not self.tokens:
            return
        over = max(self.tokens) + self.new - self.memory.context
        if over > 0:
            fit = self.frames - -(-over // max(self.tokens_per_frame, 1))
            fewer = f"frames={fit} fits; " if fit > 0 else ""
            raise PlanError(
                f"question {self.longest}: a prompt of {max(self.tokens):,} tokens and {self.new} "
                f"new ones exceed the context of {self.memory.context:,} by {over:,}: {fewer}"
                "LLaVA-NeXT-Video's context is stretched by model.rope_scaling=auto; "
                "allow_overflow=true runs anyway"
            )
        if self._bytes > self.memory.memory:
            raise PlanError(
                f"about {_size(self._bytes)} of memory are needed and {self.memory.device} has "
                f"{_size(self.memory.memory)}: try backend.quantization=nf4, model.dtype=float16, "
                "backend.device_map=auto, or fewer frames; allow_overflow=true runs anyway"
            )

    @property
    def _work(self) -> str:
        each = self.operations / self.clips
        said = f"arithmetic: {_operations(each)} a clip, {_operations(self.operations)} in all"
        if self.rate is None:
            return said
        device = f" ({self.memory.device})" if self.memory is not None else ""
        return f"{said}: {self.operations / self.rate:,.0f} s at {_operations(self.rate)}/s{device}"

    @property
    def _bytes(self) -> int:
        if self.memory is None:
            return 0
        return self.memory.total(max(self.tokens) + self.per_clip * (self.new + 100))


def make_plan(request: Request, clips: Sequence[Clip]) -> Plan:
    """Writes and counts every prompt, without reading a frame or loading a weight.

    Videos are only opened (indexed, not decoded) where a prompt depends on the frames' times.
    Raises ModelError when there is no checkpoint.
    """
    frames = request.sampling.frames
    planner = request.backend if isinstance(request.backend, Planner) else None
    with uncollected():
        each = (_prompts(request, clip) for clip in clips)
        written = list(each) if planner else [[] for _ in each]  # a bug in a prompt shows now
    prompts = [prompt for each in written for prompt in each]
    tokens = tuple(planner.count(prompts, frames)) if planner and prompts else ()
    longest = max(range(len(tokens)), key=tokens.__getitem__, default=0)
    costing = request.backend if tokens and isinstance(request.backend, Costing) else None
    return Plan(
        clips=len(clips),
        questions=sum(len(clip.questions) for clip in clips),
        frames=frames,
        missing=missing_videos(clips),
        tokens=tokens,
        longest=prompts[longest].key if prompts else "",
        new=request.generation.max_new_tokens,
        tokens_per_frame=_per_frame(planner, prompts[longest], frames, tokens[longest])
        if planner and tokens
        else 0,
        per_clip=max((len(clip.questions) for clip in clips), default=0),
        memory=planner.memory(frames) if planner else None,
        operations=_total(costing, request, written, tokens) if costing else 0.0,
        rate=costing.rate if costing else None,
        judge=judge_cost(
            request.benchmark.scorer,
            (question for clip in clips for question in clip.questions),
            request.judging.price,
            request.generation.max_new_tokens,
        )
        if request.judge is not None
        else None,
    )


def missing_videos(clips: Sequence[Clip]) -> tuple[str, ...]:
    """The clips whose video is not there."""
    return tuple(clip.id for clip in clips if clip.video and not clip.video.exists())


def missing_line(missing: Sequence[str]) -> str:
    """``4 videos are missing: a, b, c, …``; empty for none."""
    if not missing:
        return ""
    some = ", ".join(missing[:3]) + (", …" if len(missing) > 3 else "")
    are = "is" if len(missing) == 1 else "are"
    return f"{several(len(missing), 'video')} {are} missing: {some}"


def _per_frame(planner: Planner, prompt: Prompt, frames: int, tokens: int) -> int:
    """Tokens of a frame of the prompt, rounded up; 0 where too few are shown to tell: some families
    take two frames at least, and in pairs."""
    half = frames // 2
    if half < 2:
        return 0
    (fewer,) = planner.count([prompt], half)
    return -(-(tokens - fewer) // (frames - half))


def _total(
    costing: Costing, request: Request, written: Sequence[Sequence[Prompt]], tokens: Sequence[int]
) -> float:
    """The operations of all clips; ``tokens`` are their prompts' lengths in the same order."""
    total, start = 0.0, 0
    for prompts in written:
        stop = start + len(prompts)
        if prompts:
            total += costing.operations(
                request.sampling.frames, tokens[start:stop], request.generation.max_new_tokens
            )
        start = stop
    return total


def _prompts(request: Request, clip: Clip) -> list[Prompt]:
    """The clip's prompts, with subtitles as the sampled frames will have them; without those of
    questions whose picture or subtitles cannot be read, which fail when their turn comes."""
    written = _written(request, clip, ())
    if written and written[0].subtitles is not None and clip.subtitles is not None:
        written = _written(request, clip, _times(request, clip))
    return written


def _written(request: Request, clip: Clip, times: Sequence[float]) -> list[Prompt]:
    found = []
    for question in clip.questions:
        with suppress(DataError):
            written = request.benchmark.write(clip, question, times)
            found.append(prompt_of(written, question, request.benchmark))
    return found


def _times(request: Request, clip: Clip) -> list[float]:
    """About when the sampled frames are shown; nothing when the video cannot be opened."""
    if clip.video is None:
        return []
    try:
        video = request.video
        info = probe(clip.video, fps=clip.fps, damaged=video.damaged, decoder=video.decoder)
        return [index / info.fps for index in request.sampling.indices(info, clip.segment)]
    except VideoError:
        return []


def _operations(count: float) -> str:
    return f"{count / 1e12:,.1f} TFLOP" if count >= 1e11 else f"{count / 1e9:,.1f} GFLOP"


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
