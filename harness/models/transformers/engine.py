"""Samples in, responses out: what a clip's questions share is computed once, for several clips.

Four steps: write (prompts and pictures as the model's ``forward`` takes them, by a ``Writer``), see
(pictures encoded, prompts as the decoder takes them, by ``Prompts``), advance (new tokens through
the decoder) and head (their logits; both by a ``Way`` of sharing).
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from harness.models.transformers.branches import ActiveClip, Branch, append
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.features import Placed
from harness.models.transformers.merging import Merging
from harness.models.transformers.plain import generate
from harness.models.transformers.prefix import Prompts
from harness.models.transformers.sharing import Sharing, Way, choose, make
from harness.models.transformers.written import Writer, Written
from harness.names import first_line
from harness.types import Failure, Generation, Response, Sample

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Engine:
    """A loaded model with all it needs to respond.

    ``context`` is its length in tokens after RoPE scaling; ``in_flight`` how many clips decode
    together at most; ``stops`` the tokens that end a response, ``suppressed`` those that are never
    said; ``sharing`` how a clip's questions share what they begin with; ``merging`` how a clip's
    features are joined where its frames go through the vision tower a few at a time (None: all at
    once).
    """

    model: Any
    writer: Writer
    context: int
    stops: frozenset[int]
    suppressed: tuple[int, ...] = ()
    in_flight: int = 1
    allow_overflow: bool = False
    sharing: Sharing = "auto"
    merging: Merging | None = None

    @cached_property
    def way(self) -> Way:
        """How questions share: by the setting, or by the model's configuration."""
        return make(choose(self.sharing, self.model), self.decoder)

    @cached_property
    def decoder(self) -> Decoder:
        """The model's decoder, as its own forward reaches it."""
        return Decoder(self.model)

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

            def prepare(sample: Sample) -> ActiveClip:
                future = pool.submit(self.writer.write, sample, generation.letters)
                return ActiveClip(sample, future)

            pending = _Pending(samples, prepare)
            while True:
                try:
                    new: list[ActiveClip] = []
                    while len(active) < limit and (clip := pending.next()):
                        active.append(clip)
                        new.append(clip)
                    self.prefill(new, generation)
                    if not active:
                        return
                    self._step(active, generation)
                except RuntimeError as error:
                    if not out_of_memory(error):
                        raise
                    limit = max(1, len(active) // 2)
                    active = _give_back(active, pending)
                finished = [clip for clip in active if clip.done]
                active = [clip for clip in active if not clip.done]
                for clip in finished:
                    clip.release()  # their memory is needed while these are taken in
                yield from finished

    @torch.inference_mode()
    def prefill(self, clips: Sequence[ActiveClip], generation: Generation) -> None:
        """Encodes clips, prefills their questions, and gives each its first token."""
        began = time.perf_counter()
        for clip in clips:
            if clip.written is not None:
                self._admit(clip, clip.written.result(), generation)
        if generation.beams > 1:
            for clip in clips:
                self._each(clip, lambda branch: self._search(branch, generation))
        else:
            seen = [(clip, self._see(clip)) for clip in clips]
            asked = [(clip, prompts) for clip, prompts in seen if clip.branches]
            for (clip, _), logits in zip(asked, self.way.prefill(asked), strict=True):
                append(clip.branches, self._sayable(logits), generation, self.stops)
        branches = [branch for clip in clips for branch in clip.branches]
        for branch in branches:
            branch.seconds += (time.perf_counter() - began) / len(branches)

    def _see(self, clip: ActiveClip) -> Prompts:
        """The clip's prompts as the decoder takes them, its pictures encoded once."""
        place = Placed(self.model, self.merging)
        prompts = Prompts(self.decoder, place)
        with place.remembered():
            self._each(clip, lambda branch: prompts.add(place(branch.written.inputs)))
        return prompts

    def _each(self, clip: ActiveClip, do: Callable[[Branch], None]) -> None:
        """Does this with every branch; one whose prompt the model's own forward refuses (a still
        picture beside a video, in some families) has failed."""
        for branch in list(clip.branches):
            try:
                do(branch)
            except ValueError as error:
                reason = f"the model's own forward refuses the prompt: {first_line(error)}"
                clip.failures.append(Failure(branch.prompt.key, "model", reason))
                clip.branches.remove(branch)

    def write(self, sample: Sample, generation: Generation) -> ActiveClip:
        """A sample's prompts as branches that were not asked yet."""
        clip = ActiveClip(sample)
        self._admit(clip, self.writer.write(sample, generation.letters), generation)
        return clip

    def _admit(
        self, clip: ActiveClip, written: Sequence[Written | Failure], generation: Generation
    ) -> None:
        """Makes branches of the prompts that can be asked; the others failed."""
        for each in written:
            if isinstance(each, Failure):
                clip.failures.append(each)
                continue
            room = self.context - len(each.tokens)
            if room < 1 and not self.allow_overflow:
                reason = _overflow(len(each.tokens), self.context)
                clip.failures.append(Failure(each.prompt.key, "prompt", reason))
                continue
            limit = generation.max_new_tokens if room < 1 else min(generation.max_new_tokens, room)
            clip.branches.append(Branch(each, limit))

    @torch.inference_mode()
    def _step(self, active: list[ActiveClip], generation: Generation) -> None:
        began = time.perf_counter()
        asked, logits = self.way.step(active)
        if logits is not None:
            append(asked, self._sayable(logits), generation, self.stops)
        for branch in asked:
            branch.seconds += (time.perf_counter() - began) / len(asked)

    def _sayable(self, logits: torch.Tensor) -> torch.Tensor:
        """Logits [n, vocab] with those of suppressed tokens at minus infinity."""
        if self.suppressed:
            logits = logits.clone()
            logits[:, [token for token in self.suppressed if token < logits.shape[-1]]] = -torch.inf
        return logits

    def _search(self, branch: Branch, generation: Generation) -> None:
        """Beam search, the plain way."""
        given = branch.written.inputs
        branch.output_ids, _ = generate(
            self.model, given, generation, branch.limit, self.stops, self.suppressed
        )
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
        return [ActiveClip(clip.sample, failures=failed)]
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
        "fewer or smaller frames (LLaVA-NeXT-Video: or model.rope_scaling=auto)"
    )


def out_of_memory(error: RuntimeError) -> bool:
    """CUDA has a class for it, the CPU only a message."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
