"""Tokens as a decoder takes them, cut and joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.errors import ModelError

_HANDLED = {"input_ids", "inputs_embeds", "position_ids", "attention_mask"}
_HANDLED |= {"past_key_values", "cache", "use_cache", "cache_position", "return_dict"}


@dataclass(frozen=True, eq=False)
class Part:
    """Some tokens as the decoder takes them: ``embeds`` [1, n, hidden], ``positions`` [..., 1, n];
    ``by_token`` whatever else has a value a token [1, n, ...]; ``by_mark`` lists of features
    [marked, hidden] for the tokens that the bool [1, n] in ``by_token`` of that name marks;
    ``constant`` what is the same for all."""

    embeds: torch.Tensor
    positions: torch.Tensor
    by_token: Mapping[str, torch.Tensor] = field(default_factory=dict)
    by_mark: Mapping[tuple[str, str], Sequence[torch.Tensor]] = field(default_factory=dict)
    constant: Mapping[str, Any] = field(default_factory=dict)

    @property
    def length(self) -> int:
        """How many tokens."""
        return int(self.embeds.shape[1])

    def cut(self, start: int, stop: int) -> Part:
        """The tokens from ``start`` to ``stop``."""
        marked = {}
        for (name, mark), features in self.by_mark.items():
            flags = self.by_token[mark][0]
            first, last = int(flags[:start].sum()), int(flags[:stop].sum())
            marked[name, mark] = [feature[first:last] for feature in features]
        return Part(
            self.embeds[:, start:stop],
            self.positions[..., start:stop],
            {name: value[:, start:stop] for name, value in self.by_token.items()},
            marked,
            self.constant,
        )

    def arguments(self) -> dict[str, Any]:
        """The decoder's keyword arguments beside positions and masks."""
        given = {**self.constant, **self.by_token}
        for (name, mark), features in self.by_mark.items():
            if any(len(feature) for feature in features):
                given[name] = list(features)
            else:  # nothing is marked: given nothing, as where no picture is shown
                given[name] = given[mark] = None
        return given


def read(given: Mapping[str, Any], embeds: torch.Tensor, positions: torch.Tensor) -> Part:
    """What a decoder is given, as a part. Raises ModelError for what is of no known kind."""
    length = embeds.shape[1]
    by_token, by_mark, constant = {}, {}, {}
    for name, value in given.items():
        if name in _HANDLED or value is None:
            continue
        if isinstance(value, torch.Tensor) and value.dim() > 1 and value.shape[1] == length:
            by_token[name] = value
        elif isinstance(value, list | tuple) and all(_is_feature(v) for v in value) and value:
            by_mark[name] = value
        elif isinstance(value, torch.Tensor):
            raise ModelError(f"the decoder is given {name}, {tuple(value.shape)}: unknown")
        else:
            constant[name] = value
    marked = {(n, _mark(n, features, by_token)): features for n, features in by_mark.items()}
    return Part(embeds, positions, by_token, marked, constant)


def join(parts: Sequence[Part]) -> Part:
    """Tokens one behind the other. Parts that show no picture lack what is by mark."""
    if len(parts) == 1:
        return parts[0]
    whole = max(parts, key=lambda part: len(part.by_token) + len(part.by_mark))
    filled = [_filled(part, whole) for part in parts]
    return Part(
        torch.cat([part.embeds for part in parts], 1),
        torch.cat(on_axes([part.positions for part in parts]), -1),
        {n: torch.cat([part.by_token[n] for part in filled], 1) for n in whole.by_token},
        {
            key: [
                torch.cat([part.by_mark[key][i] for part in filled]) for i in range(len(features))
            ]
            for key, features in whole.by_mark.items()
        },
        whole.constant,
    )


def on_axes(positions: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Positions [..., 1, n] on as many axes as the one with most has: a prompt of text alone has
    one where a video has three (mrope), which are the same then."""
    axes = max((each.shape[:-2] for each in positions), key=len)
    return [each.expand(*axes, *each.shape[-2:]) for each in positions]


def _filled(part: Part, whole: Part) -> Part:
    """The part with what others have and it lacks: tokens that are not marked, no features."""
    by_token = dict(part.by_token)
    for name, value in whole.by_token.items():
        if name not in by_token:
            if value.dtype != torch.bool:
                raise ModelError(f"the decoder is given {name} for some prompts only")
            by_token[name] = value.new_zeros(1, part.length, *value.shape[2:])
    by_mark = dict(part.by_mark)
    for key, features in whole.by_mark.items():
        by_mark.setdefault(key, [feature[:0] for feature in features])
    return Part(part.embeds, part.positions, by_token, by_mark, part.constant)


def _is_feature(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() == 2


def _mark(name: str, features: Sequence[torch.Tensor], by_token: Mapping[str, torch.Tensor]) -> str:
    """The tokens that features belong to: the flags of which there are as many."""
    for mark, flags in by_token.items():
        is_mark = flags.dtype == torch.bool and flags.dim() == 2
        if is_mark and int(flags.sum()) == len(features[0]):
            return mark
    raise ModelError(f"the decoder is given {name}, and nothing says for which tokens")
