"""What a run will need, said before any weights load; what cannot fit is refused here.

32 frames of 144 tokens are 4,608 and a context of 4,096 is full: models then answer "!!!!", and
such answers have been scored and published.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from harness.errors import DataError, PlanError, VideoError
from harness.run.request import Request
from harness.types import Clip, Needs, Prompt
from harness.video import probe


@dataclass(frozen=True)
class Plan:
    """A run in numbers. ``tokens`` are the prompts' lengths (empty: the backend has no context);
    ``new`` tokens are generated per question; ``missing`` are videos that are not there."""

    clips: int
    questions: int
    frames: int
    missing: tuple[str, ...]
    tokens: tuple[int, ...]
    longest: str
    new: int
    tokens_per_frame: int
    per_clip: int
    needs: Needs | None

    def __str__(self) -> str:
        lines = [f"{self.clips:,} clips, {self.questions:,} questions, {self.frames} frames each"]
        if self.needs is not None and self.tokens:
            lines.append(
                f"prompts of up to {max(self.tokens):,} tokens (median {median(self.tokens):,.0f}) "
                f"+ {self.new} new, in a context of {self.needs.context:,}"
            )
            lines.append(
                f"memory: weights {_size(self.needs.weights)}, in all about {_size(self._bytes)} "
                f"of {_size(self.needs.memory)} ({self.needs.device})"
            )
        if self.missing:
            some = ", ".join(self.missing[:3]) + (", …" if len(self.missing) > 3 else "")
            lines.append(f"{len(self.missing):,} videos are missing: {some}")
        return "\n".join(lines)

    def refuse(self, *, allow_overflow: bool = False) -> None:
        """Raises PlanError, with what to change, when the run cannot fit."""
        if allow_overflow or self.needs is None or not self.tokens:
            return
        over = max(self.tokens) + self.new - self.needs.context
        if over > 0:
            fit = self.frames - -(-over // max(self.tokens_per_frame, 1))
            fewer = f"frames={fit} fits; " if fit > 0 else ""
            raise PlanError(
                f"question {self.longest}: a prompt of {max(self.tokens):,} tokens and {self.new} "
                f"new ones exceed the context of {self.needs.context:,} by {over:,}: {fewer}"
                "model.rope_scaling=auto stretches the context as the original code did; "
                "allow_overflow=true runs anyway"
            )
        if self._bytes > self.needs.memory:
            raise PlanError(
                f"about {_size(self._bytes)} of memory are needed and {self.needs.device} has "
                f"{_size(self.needs.memory)}: try backend.quantization=nf4, model.dtype=float16, "
                "backend.device_map=auto, or fewer frames; allow_overflow=true runs anyway"
            )

    @property
    def _bytes(self) -> int:
        assert self.needs is not None
        return self.needs.total(max(self.tokens) + self.per_clip * (self.new + 100))


def make_plan(request: Request, clips: Sequence[Clip]) -> Plan:
    """Writes and counts every prompt, without reading a frame or loading a weight.

    Videos are only opened (indexed, not decoded) where a prompt depends on the frames' times.
    Raises ModelError when there is no checkpoint.
    """
    frames = request.sampling.frames
    prompts = [prompt for clip in clips for prompt in _prompts(request, clip)]
    tokens = request.backend.count(prompts, frames) or ()
    longest = max(range(len(tokens)), key=tokens.__getitem__, default=0)
    per_frame = 0
    if tokens and frames > 1:
        (fewer,) = request.backend.count([prompts[longest]], frames - 1) or (0,)
        per_frame = tokens[longest] - fewer
    return Plan(
        clips=len(clips),
        questions=sum(len(clip.questions) for clip in clips),
        frames=frames,
        missing=tuple(clip.id for clip in clips if not clip.video.exists()),
        tokens=tuple(tokens),
        longest=prompts[longest].question.id if prompts else "",
        new=request.decoding.max_new_tokens,
        tokens_per_frame=per_frame,
        per_clip=max((len(clip.questions) for clip in clips), default=0),
        needs=request.backend.needs(frames),
    )


def _prompts(request: Request, clip: Clip) -> list[Prompt]:
    """The clip's prompts, with subtitles as the sampled frames will have them; none where those
    cannot be read, which costs that clip when its turn comes."""
    task = request.benchmark
    try:
        written = [task.prompt(clip, question, ()) for question in clip.questions]
        if written and written[0].subtitles is not None and clip.subtitles is not None:
            times = _times(request, clip)
            written = [task.prompt(clip, question, times) for question in clip.questions]
    except DataError:
        return []
    return written


def _times(request: Request, clip: Clip) -> list[float]:
    """About when the sampled frames are shown; nothing when the video cannot be opened."""
    try:
        video = request.video
        info = probe(clip.video, fps=clip.fps, damaged=video.damaged, decoder=video.decoder)
    except VideoError:
        return []
    return [index / info.fps for index in request.sampling.indices(info, clip.segment)]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.0f} MB"
