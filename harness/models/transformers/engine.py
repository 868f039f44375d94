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

from harness.models.transformers.asking import (
    Branch,
    Flight,
    groups,
    hear,
    prefill_prefix,
    prefill_suffixes,
    step,
)
from harness.models.transformers.pixels import Preprocessor
from harness.models.transformers.plain import generate, inputs
from harness.models.transformers.prompts import Gallery, Writer
from harness.models.transformers.vision import encode, prepare
from harness.errors import RequestError
from harness.task import LETTERS
from harness.types import Answer, Decoding, Failure, WatchedClip

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
        flights: list[Flight] = []
        limit = self.in_flight
        with ThreadPoolExecutor(1) as pool:
            gate = _Gate(clips, lambda clip: self.board(clip, decoding, pool))
            while True:
                try:
                    while len(flights) < limit and (boarded := gate.next()):
                        flights.append(boarded)
                        self.launch(flights[-1], decoding)
                    if not flights:
                        return
                    self._step(flights, decoding)
                except RuntimeError as error:
                    if not _out_of_memory(error):
                        raise
                    limit = max(1, len(flights) // 2)
                    flights = _crash(flights, gate)
                landed = [flight for flight in flights if flight.done]
                flights = [flight for flight in flights if not flight.done]
                for flight in landed:
                    flight.rows.clear()  # their memory is needed while these answers are taken in
                yield from landed

    def board(self, clip: WatchedClip, decoding: Decoding, pool: Executor) -> Flight:
        """A clip with its prompts written, those that cannot be asked as failures, its pixels
        being prepared in the background."""
        gallery = self.gallery(clip)
        branches, failures = self.write(clip, gallery, decoding)
        flight = Flight(clip, gallery, branches, failures)
        if branches and decoding.beams == 1:
            flight.pixels = pool.submit(prepare, self.pixels, gallery, clip.frames.pixels)
        return flight

    @torch.inference_mode()
    def launch(self, flight: Flight, decoding: Decoding) -> None:
        """Sees a clip, prefills its questions, and gives each its first token."""
        began = time.perf_counter()
        if flight.pixels is None:
            for branch in flight.branches:
                self._search(branch, flight, decoding)
        else:
            features = encode(self.model, flight.gallery, flight.pixels.result())
            for group in groups(flight.branches):
                row = prefill_prefix(self.model, group, features)
                logits = prefill_suffixes(self.model, row, group, features)
                hear(group, logits, decoding, self.stops)
                flight.rows.append((row, group))
        for branch in flight.branches:
            branch.seconds += (time.perf_counter() - began) / len(flight.branches)

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
        for branch in asked:
            branch.seconds += (time.perf_counter() - began) / len(asked)

    def _search(self, branch: Branch, flight: Flight, decoding: Decoding) -> None:
        """Beam search, the plain way."""
        frames = flight.clip.frames.pixels
        given = inputs(self.writer, self.pixels, branch.tokens, flight.gallery, frames)
        branch.said, _ = generate(self.model, given, decoding, branch.limit, self.stops)
        branch.finish = "length" if len(branch.said) >= branch.limit else "stop"


class _Gate:
    """Clips board in order, one ahead of the one that is launched; those that crashed, first."""

    def __init__(
        self, clips: Iterable[WatchedClip], board: Callable[[WatchedClip], Flight]
    ) -> None:
        self._clips = iter(clips)
        self._board = board
        self._boarded: deque[Flight] = deque()

    def next(self) -> Flight | None:
        while len(self._boarded) < 2 and (clip := next(self._clips, None)) is not None:
            self._boarded.append(self._board(clip))
        return self._boarded.popleft() if self._boarded else None

    def back(self, clips: Sequence[WatchedClip]) -> None:
        self._boarded.extendleft(self._board(clip) for clip in reversed(clips))


def _crash(flights: Sequence[Flight], gate: _Gate) -> list[Flight]:
    """What is left in the air without memory: nothing, or one clip that has failed."""
    if len(flights) == 1:
        [flight] = flights
        reason = "out of memory, even with no other clip in flight"
        failed = [Failure(prompt.question.id, reason) for prompt in flight.clip.prompts]
        return [Flight(flight.clip, flight.gallery, [], failed)]
    gate.back([flight.clip for flight in flights])
    log.warning(
        "out of memory with %d clips in flight: at most %d from now on",
        len(flights),
        len(flights) // 2,
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
