"""LLaVA-NeXT(-Video) models on transformers. Importing this loads neither torch nor weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.models.transformers.checkpoint import fingerprint, locate
from harness.errors import RequestError
from harness.types import Answer, Decoding, Failure, Prompt, WatchedClip

if TYPE_CHECKING:
    from harness.models.transformers.engine import Engine
    from harness.models.transformers.memory import Needs
    from harness.models.transformers.prompts import Writer


@dataclass(frozen=True)
class Transformers:
    """One checkpoint and how to run it; its weights load with the first answer, or ``load()``.

    What decides the answers:
    ``checkpoint`` a hub id or a folder, ``revision`` pins the former; ``frames_as`` how the clip
    is shown: ``pooled_video`` (``tokens_per_frame`` pooled tokens each, checked at load) or
    ``anyres`` (each frame a full AnyRes image: image-only models' other published way);
    ``pool_stride`` and ``pool_mode`` of the pooling; ``rope_scaling`` checkpoint | none |
    linear:F | auto (the original code's rule, for ``frames`` frames); ``system`` said first where
    a prompt has no system turn; ``chat_template`` checkpoint | FILE; ``dtype``, ``attention``,
    ``quantization``.

    What does not: ``device`` (auto: a GPU where there is one), ``device_map`` (of accelerate, for
    several), ``in_flight`` clips decoding together (null: 1 on a CPU, up to 8 on a GPU as memory
    allows), ``allow_overflow`` (ask although a prompt exceeds the context).
    """

    checkpoint: str
    revision: str | None = None
    frames_as: Literal["pooled_video", "anyres"] = "pooled_video"
    tokens_per_frame: int = 144
    pool_stride: int = 2
    pool_mode: Literal["average", "max"] = "average"
    rope_scaling: str = "checkpoint"
    system: str | None = None
    chat_template: str = "checkpoint"
    dtype: Literal["float16", "bfloat16", "float32"] = "float16"
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    quantization: Literal["none", "nf4", "int8"] = "none"
    device: str = "auto"
    device_map: str | None = None
    in_flight: int | None = None
    frames: int = 32
    allow_overflow: bool = False

    def __post_init__(self) -> None:
        if self.in_flight is not None and self.in_flight < 1:
            raise RequestError(f"backend.in_flight={self.in_flight}: write 1 or more, or null")

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone: another process loads its own model."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def identity(self) -> dict[str, Any]:
        """What decides the answers. Reads small files only, except to hash a folder's content.
        Raises ModelError."""
        from harness.models.transformers.loading import identify

        named = fingerprint(self.checkpoint, self.revision)
        return named | identify(self, self._folder, self._config)

    def count(self, prompts: Sequence[Prompt], frames: int) -> list[int]:
        """Each prompt's length in tokens when ``frames`` frames are shown, from the tokenizer;
        for AnyRes frames, whose size is not known yet, at most."""
        from harness.models.transformers.prompts import Gallery

        pinpoints = [tuple(p) for p in self._config.image_grid_pinpoints]
        largest = max(pinpoints, key=lambda size: self._writer.anyres_tokens(*size))
        gallery = Gallery(frames, largest)
        return [len(self._writer.tokens(prompt, gallery)) for prompt in prompts]

    def needs(self, frames: int) -> Needs:
        """What a run needs of the device, estimated from the configuration alone."""
        from harness.models.transformers.memory import estimate

        return estimate(self, self._config, frames)

    @cached_property
    def frame_size(self) -> int | None:
        """The shorter edge in pixels that frames are resized to; None when they must be whole."""
        from harness.models.transformers.loading import read_pixels

        if self.frames_as == "anyres":
            return None
        return read_pixels(self, self._folder, self._config).shortest_edge

    def answer(
        self, clips: Iterable[WatchedClip], decoding: Decoding
    ) -> Iterator[Answer | Failure]:
        """A clip's answers once all of them are there. Raises ModelError and RequestError."""
        if decoding.beams > 1 and (decoding.temperature > 0 or decoding.letters):
            raise RequestError("decoding.beams: beam search neither samples nor compares letters")
        yield from self.load().answer(clips, decoding)

    def load(self) -> Engine:
        """The loaded model, loaded once. Raises ModelError."""
        return self._engine

    def resolved_device(self) -> str:
        """``device``, with auto resolved."""
        if self.device != "auto":
            return self.device
        import torch

        return "cuda" if torch.cuda.is_available() else "cpu"

    @cached_property
    def _folder(self) -> Path:
        return locate(self.checkpoint, self.revision, weights=False)

    @cached_property
    def _config(self) -> Any:
        from harness.models.transformers.loading import read_config

        return read_config(self, self._folder)

    @cached_property
    def _writer(self) -> Writer:
        from harness.models.transformers.loading import read_writer

        return read_writer(self, self._folder, self._config)

    @cached_property
    def _engine(self) -> Engine:
        from harness.models.transformers.engine import Engine
        from harness.models.transformers.loading import context_of, load_model, read_pixels, stop_tokens

        folder = locate(self.checkpoint, self.revision)
        pixels = read_pixels(self, folder, self._config)
        writer = self._writer
        model = load_model(self, folder, self._config)
        return Engine(
            model=model,
            writer=writer,
            pixels=pixels,
            context=context_of(self._config),
            stops=stop_tokens(folder, self._config, writer.tokenizer),
            in_flight=self.in_flight or self.needs(self.frames).in_flight,
            allow_overflow=self.allow_overflow,
        )
