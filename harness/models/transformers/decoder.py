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
from dataclasses import dataclass
from typing import Any

import torch

from harness.errors import ModelError
from harness.models.transformers.attention import Call, attending
from harness.models.transformers.masks import Rules, mask_for, read_rules
from harness.models.transformers.packing import Segment
from harness.models.transformers.parts import Part, read


@dataclass(frozen=True, eq=False)
class Seen:
    """What a model hands its decoder for one prompt."""

    part: Part
    rules: Rules


class Decoder:
    """The decoder of a loaded model. All in inference mode; one thread at a time."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.module = _innermost(model)
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
        return Seen(self._part(given), read_rules(given.get("attention_mask"), call))

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
            mask = mask_for(call, rules, part)
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
            # text sees by the decoder's own rules; the model's, made for these few tokens as if
            # they were a prompt, may know nothing of their places (Gemma 4 unified)
            mask = mask_for(call, None, part)
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
        if positions is None:
            positions = given.get("position_ids")
        if positions is None:
            positions = torch.arange(embeds.shape[1], device=embeds.device)[None]
        return read(given, embeds, positions)

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


def _innermost(model: Any) -> Any:
    """The decoder that gives hidden states: Llama 4's model holds a language model with a head of
    its own, whose ``model`` it is. Raises ModelError where the model has none."""
    found = model.get_decoder()
    if found is model:
        raise ModelError(f"{type(model).__name__} has no decoder that can be told from it")
    while getattr(found, "lm_head", None) is not None and hasattr(found, "model"):
        found = found.model
    return found


class _Stopped(Exception):
    """The model called its decoder with these arguments."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        super().__init__()
        self.given = given
