"""A sample's frames as one server takes them: each encoded once for all the clip's questions.

A request's JSON holds a mark where a clip's bytes belong, and they are put between its pieces as
they are: megabytes that need no escaping are neither searched for any nor copied.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.models.openai import pictures
from harness.models.openai.dialects import FramesAs
from harness.models.openai.errors import Refused
from harness.types import Image, Part, Sample, Text, Video

Body = tuple[bytes, ...]
"""A request's body in pieces."""


@dataclass(frozen=True)
class Shown:
    """How clips are shown; see ``OpenAI``. ``named``: frames have names by which the server knows
    them again, in samples of more than one question."""

    frames_as: FramesAs
    picture: pictures.Picture
    jpeg_quality: int
    video_codec: pictures.Codec
    frame_text: str
    tell_times: bool
    named: bool = False


class Encoded:
    """One sample's frames."""

    def __init__(self, sample: Sample, shown: Shown) -> None:
        self._sample = sample
        self._shown = shown
        self._mark = f"bytes-{secrets.token_hex(8)}-"  # nothing that a prompt could hold
        self._bytes: list[bytes] = []
        self._made: dict[tuple[int, int], list[dict[str, Any]]] = {}
        self.named = shown.named and sample.frames is not None and len(sample.prompts) > 1

    @cached_property
    def duration(self) -> float:
        """Seconds of the whole video, as far as it is known."""
        return self._sample.info.duration if self._sample.info else 0.0

    def times(self, part: Video) -> list[float]:
        """The times in seconds of the frames a part shows."""
        frames = self._sample.frames
        return [] if frames is None else frames.times[part.start : part.stop].tolist()

    def parts(self, part: Part, by_name: bool = False, beside: str = "") -> list[dict[str, Any]]:
        """A part of a turn as parts of a message's content, with marks for bytes; ``by_name``: of
        frames their names only; ``beside``: what else of the request decides what the server makes
        of them (their times). Raises Refused without frames."""
        shown = self._shown
        if isinstance(part, Text):
            return [{"type": "text", "text": part.text}] if part.text else []
        if isinstance(part, Image):
            url = pictures.picture_url(part.pixels, shown.picture, shown.jpeg_quality)
            return [self._shows("image_url", url, named=False)]
        frames = self._sample.frames
        if frames is None:
            raise Refused("the prompt shows a video and there are no frames", "prompt")
        start, stop, _ = slice(part.start, part.stop).indices(len(frames.pixels))
        if start >= stop:
            return []
        if (start, stop) not in self._made:
            self._made[start, stop] = self._encode(start, stop)
        made = self._made[start, stop]
        return [_named(one, beside, by_name) if "uuid" in one else one for one in made]

    def body(self, text: str) -> Body:
        """A request's JSON with the bytes in the places of their marks."""
        pieces = re.split(f"{self._mark}(\\d+);", text)
        return tuple(
            self._bytes[int(piece)] if place % 2 else piece.encode("utf-8", "replace")
            for place, piece in enumerate(pieces)
        )

    def _encode(self, start: int, stop: int) -> list[dict[str, Any]]:
        frames, shown = self._sample.frames, self._shown
        assert frames is not None
        pixels, times = frames.pixels[start:stop], frames.times[start:stop].tolist()
        if shown.frames_as == "frames":
            url = pictures.container_url(pixels, shown.picture, shown.jpeg_quality)
            return [self._shows("video_url", url, self.named)]
        if shown.frames_as == "video":
            url = pictures.video_url(pixels, times, shown.video_codec)
            return [self._shows("video_url", url, self.named)]
        urls = pictures.picture_urls(pixels, shown.picture, shown.jpeg_quality)
        made: list[dict[str, Any]] = []
        for number, (url, time) in enumerate(zip(urls, times, strict=True), start + 1):
            if shown.frame_text:
                text = shown.frame_text.format(number=number, time=f"{time:.1f}")
                made.append({"type": "text", "text": text})
            made.append(self._shows("image_url", url, self.named))
        return made

    def _shows(self, kind: str, url: bytes, named: bool) -> dict[str, Any]:
        self._bytes.append(url)
        part: dict[str, Any] = {"type": kind, kind: {"url": f"{self._mark}{len(self._bytes) - 1};"}}
        if named:
            part["uuid"] = hashlib.sha256(url).hexdigest()
        return part


def _named(part: dict[str, Any], beside: str, by_name: bool) -> dict[str, Any]:
    """The part under a name made of its content and of what is told with it: under the content's
    alone vLLM, which keeps frames as it prepared them, would give another clip's times to frames
    that look alike (blank ones), and those of an earlier run to one without them."""
    name = hashlib.sha256(f"{part['uuid']} {beside}".encode()).hexdigest()
    return part | {"uuid": name} | ({part["type"]: None} if by_name else {})
