"""A model's language decoder, reached through the model's own ``forward``: see, advance, head.

Whatever a family does between token ids and its decoder (features put in their places, positions
in three axes, rules for masks, features for inner layers) its own ``forward`` does; it is stopped
where it calls the decoder, and what it hands over is kept as a ``Part``. Parts are cut and joined
by token, so that a prefix goes through the decoder once and questions behind it, packed. What comes
out is made into logits by the model's own ``forward`` again, around a decoder that gives what it is
told.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from harness.errors import ModelError
from harness.models.transformers.packing import BySegment, Call, Rule, Segment, attending

Rules = Mapping[str, Rule] | Rule | None
"""A model's rules for what may be seen, by type of layer where they differ; None: its decoder's."""

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


def join(parts: Sequence[Part]) -> Part:
    """Tokens one behind the other. Parts that show no picture lack what is by mark."""
    if len(parts) == 1:
        return parts[0]
    whole = max(parts, key=lambda part: len(part.by_token) + len(part.by_mark))
    filled = [_filled(part, whole) for part in parts]
    return Part(
        torch.cat([part.embeds for part in parts], 1),
        torch.cat([part.positions for part in parts], -1),
        {n: torch.cat([part.by_token[n] for part in filled], 1) for n in whole.by_token},
        {
            key: [
                torch.cat([part.by_mark[key][i] for part in filled]) for i in range(len(features))
            ]
            for key, features in whole.by_mark.items()
        },
        whole.constant,
    )


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


@dataclass(frozen=True, eq=False)
class Seen:
    """What a model hands its decoder for one prompt."""

    part: Part
    rules: Rules


class Decoder:
    """The decoder of a loaded model. All in inference mode; one thread at a time."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.module = model.get_decoder()
        if self.module is model:
            raise ModelError(f"{type(model).__name__} has no decoder that can be told from it")
        found = [self.module.config, model.config.get_text_config()]
        self.configs = list({id(config): config for config in found}.values())
        names = inspect.signature(type(self.module).forward).parameters
        self.cache_name = "cache" if "cache" in names else "past_key_values"
        self._output: type[Any] | None = None
        self._own: Any = None

    @property
    def kernel(self) -> str:
        """The attention that the model was loaded with."""
        return str(self.configs[0]._attn_implementation)

    @torch.inference_mode()
    def see(self, inputs: Mapping[str, Any]) -> Seen:
        """What the model makes of a prompt's inputs (placed on its device), short of decoding."""
        call = Call(kernel=self.kernel)
        with attending(self.configs, call), self._instead(self._stopping):
            try:
                self.model(**inputs, use_cache=False)
            except _Stopped as stopped:
                given = stopped.given
            else:
                raise ModelError(f"{type(self.model).__name__} never calls its decoder")
        return Seen(self._part(given), _rules(given.get("attention_mask"), call))

    @torch.inference_mode()
    def advance(
        self, segments: Sequence[Segment], part: Part, rules: Sequence[Mapping[int, Rules]]
    ) -> torch.Tensor:
        """Runs new tokens of several rows through the decoder and writes them into the rows.

        ``part`` holds the segments' tokens one behind the other; ``rules`` are the prompts' own,
        for each segment by owner. Returns the last hidden states [n, hidden].
        """
        call = Call(segments, self.kernel)
        with attending(self.configs, call):
            mask = _mask(call, rules, part)
            hidden = self._decode(part, attention_mask=mask, use_cache=False)
        call.finish()
        return hidden

    @torch.inference_mode()
    def head(self, hidden: torch.Tensor) -> torch.Tensor:
        """The logits [n, vocab], float32, of last hidden states [n, hidden]."""
        ids = torch.zeros(1, len(hidden), dtype=torch.long, device=self.model.device)
        with self._instead(lambda *_, **__: self._made(hidden)):
            return self._logits(ids)

    @torch.inference_mode()
    def step(
        self, segments: Sequence[Segment], tokens: torch.Tensor, positions: torch.Tensor
    ) -> torch.Tensor:
        """One new token a branch: ``tokens`` [n] at ``positions`` [..., 1, n], which the segments
        hold one behind the other; logits [n, vocab] float32. One pass through the model."""
        call = Call(segments, self.kernel)

        def decode(*args: Any, **given: Any) -> Any:
            given = self._bound(args, given)
            part = self._part(given, positions)
            mask = _mask(call, _rules(given.get("attention_mask"), call), part)
            with self._usual():
                return self._made(self._decode(part, attention_mask=mask, use_cache=False))

        with attending(self.configs, call), self._instead(decode):
            logits = self._logits(tokens[None].to(self.model.device))
        call.finish()
        return logits

    # ── the copied way: the model's own cache and attention ──────────────────────────────────

    @torch.inference_mode()
    def extend(self, cache: Any, part: Part, length: int) -> tuple[torch.Tensor, Any]:
        """Runs a part behind a cache (None: the model makes one); ``length`` tokens are in it then.
        Returns the last hidden states [n, hidden] and the cache."""
        ones = torch.ones(1, length, dtype=torch.long, device=part.embeds.device)
        given = {self.cache_name: cache, "use_cache": True, "attention_mask": ones}
        out = self._run(part, **given)
        return out.last_hidden_state[0], getattr(out, self.cache_name)

    @torch.inference_mode()
    def extend_by_token(
        self, cache: Any, token: int, positions: torch.Tensor, length: int
    ) -> torch.Tensor:
        """One token behind a cache; the logits [1, vocab], float32, of the next."""

        def decode(*args: Any, **given: Any) -> Any:
            part = self._part(self._bound(args, given), positions)
            with self._usual():
                return self._made(self.extend(cache, part, length)[0])

        ids = torch.tensor([[token]], device=self.model.device)
        with self._instead(decode):
            return self._logits(ids)

    @torch.inference_mode()
    def whole(self, inputs: Mapping[str, Any]) -> tuple[torch.Tensor, Any]:
        """A whole prompt by the model's own forward: first logits [1, vocab] and its cache."""
        out = self.model(**inputs, use_cache=True)
        return out.logits[0, -1:].float(), getattr(out, self.cache_name)

    # ── how ──────────────────────────────────────────────────────────────────────────────────

    def _logits(self, ids: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.model(input_ids=ids, use_cache=False).logits
        return logits[0].float()

    def _decode(self, part: Part, **given: Any) -> torch.Tensor:
        hidden: torch.Tensor = self._run(part, **given).last_hidden_state
        return hidden[0]

    def _run(self, part: Part, **given: Any) -> Any:
        out = self.module(
            inputs_embeds=part.embeds, position_ids=part.positions, **part.arguments(), **given
        )
        self._output = type(out)
        return out

    def _made(self, hidden: torch.Tensor) -> Any:
        """Hidden states [n, hidden] as the decoder would return them."""
        from transformers.modeling_outputs import BaseModelOutputWithPast

        return (self._output or BaseModelOutputWithPast)(last_hidden_state=hidden[None])

    def _part(self, given: Mapping[str, Any], positions: torch.Tensor | None = None) -> Part:
        embeds = given.get("inputs_embeds")
        if embeds is None:
            embeds = self.module.get_input_embeddings()(given["input_ids"])
        length = embeds.shape[1]
        if positions is None:
            positions = given.get("position_ids")
        if positions is None:
            positions = torch.arange(length, device=embeds.device)[None]
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

    def _bound(self, args: Sequence[Any], given: Mapping[str, Any]) -> dict[str, Any]:
        names = [n for n in inspect.signature(type(self.module).forward).parameters if n != "self"]
        return dict(zip(names, args, strict=False)) | dict(given)

    @contextmanager
    def _instead(self, forward: Callable[..., Any]) -> Iterator[None]:
        """The model calls this in place of its decoder's forward."""
        self._own = self.module.__dict__.get("forward")  # accelerate's, on several devices
        self.module.forward = forward
        try:
            yield
        finally:
            self._restore()

    @contextmanager
    def _usual(self) -> Iterator[None]:
        """The decoder's own forward, within what stands in its place."""
        instead = self.module.forward
        self._restore()
        try:
            yield
        finally:
            self.module.forward = instead

    def _restore(self) -> None:
        if self._own is None:
            del self.module.forward
        else:
            self.module.forward = self._own

    def _stopping(self, *args: Any, **given: Any) -> Any:
        raise _Stopped(self._bound(args, given))


class _Stopped(Exception):
    """The model called its decoder with these arguments."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__()
        self.given = given


def _is_feature(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dim() == 2


def _mark(name: str, features: Sequence[torch.Tensor], by_token: Mapping[str, torch.Tensor]) -> str:
    """The tokens that features belong to: the flags of which there are as many."""
    for mark, flags in by_token.items():
        is_mark = flags.dtype == torch.bool and flags.dim() == 2
        if is_mark and int(flags.sum()) == len(features[0]):
            return mark
    raise ModelError(f"the decoder is given {name}, and nothing says for which tokens")


def _rules(mask: Any, call: Call) -> Rules:
    """The rules behind what the model hands its decoder for masks."""
    if isinstance(mask, Mapping):
        return {kind: _rule(value, call) for kind, value in mask.items()}
    if mask is None or mask.dim() == 2:
        return None
    return _rule(mask, call)


def _rule(mask: Any, call: Call) -> Rule:
    rule = call.rule(mask)
    if isinstance(rule, BySegment):
        raise ModelError("a prompt's own mask was expected")
    return rule


def _mask(call: Call, rules: Sequence[Mapping[int, Rules]] | Rules, part: Part) -> Any:
    """What the decoder is given for masks: stand-ins by type of layer, one for all layers, or
    flags that let its own functions make them. ``rules`` are for all tokens, or for each segment
    by owner."""
    device = part.embeds.device
    by_segment = rules if isinstance(rules, Sequence) else ()
    shared = None if isinstance(rules, Sequence) else rules
    first = next((rule for owned in by_segment for rule in owned.values()), shared)
    if first is None:
        return torch.ones(1, part.length, dtype=torch.bool, device=device)
    kinds: list[str | None] = list(first) if isinstance(first, Mapping) else [None]

    def rule(each: Any, kind: str | None) -> Rule:
        return each if kind is None else each[kind]  # type: ignore[no-any-return]

    made = {}
    for kind in kinds:
        own = tuple({o: rule(each, kind) for o, each in owned.items()} for owned in by_segment)
        made[kind] = call.stand_in(BySegment(own) if own else rule(shared, kind), device)
    return made[None] if kinds == [None] else made
