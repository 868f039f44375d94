"""The next token from its logits, as a ``Generation`` says, with transformers' own processors."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import torch

import harness.models.transformers.library  # noqa: F401  (before transformers)
from harness.types import Generation


def is_greedy(generation: Generation) -> bool:
    """Whether the most likely token is always the next one."""
    return (
        generation.temperature == 0
        and generation.presence_penalty == 0
        and generation.repetition_penalty == 1
    )


class Sampler:
    """One question's draws: penalties, then temperature, top-k, top-p and min-p in transformers'
    order, with a generator of the question's own, so that other questions do not change it.

    ``key`` names the question and which of its repeats it is; ``prompt`` are its token ids.
    """

    def __init__(self, generation: Generation, key: str, prompt: Sequence[int]) -> None:
        self._drawn = generation.temperature > 0
        self._processors = _processors(generation, len(prompt))
        self._prompt = torch.as_tensor(prompt, dtype=torch.long)
        digest = hashlib.sha256(f"{generation.seed}/{key}".encode()).digest()
        seed = int.from_bytes(digest[:8], "big", signed=True)
        self._random = torch.Generator().manual_seed(seed)

    def next(self, logits: torch.Tensor, output: Sequence[int]) -> int:
        """The token behind ``output``, from its logits [vocab]."""
        ids = torch.cat([self._prompt, torch.as_tensor(output, dtype=torch.long)])[None]
        scores = logits.float().cpu()[None]
        for process in self._processors:
            scores = process(ids, scores)
        if not self._drawn:
            return int(scores[0].argmax())
        return int(torch.multinomial(scores[0].softmax(-1), 1, generator=self._random))


def _processors(generation: Generation, prompt: int) -> list[Any]:
    from transformers.generation import logits_process

    made: Any = logits_process  # untyped
    chosen: list[Any] = []
    if generation.repetition_penalty != 1:
        chosen.append(made.RepetitionPenaltyLogitsProcessor(generation.repetition_penalty))
    if generation.presence_penalty != 0:
        chosen.append(PresencePenalty(generation.presence_penalty, prompt))
    if generation.temperature in (0.0, 1.0):
        pass
    else:
        chosen.append(made.TemperatureLogitsWarper(generation.temperature))
    if generation.temperature > 0:
        if generation.top_k > 0:
            chosen.append(made.TopKLogitsWarper(generation.top_k))
        if generation.top_p < 1:
            chosen.append(made.TopPLogitsWarper(generation.top_p))
        if generation.min_p > 0:
            chosen.append(made.MinPLogitsWarper(generation.min_p))
    return chosen


class PresencePenalty:
    """Takes ``penalty`` off the logits of every token that the output holds already, once.

    As vLLM's and OpenAI's servers define it (vllm/model_executor/layers/utils.py, apply_penalties);
    transformers has none. ``prompt`` is how many tokens come before the output.
    """

    def __init__(self, penalty: float, prompt: int) -> None:
        self._penalty = penalty
        self._prompt = prompt

    def __call__(self, ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """``ids`` [1, n] so far, ``scores`` [1, vocab]."""
        seen = torch.unique(ids[:, self._prompt :])
        lowered = scores.clone()
        lowered[:, seen] -= self._penalty
        return lowered
