"""A model behind a server that speaks OpenAI's chat completions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence  # noqa: F401 - JSON names it
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from harness.errors import RequestError
from harness.identity import ASIDE
from harness.models.openai.asking import Asked, Asker, Clip
from harness.models.openai.checks import expectations
from harness.models.openai.client import Client, Patience
from harness.models.openai.dialects import DIALECTS, Dialect, dialect_of
from harness.models.openai.encoded import Encoded, Shown
from harness.models.openai.errors import Refused
from harness.models.openai.requests import Writer
from harness.models.openai.served import served
from harness.models.openai.session import Session
from harness.models.openai.window import Window
from harness.models.transformers import Transformers
from harness.types import JSON, Failure, Generation, Response, Sample

AHEAD = 2
"""Questions handed over for each that may be in flight, so that a free place never waits."""


@dataclass(frozen=True)
class OpenAI:
    """One model as one server serves it.

    What decides the answers: ``model``, the server's name for it; ``dialect``, the kind of server
    (auto: from what its /v1/models says); ``frames_as``: "frames" (vLLM's container of pictures),
    "video" (a lossless video file of constant rate, by ``video_codec``), "images" (each frame a
    picture, behind ``frame_text``, as in "Frame{number}: " or "{time} s: "), or the dialect's own;
    ``picture`` png | webp (both lossless) | jpeg at ``jpeg_quality``; ``tell_times``: the frames'
    true times are sent where the server takes them (vLLM: ``--trust-request-mm-kwargs``);
    ``system`` is said first where a prompt has no system turn; ``extra`` goes into every request,
    and takes out what it says is null; ``structured_choices``: the server may only say an option's
    letter, which changes the question.

    What does not: ``url`` (it ends in /v1); ``reference``, the same checkpoint on this machine,
    whose tokens every prompt is held against (no weights load); without one ``tokens_per_frame``
    is the least that a frame must take; ``send_once``: a clip's frames go with its first question
    and are named to the server after that, where it knows names (vLLM); ``in_flight`` requests at
    most; ``attempts``, ``timeout`` and ``longest_wait`` as in ``Patience``; ``api_key_env`` names
    the environment variable that holds the key; ``allow_overflow``: the run goes on although its
    first prompt does not fit the model's context.
    """

    url: str = field(metadata=ASIDE)
    model: str
    dialect: Literal["auto", "vllm", "sglang", "openai"] = "auto"
    frames_as: Literal["auto", "frames", "video", "images"] = "auto"
    picture: Literal["png", "webp", "jpeg"] = "png"
    jpeg_quality: int = 95
    video_codec: Literal["h264", "ffv1"] = "h264"
    frame_text: str = ""
    system: str | None = None
    tell_times: bool = True
    extra: Mapping[str, JSON] = field(default_factory=dict)
    structured_choices: bool = False
    reference: Transformers | None = field(default=None, metadata=ASIDE)
    tokens_per_frame: int | None = field(default=None, metadata=ASIDE)
    send_once: bool = field(default=True, metadata=ASIDE)
    in_flight: int = field(default=32, metadata=ASIDE)
    attempts: int = field(default=8, metadata=ASIDE)
    timeout: float = field(default=300.0, metadata=ASIDE)
    longest_wait: float = field(default=60.0, metadata=ASIDE)
    api_key_env: str = field(default="OPENAI_API_KEY", metadata=ASIDE)
    allow_overflow: bool = field(default=False, metadata=ASIDE)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise RequestError(f"backend.url={self.url!r}: write http://HOST:PORT/v1")
        for name in ("in_flight", "attempts", "timeout"):
            if getattr(self, name) <= 0:
                raise RequestError(f"backend.{name}={getattr(self, name)}: write more than 0")
        try:
            self.frame_text.format(number=1, time="0.0")
        except (KeyError, IndexError, ValueError) as error:
            raise RequestError(
                f"backend.frame_text={self.frame_text!r}: write {{number}} and {{time}} only"
            ) from error

    def __getstate__(self) -> dict[str, Any]:
        """The settings alone: another process asks the server itself."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def identity(self) -> dict[str, JSON]:
        """What decides the responses: the model as the server describes it, and how clips are
        shown. Asks the server. Raises ModelError when it cannot be reached or lacks the model."""
        shown = self._shown
        lossy = f"jpeg {self.jpeg_quality}" if self.picture == "jpeg" else self.picture
        pictures = self.video_codec if shown.frames_as == "video" else lossy
        return {
            "served": dict(self._served),
            "dialect": self._kind.name,
            "frames_as": shown.frames_as,
            "pictures": pictures,
            "times": self._times_told(),
            "request": dict(self._kind.body) | dict(self.extra),
            "structured_choices": self.structured_choices,
            "system": self.system,
        }

    def generate(
        self, samples: Iterable[Sample], generation: Generation
    ) -> Iterator[Response | Failure]:
        """Responses as they come. The first question is asked alone and held against what it must
        be: raises ModelError, with what to change, when the model does not see what it is sent."""
        writer = Writer(
            self.model, self._kind, self._shown, self.structured_choices, self.extra, self.system
        )
        writer.check(generation)
        client = Client(self.url, self.api_key_env, self._patience, Window(self.in_flight))
        asker, first = Asker(client, generation, self.allow_overflow), True
        with Session(client.close) as session:
            for sample in samples:
                clip, brings = Clip(), True
                for asked in self._written(sample, writer, generation):
                    if isinstance(asked, Failure):
                        yield asked
                        continue
                    session.submit(asker.answer(asked, clip, brings, first))
                    yield from session.results(0 if first else AHEAD * self.in_flight)
                    first = brings = False
            yield from session.results(0)

    def _written(
        self, sample: Sample, writer: Writer, generation: Generation
    ) -> Iterator[Asked | Failure]:
        """A clip's questions as they are sent."""
        encoded = Encoded(sample, self._shown)
        expected = expectations(sample, self.reference, self.tokens_per_frame)
        for prompt in sample.prompts:
            must = expected[prompt.key]
            if isinstance(must, Failure):
                yield must
                continue
            try:
                body = writer.body(prompt, encoded, generation)
            except Refused as refused:
                yield Failure(prompt.key, refused.stage, str(refused))
                continue
            named = encoded.named and writer.body(prompt, encoded, generation, by_name=True)
            yield Asked(prompt, body, named or None, must)

    @property
    def _shown(self) -> Shown:
        frames_as = self._kind.frames_as if self.frames_as == "auto" else self.frames_as
        if frames_as == "frames" and not self._kind.container:
            raise RequestError(
                f"backend.frames_as=frames: a server of the kind {self._kind.name!r} does not take "
                "vLLM's container of frames; write video or images"
            )
        return Shown(
            frames_as,
            self.picture,
            self.jpeg_quality,
            self.video_codec,
            self.frame_text,
            self.tell_times,
            self.send_once and self._kind.names,
        )

    def _times_told(self) -> str:
        shown = self._shown
        if shown.frames_as == "frames":
            return "told" if self.tell_times else "not told"
        if shown.frames_as == "video":
            return "by a constant rate"
        return "in words" if "{time}" in self.frame_text else "not told"

    @property
    def _patience(self) -> Patience:
        return Patience(self.attempts, self.timeout, self.longest_wait)

    @cached_property
    def _kind(self) -> Dialect:
        name = self.dialect
        return DIALECTS[dialect_of(str(self._served.get("owner", ""))) if name == "auto" else name]

    @cached_property
    def _served(self) -> Mapping[str, JSON]:
        """What the server says it serves under this name."""

        async def ask() -> Mapping[str, JSON]:
            client = Client(self.url, self.api_key_env, self._patience, Window(1))
            try:
                return await served(client, self.model)
            finally:
                await client.close()

        return asyncio.run(ask())


def reference(_model_: Mapping[str, JSON], **settings: Any) -> Transformers | None:
    """The checkpoint that a served model is held against, from what the model's YAML says and how
    it would be run here; None where there is none to be had."""
    if _model_.get("checkpoint") is None:
        return None
    known = Transformers.__dataclass_fields__
    given: dict[str, Any] = {key: value for key, value in _model_.items() if key in known}
    return Transformers(**(given | settings))
