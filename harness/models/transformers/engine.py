"""Clips in, answers out: what a clip's questions share is computed once, for several clips."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch

from harness.errors import RequestError
from harness.models.transformers.asking import (
    ActiveClip,
    Branch,
    append,
    groups,
    prefill_prefix,
    prefill_suffixes,
    step,
)
from harness.models.transformers.pixels import Preprocessor
from harness.models.transformers.plain import generate, inputs
from harness.models.transformers.prompts import Pictures, Writer
from harness.models.transformers.vision import encode, frames_of, prepare
from harness.scoring.options import LETTERS
from harness.types import Failure, Generation, Response, Sample

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Engine:
    """A loaded model with all it needs to answer.

    ``context`` is its length in tokens after RoPE scaling; ``in_flight`` how many clips decode
    together at most; ``stops`` the tokens that end an answer.
    """

    model: Any
    writer: Writer
    pixels: Preprocessor
    context: int
    stops: frozenset[int]
    in_flight: int = 1
    allow_overflow: bool = False

    def generate(
        self, samples: Iterable[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        """A clip's responses as soon as its last one is there; what cannot be asked, failed."""
        for clip in self.run(samples, generation):
            yield from clip.failures
            yield from (branch.response(self.writer.tokenizer) for branch in clip.branches)

    def run(self, samples: Iterable[Sample], generation: Generation) -> Iterator[ActiveClip]:
        """Every clip once it is finished. Out of memory, fewer clips are active at a time from
        then on; a clip that does not fit even alone has failed."""
        active: list[ActiveClip] = []
        limit = self.in_flight
        with ThreadPoolExecutor(1) as pool:
            pending = _Pending(samples, lambda sample: self.prepare(sample, generation, pool))
            while True:
                try:
                    while len(active) < limit and (clip := pending.next()):
                        active.append(clip)
                        self.prefill(clip, generation)
                    if not active:
                        return
                    self._step(active, generation)
                except RuntimeError as error:
                    if not _out_of_memory(error):
                        raise
                    limit = max(1, len(active) // 2)
                    active = _give_back(active, pending)
                finished = [clip for clip in active if clip.done]
                active = [clip for clip in active if not clip.done]
                for clip in finished:
                    clip.rows.clear()  # their memory is needed while these are taken in
                yield from finished

    def prepare(self, sample: Sample, generation: Generation, pool: Executor) -> ActiveClip:
        """A clip with its prompts written, those that cannot be asked as failures, its pixels
        being prepared in the background."""
        pictures = self.pictures(sample)
        branches, failures = self.write(sample, pictures, generation)
        clip = ActiveClip(sample, pictures, branches, failures)
        if branches and generation.beams == 1:
            clip.pixels = pool.submit(prepare, self.pixels, pictures, frames_of(sample))
        return clip

    @torch.inference_mode()
    def prefill(self, clip: ActiveClip, generation: Generation) -> None:
        """Encodes a clip, prefills its questions, and gives each its first token."""
        began = time.perf_counter()
        if clip.pixels is None:
            for branch in clip.branches:
                self._search(branch, clip, generation)
        else:
            features = encode(self.model, clip.pictures, clip.pixels.result())
            for group in groups(clip.branches):
                row = prefill_prefix(self.model, group, features)
                logits = prefill_suffixes(self.model, row, group, features)
                append(group, logits, generation, self.stops)
                clip.rows.append((row, group))
        for branch in clip.branches:
            branch.seconds += (time.perf_counter() - began) / len(clip.branches)

    def pictures(self, sample: Sample) -> Pictures:
        """The pictures a sample's prompts show: none yet."""
        count, height, width = frames_of(sample).shape[:3]
        return Pictures(count, (height, width))

    def write(
        self, sample: Sample, pictures: Pictures, generation: Generation
    ) -> tuple[list[Branch], list[Failure]]:
        """Its prompts as branches without a row yet; those that cannot be asked, as failures."""
        branches: list[Branch] = []
        failures: list[Failure] = []
        for prompt in sample.prompts:
            try:
                tokens = self.writer.tokens(prompt, pictures)
                letters = None
                if generation.letters:
                    options = LETTERS[: len(prompt.question.options)]
                    letters = self.writer.letter_tokens(prompt, pictures.frames, options)
            except RequestError as error:
                failures.append(Failure(prompt.key, "prompt", str(error)))
                continue
            room = self.context - len(tokens)
            if room < 1 and not self.allow_overflow:
                reason = _overflow(len(tokens), self.context)
                failures.append(Failure(prompt.key, "prompt", reason))
                continue
            limit = generation.max_new_tokens if room < 1 else min(generation.max_new_tokens, room)
            branches.append(Branch(prompt, tokens, limit, letters))
        return branches, failures

    @torch.inference_mode()
    def _step(self, active: list[ActiveClip], generation: Generation) -> None:
        began = time.perf_counter()
        asked = step(self.model, active, generation, self.stops)
        for branch in asked:
            branch.seconds += (time.perf_counter() - began) / len(asked)

    def _search(self, branch: Branch, clip: ActiveClip, generation: Generation) -> None:
        """Beam search, the plain way."""
        frames = frames_of(clip.sample)
        given = inputs(self.writer, self.pixels, branch.tokens, clip.pictures, frames)
        branch.output_ids, _ = generate(self.model, given, generation, branch.limit, self.stops)
        branch.finish = "length" if len(branch.output_ids) >= branch.limit else "stop"


class _Pending:
    """Clips in order, one prepared ahead of the one that is prefilled; given back ones, first."""

    def __init__(self, samples: Iterable[Sample], prepare: Callable[[Sample], ActiveClip]) -> None:
        self._samples = iter(samples)
        self._prepare = prepare
        self._ready: deque[ActiveClip] = deque()

    def next(self) -> ActiveClip | None:
        while len(self._ready) < 2 and (sample := next(self._samples, None)) is not None:
            self._ready.append(self._prepare(sample))
        return self._ready.popleft() if self._ready else None

    def back(self, samples: Sequence[Sample]) -> None:
        self._ready.extendleft(self._prepare(sample) for sample in reversed(samples))


def _give_back(active: Sequence[ActiveClip], pending: _Pending) -> list[ActiveClip]:
    """What stays active without memory: nothing, or one clip that has failed."""
    if len(active) == 1:
        [clip] = active
        reason = "out of memory, even with no other clip in flight"
        failed = [Failure(prompt.key, "model", reason) for prompt in clip.sample.prompts]
        return [ActiveClip(clip.sample, clip.pictures, [], failed)]
    pending.back([clip.sample for clip in active])
    log.warning(
        "out of memory with %d clips in flight: at most %d from now on",
        len(active),
        len(active) // 2,
    )
    return []


def _overflow(tokens: int, context: int) -> str:
    return (
        f"the prompt's {tokens} tokens do not fit the model's context of {context}: "
        "fewer frames, or model.rope_scaling=auto"
    )


def _out_of_memory(error: RuntimeError) -> bool:
    """CUDA has a class for it, the CPU only a message."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
