"""Video models on transformers. Importing this loads neither torch nor weights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import RequestError
from harness.models.transformers.checkpoint import fingerprint, locate
from harness.models.transformers.devices import SPREAD, resolved
from harness.types import JSON, Failure, FrameResize, Generation, Prompt, Response, Sample

if TYPE_CHECKING:
    from harness.models.transformers.cost import Weights
    from harness.models.transformers.engine import Engine
    from harness.models.transformers.memory import DeviceMemory
    from harness.models.transformers.written import Writer, Written


@dataclass(frozen=True)
class Transformers:
    """One checkpoint and how to run it; its weights load with the first response, or ``load()``.

    What decides the answers:
    ``checkpoint`` a hub id or a folder, ``revision`` pins the former; ``frames_as`` how the clip
    is shown: ``video`` or ``images`` (each frame a picture, ``frame_text`` before it, as in
    "Frame{number}: " or "{time} s: "), both by the checkpoint's own processor with ``processor``'s
    settings ({videos_kwargs: {…}} go to its calls, others to its construction); or as LLaVA-NeXT
    was published: ``pooled_video`` (``tokens_per_frame`` pooled tokens each, checked at load) or
    ``anyres`` (each frame a full AnyRes image: image-only models' other published way);
    ``pool_stride`` and ``pool_mode`` of the pooling; ``rope_scaling`` checkpoint | none |
    linear:F | auto (the original code's rule, for ``frames`` frames); ``system`` said first where
    a prompt has no system turn; ``chat_template`` checkpoint | FILE, handed
    ``template_settings`` (enable_thinking: false); ``dtype``, ``attention``, ``quantization``.
    ``expect_tokens`` is what a frame of 1280 × 720 takes, checked at load.

    What does not: ``device`` (auto: a GPU where there is one), ``device_map`` (of accelerate, for
    several), ``sharing`` how a clip's questions share what they begin with (auto: packed, or copied
    where the configuration names layers that keep another state), ``in_flight`` clips decoding
    together (null: up to 8 as memory allows, on a CPU short ones only), ``allow_overflow`` (ask
    although a prompt exceeds the context), ``self_test`` (at load, packed against ``generate``).
    """

    checkpoint: str
    revision: str | None = None
    frames_as: Literal["pooled_video", "anyres", "video", "images"] = "pooled_video"
    frame_text: str = ""
    processor: Mapping[str, JSON] = field(default_factory=dict)
    expect_tokens: float | None = None
    tokens_per_frame: int = 144
    pool_stride: int = 2
    pool_mode: Literal["average", "max"] = "average"
    rope_scaling: str = "checkpoint"
    system: str | None = None
    chat_template: str = "checkpoint"
    template_settings: Mapping[str, JSON] = field(default_factory=dict)
    sharing: Literal["auto", "packed", "copied", "none"] = "auto"
    dtype: Literal["float16", "bfloat16", "float32"] = "float16"
    attention: Literal["sdpa", "eager", "flash_attention_2"] = "sdpa"
    quantization: Literal["none", "nf4", "int8"] = "none"
    device: str = "auto"
    device_map: str | None = None
    in_flight: int | None = None
    frames: int = 32
    allow_overflow: bool = False
    self_test: bool = True

    def __post_init__(self) -> None:
        if self.in_flight is not None and self.in_flight < 1:
            raise RequestError(f"backend.in_flight={self.in_flight}: write 1 or more, or null")
        if self.device_map not in (None, *SPREAD):
            raise RequestError(
                f"backend.device_map={self.device_map}: write {', '.join(SPREAD)} or null; one "
                "device is backend.device"
            )

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone: another process loads its own model."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def identity(self) -> dict[str, Any]:
        """What decides the answers. Reads small files only, except to hash a folder's content.
        Raises ModelError."""
        from harness.models.transformers.loading import identify

        named = fingerprint(self.checkpoint, self.revision)
        return named | identify(self, self._folder)

    def count(self, prompts: Sequence[Prompt], frames: int) -> list[int]:
        """Each prompt's length in tokens when ``frames`` frames are shown, from the tokenizer;
        for AnyRes frames, whose size is not known yet, at most."""
        return self._writer.count(prompts, frames)

    def clip_tokens(self, frames: int) -> int:
        """About how many tokens a clip's frames take."""
        return self._clip(frames)[0]

    def pixels(self, frames: int) -> int:
        """About how many numbers a clip's frames are to the vision tower."""
        return sum(self._clip(frames)[1])

    def memory(self, frames: int) -> DeviceMemory:
        """What a run needs of the device, estimated from the configuration alone."""
        from harness.models.transformers.memory import estimate

        return estimate(self, self._folder, self._planning, frames)

    def operations(self, frames: int, tokens: Sequence[int], new: int) -> float:
        """About how many floating-point operations one clip needs: ``frames`` frames, its prompts
        ``tokens`` long, ``new`` tokens each said."""
        from harness.models.transformers import cost

        clip, pictures = self._clip(frames)
        shared = max(0, min([clip, *(count - 1 for count in tokens)]))
        return cost.operations(self._work, pictures, tokens, shared, new)

    @cached_property
    def rate(self) -> float | None:
        """Operations a second of large products on its GPU, measured; None on a CPU."""
        from harness.models.transformers import cost

        device = self.resolved_device()
        return cost.measured_rate(device, self.dtype) if device.startswith("cuda") else None

    @cached_property
    def frame_size(self) -> int | None:
        """The shorter edge in pixels that frames are resized to; None when they must be whole."""
        from harness.models.transformers.writers import read_pixels

        if self.frames_as != "pooled_video":
            return None
        return read_pixels(self, self._folder, self._planning).shortest_edge

    @property
    def frame_resize(self) -> FrameResize | None:
        """The processor's own resizing of a video's frames; None where frames are pictures."""
        from harness.models.transformers.processor import ProcessorWriter
        from harness.models.transformers.resizing import ProcessorResize

        writer = self._writer if self.frames_as == "video" else None
        if not isinstance(writer, ProcessorWriter):
            return None
        called = {"videos_kwargs": writer.video_settings}
        return ProcessorResize(self._folder, {**self.processor, **called})

    def generate(
        self, samples: Iterable[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        """A clip's responses once all of them are there. Raises ModelError and RequestError."""
        if generation.beams > 1 and (generation.temperature > 0 or generation.letters):
            raise RequestError("generation.beams: beam search neither samples nor compares letters")
        yield from self.load().generate(samples, generation)

    @property
    def by_processor(self) -> bool:
        """Whether the checkpoint's own processor writes the prompts."""
        return self.frames_as in ("video", "images")

    def write(self, sample: Sample, letters: bool = False) -> list[Written | Failure]:
        """The sample's prompts as the model reads them; touches neither weights nor device. What a
        server's prompts are held against."""
        return self._writer.write(sample, letters)

    def load(self) -> Engine:
        """The loaded model, loaded once. Raises ModelError."""
        return self._engine

    def resolved_device(self) -> str:
        """``device``, with auto resolved. Raises RequestError for one that is not here."""
        return resolved(self.device)

    @cached_property
    def _folder(self) -> Path:
        return locate(self.checkpoint, self.revision, weights=False)

    @cached_property
    def _config(self) -> Any:
        from harness.models.transformers.configuration import read_config

        return read_config(self, self._folder)

    @cached_property
    def _planning(self) -> Any:
        from harness.models.transformers.configuration import planning_config

        return planning_config(self, self._folder)

    @cached_property
    def _clips(self) -> dict[int, tuple[int, tuple[int, ...]]]:
        return {}

    def _clip(self, frames: int) -> tuple[int, tuple[int, ...]]:
        """A clip's tokens, and its pictures' numbers to the vision tower."""
        from harness.models.transformers.shown import COUNTED_PROMPT

        if frames not in self._clips:
            tokens = frames * self.tokens_per_frame
            if self.by_processor:
                [tokens] = self.count([COUNTED_PROMPT], frames)
            self._clips[frames] = (tokens, self._writer.picture_sizes(frames))
        return self._clips[frames]

    @cached_property
    def _work(self) -> Weights:
        from harness.models.transformers import cost
        from harness.models.transformers.memory import weightless

        found = None
        if not self.by_processor:
            found = cost.weights_in_files(self._folder, self._planning)
        return found or cost.weights_of(weightless(self, self._folder))

    @cached_property
    def _writer(self) -> Writer:
        from harness.models.transformers.writers import read_writer

        return read_writer(self, self._folder, self._planning)

    @cached_property
    def _engine(self) -> Engine:
        from harness.models.transformers import loading, towers
        from harness.models.transformers.configuration import context_of
        from harness.models.transformers.engine import Engine
        from harness.models.transformers.pooled import PooledWriter
        from harness.models.transformers.self_test import self_test

        folder = locate(self.checkpoint, self.revision)
        writer = self._writer
        if isinstance(writer, PooledWriter):  # an image-only model is given a video token
            self._config.video_token_index = writer.video_id
        model = loading.load_model(self, folder, self._config)
        engine = Engine(
            model=model,
            writer=writer,
            context=context_of(self._config),
            stops=loading.stop_tokens(folder, self._config, writer.tokenizer),
            suppressed=loading.suppressed_tokens(folder),
            in_flight=self.in_flight or self.memory(self.frames).in_flight,
            allow_overflow=self.allow_overflow,
            sharing=self.sharing,
            merging=towers.find(model, writer, self.checkpoint),
        )
        if self.self_test:
            self_test(engine, self.checkpoint)
        loading.check_tokens(self)
        return engine
