"""A clip's questions each with a cache of its own: for layers that keep another state than keys and
values."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch

from harness.models.transformers.branches import ActiveClip, Branch
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.prefix import Prompts, groups, next_position


class Copied:
    """Every question with a cache of its own, a copy of the prefix's where ``share``; else, and
    where the model masks a prompt in its own way, everything anew by the model's own forward."""

    def __init__(self, decoder: Decoder, share: bool) -> None:
        self._decoder = decoder
        self._share = share

    def prefill(self, clips: Sequence[tuple[ActiveClip, Prompts]]) -> list[torch.Tensor]:
        """See ``Way``: one clip after the other."""
        return [self._prefill(clip, prompts) for clip, prompts in clips]

    def _prefill(self, clip: ActiveClip, prompts: Prompts) -> torch.Tensor:
        if not self._share or any(rules is not None for rules in prompts.rules):
            with prompts.placed.remembered():  # pixels may be not there yet
                return torch.cat([self._whole(clip, prompts, i) for i in range(len(clip.branches))])
        logits = []
        for group in groups(prompts, len(clip.branches)):
            shared, cache = prompts.shared(group), None
            if shared:
                _, cache = self._decoder.extend(None, prompts.prefix(group[0], shared), shared)
            for number in group:
                own = cache if number == group[-1] else copy.deepcopy(cache)
                branch, part = clip.branches[number], prompts.part(number, shared)
                branch.cached = shared if number != group[0] else 0
                length = prompts.length(number)
                hidden, branch.cache = self._decoder.extend(own, part, length)
                branch.position = next_position(part.positions)
                logits.append(self._decoder.head(hidden[-1:]))
        return torch.cat(logits)

    def _whole(self, clip: ActiveClip, prompts: Prompts, number: int) -> torch.Tensor:
        branch = clip.branches[number]
        logits, branch.cache = self._decoder.whole(prompts.inputs[number])
        branch.position = next_position(prompts.part(number, prompts.length(number) - 1).positions)
        return logits

    def step(self, active: Sequence[ActiveClip]) -> tuple[list[Branch], torch.Tensor | None]:
        """See ``Way``: one question after the other."""
        alive = [branch for clip in active for branch in clip.branches if not branch.finish]
        logits = []
        for branch in alive:
            positions = torch.from_numpy(branch.position[..., None, None].copy())
            positions = positions.to(self._decoder.model.device)
            branch.position = branch.position + 1
            token, length = branch.output_ids[-1], branch.place + 1
            logits.append(self._decoder.extend_by_token(branch.cache, token, positions, length))
        return alive, torch.cat(logits) if logits else None
