"""Clips in, answers out: what a clip's questions share is computed once, for several clips."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.backends.asking import (
    Branch,
    Flight,
    groups,
    hear,
    prefill_prefix,
    prefill_suffixes,
    step,
)
from harness.backends.branches import Row
from harness.backends.pixels import Preprocessor
from harness.backends.plain import generate, inputs
from harness.backends.prompts import Gallery, Writer
from harness.backends.vision import encode
from harness.errors import RequestError
from harness.task import LETTERS
from harness.types import Answer, Decoding, Failure, WatchedClip

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Engine:
    """A loaded model with all it needs to answer.

    ``context`` is its length in tokens after RoPE scaling; ``in_flight`` how many clips decode
    together at most; ``stops`` the tokens that end an answer. ``spent`` adds up the seconds of
    each stage (vision, prefill, answer), as seen by the host.
    """

    model: Any
    writer: Writer
    pixels: Preprocessor
    context: int
    stops: frozenset[int]
    in_flight: int = 1
    allow_overflow: bool = False
    spent: dict[str, float] = field(default_factory=dict)

    def answer(
        self, clips: Iterable[WatchedClip], decoding: Decoding
    ) -> Iterator[Answer | Failure]:
        """A clip's answers as soon as its last one is there; what cannot be asked, failed."""
        for landed in self.fly(clips, decoding):
            if isinstance(landed, Failure):
                yield landed
            else:
                yield from (b.answer(self.writer.tokenizer) for b in landed.branches)

    def fly(self, clips: Iterable[WatchedClip], decoding: Decoding) -> Iterator[Flight | Failure]:
        """Every clip's flight when all its questions are answered. Out of memory, fewer clips fly
        at a time from then on; a clip that does not fit even alone is failed."""
        waiting = _Waiting(clips)
        flights: list[Flight] = []
        limit = self.in_flight
        while True:
            clip: WatchedClip | None = None
            crashed: list[WatchedClip] = []
            try:
                while len(flights) < limit and (clip := waiting.pop()) is not None:
                    flight, failures = self.launch(clip, decoding)
                    flights.append(flight)
                    clip = None
                    yield from failures
                if not flights:
                    return
                self._step(flights, decoding)
            except RuntimeError as error:
                if not _out_of_memory(error):
                    raise
                crashed = [*(flight.clip for flight in flights), *([clip] if clip else [])]
                flights.clear()
            if len(crashed) == 1:
                yield from _failed(crashed[0], "out of memory, even with no other clip in flight")
            elif crashed:
                limit = max(1, len(crashed) // 2)
                waiting.push(crashed)
                log.warning(
                    "out of memory with %d clips in flight: at most %d from now on",
                    len(crashed),
                    limit,
                )
            for flight in [flight for flight in flights if flight.done]:
                flights.remove(flight)
                yield flight

    @torch.inference_mode()
    def launch(self, clip: WatchedClip, decoding: Decoding) -> tuple[Flight, list[Failure]]:
        """Sees a clip, prefills its questions, and gives each its first token. Questions that
        cannot be asked come back as failures."""
        began = time.perf_counter()
        gallery = self.gallery(clip)
        branches, failures = self.write(clip, gallery, decoding)
        if not branches:
            return Flight(clip, []), failures
        if decoding.beams > 1:
            rows = [(Row(0), [self._search(b, clip, gallery, decoding)]) for b in branches]
        else:
            features = encode(self.model, self.pixels, gallery, clip.frames.pixels)
            self._took("vision", time.perf_counter() - began)
            seen = time.perf_counter()
            rows = []
            for group in groups(branches):
                row = prefill_prefix(self.model, group, features)
                logits = prefill_suffixes(self.model, row, group, features)
                hear(group, logits, decoding, self.stops)
                rows.append((row, group))
            self._took("prefill", time.perf_counter() - seen)
        share = (time.perf_counter() - began) / len(branches)
        for branch in branches:
            branch.seconds += share
        return Flight(clip, rows), failures

    def gallery(self, clip: WatchedClip) -> Gallery:
        """An empty gallery for a clip's frames."""
        count, height, width = clip.frames.pixels.shape[:3]
        return Gallery(count, (height, width))

    def write(
        self, clip: WatchedClip, gallery: Gallery, decoding: Decoding
    ) -> tuple[list[Branch], list[Failure]]:
        """The clip's prompts as branches without a row yet; those that cannot be asked, failed."""
        branches: list[Branch] = []
        failures: list[Failure] = []
        for prompt in clip.prompts:
            try:
                tokens = self.writer.tokens(prompt, gallery)
                letters = None
                if decoding.letters:
                    options = LETTERS[: len(prompt.question.options)]
                    letters = self.writer.letter_tokens(prompt, gallery.frames, options)
            except RequestError as error:
                failures.append(Failure(prompt.question.id, str(error)))
                continue
            room = self.context - len(tokens)
            if room < 1 and not self.allow_overflow:
                failures.append(Failure(prompt.question.id, _overflow(len(tokens), self.context)))
                continue
            limit = decoding.max_new_tokens if room < 1 else min(decoding.max_new_tokens, room)
            branches.append(Branch(prompt, tokens, limit, letters))
        return branches, failures

    @torch.inference_mode()
    def _step(self, flights: list[Flight], decoding: Decoding) -> None:
        began = time.perf_counter()
        asked = step(self.model, flights, decoding, self.stops)
        seconds = time.perf_counter() - began
        self._took("answer", seconds)
        for branch in asked:
            branch.seconds += seconds / len(asked)

    def _search(
        self, branch: Branch, clip: WatchedClip, gallery: Gallery, decoding: Decoding
    ) -> Branch:
        """Beam search, the plain way."""
        given = inputs(self.writer, self.pixels, branch.tokens, gallery, clip.frames.pixels)
        branch.said, _ = generate(self.model, given, decoding, branch.limit, self.stops)
        branch.finish = "length" if len(branch.said) >= branch.limit else "stop"
        return branch

    def _took(self, stage: str, seconds: float) -> None:
        self.spent[stage] = self.spent.get(stage, 0.0) + seconds


class _Waiting:
    """Clips still to come, with those that have to be asked again in front."""

    def __init__(self, clips: Iterable[WatchedClip]) -> None:
        self._clips = iter(clips)
        self._again: deque[WatchedClip] = deque()

    def pop(self) -> WatchedClip | None:
        return self._again.popleft() if self._again else next(self._clips, None)

    def push(self, clips: Sequence[WatchedClip]) -> None:
        self._again.extendleft(reversed(clips))


def _failed(clip: WatchedClip, reason: str) -> Iterator[Failure]:
    yield from (Failure(prompt.question.id, reason) for prompt in clip.prompts)


def _overflow(tokens: int, context: int) -> str:
    return (
        f"the prompt's {tokens} tokens do not fit the model's context of {context}: "
        "fewer frames, or model.rope_scaling=auto"
    )


def _out_of_memory(error: RuntimeError) -> bool:
    """CUDA has a class for it, the CPU only a message."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
