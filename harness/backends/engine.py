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
        for flight in self.fly(clips, decoding):
            yield from flight.failures
            yield from (branch.answer(self.writer.tokenizer) for branch in flight.branches)

    def fly(self, clips: Iterable[WatchedClip], decoding: Decoding) -> Iterator[Flight]:
        """Every clip's flight once it has landed. Out of memory, fewer clips fly at a time from
        then on; a clip that does not fit even alone has failed."""
        waiting = _Waiting(clips)
        flights: list[Flight] = []
        limit = self.in_flight
        while True:
            try:
                while len(flights) < limit and (clip := waiting.pop()) is not None:
                    flights.append(Flight(clip))
                    self.launch(flights[-1], decoding)
                if not flights:
                    return
                self._step(flights, decoding)
            except RuntimeError as error:
                if not _out_of_memory(error):
                    raise
                limit = max(1, len(flights) // 2)
                flights = self._crash(flights, waiting)
            landed = [flight for flight in flights if flight.done]
            flights = [flight for flight in flights if not flight.done]
            for flight in landed:
                flight.rows.clear()  # their memory is needed while these answers are taken in
            yield from landed

    def _crash(self, flights: list[Flight], waiting: _Waiting) -> list[Flight]:
        """What is left in the air without memory: nothing, or one clip that has failed."""
        clips = [flight.clip for flight in flights]
        if len(clips) == 1:
            reason = "out of memory, even with no other clip in flight"
            failed = [Failure(prompt.question.id, reason) for prompt in clips[0].prompts]
            return [Flight(clips[0], failures=failed)]
        waiting.push(clips)
        log.warning(
            "out of memory with %d clips in flight: at most %d from now on",
            len(clips),
            len(clips) // 2,
        )
        return []

    @torch.inference_mode()
    def launch(self, flight: Flight, decoding: Decoding) -> None:
        """Sees a clip, prefills its questions, and gives each its first token. Questions that
        cannot be asked become failures."""
        began = time.perf_counter()
        clip = flight.clip
        gallery = self.gallery(clip)
        branches, failures = self.write(clip, gallery, decoding)
        if decoding.beams > 1:
            for branch in branches:
                self._search(branch, clip, gallery, decoding)
        elif branches:
            features = encode(self.model, self.pixels, gallery, clip.frames.pixels)
            self._took("vision", time.perf_counter() - began)
            seen = time.perf_counter()
            for group in groups(branches):
                row = prefill_prefix(self.model, group, features)
                logits = prefill_suffixes(self.model, row, group, features)
                hear(group, logits, decoding, self.stops)
                flight.rows.append((row, group))
            self._took("prefill", time.perf_counter() - seen)
        for branch in branches:
            branch.seconds += (time.perf_counter() - began) / len(branches)
        flight.branches, flight.failures = branches, failures

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
    ) -> None:
        """Beam search, the plain way."""
        given = inputs(self.writer, self.pixels, branch.tokens, gallery, clip.frames.pixels)
        branch.said, _ = generate(self.model, given, decoding, branch.limit, self.stops)
        branch.finish = "length" if len(branch.said) >= branch.limit else "stop"

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


def _overflow(tokens: int, context: int) -> str:
    return (
        f"the prompt's {tokens} tokens do not fit the model's context of {context}: "
        "fewer frames, or model.rope_scaling=auto"
    )


def _out_of_memory(error: RuntimeError) -> bool:
    """CUDA has a class for it, the CPU only a message."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
