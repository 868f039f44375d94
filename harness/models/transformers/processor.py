"""Any family's prompts, written by the checkpoint's own processor and chat template.

The processor is told the frames' true times and never samples frames itself; each picture is
prepared once for all of a sample's prompts.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from harness.errors import ModelError, RequestError
from harness.models import thinking
from harness.models.transformers.chat import ChatTemplate, Content, Message
from harness.models.transformers.written import Written, escaped, letter_tokens
from harness.types import (
    JSON,
    Clip,
    Failure,
    Frames,
    Image,
    Prompt,
    Question,
    Sample,
    Text,
    Turn,
    Video,
    VideoInfo,
)

TIME = re.compile(r"\d+(?::\d\d)+(?:\.\d+)?|\d+(?:\.\d+)?\s*s(?:ec(?:onds?)?)?\b|^\d+(?:\.\d+)?$")
"""How processors spell a frame's time: ``00:01``, ``0.5 seconds``, ``1.0s``, ``2.0``."""
NUMBERED = re.compile(r"<(\w+)>\d+</\1>")
"""A picture's number in marks of its own (MiniCPM-V): no time."""
COUNTED = (720, 1280)  # height and width in pixels of the frames that planning counts tokens with


@dataclass(frozen=True, eq=False)
class ProcessorWriter:
    """Writes prompts with a checkpoint's processor (see ``Writer``).

    ``frames_as`` shows the clip as one video or each frame as a picture, ``frame_text`` then being
    said before each ("Frame{number}: ", with ``{number}`` from 1 and ``{time}`` in seconds);
    ``settings`` are the processor's own, by its parts ({"videos_kwargs": {…}}); ``system`` is said
    first where a prompt has no system turn.
    """

    processor: Any
    template: ChatTemplate
    frames_as: Literal["video", "images"] = "video"
    frame_text: str = ""
    settings: Mapping[str, Mapping[str, JSON]] = field(default_factory=dict)
    system: str | None = None

    @property
    def tokenizer(self) -> Any:
        """The processor's tokenizer."""
        return self.processor.tokenizer

    def write(self, sample: Sample, letters: bool) -> list[Written | Failure]:
        """Every prompt; a RequestError is that prompt's failure. Raises ModelError."""
        written: list[Written | Failure] = []
        shown = _Shown(sample)
        with _once(self.processor):
            for prompt in sample.prompts:
                try:
                    written.append(self._write(prompt, shown, letters))
                except RequestError as error:
                    written.append(Failure(prompt.key, "prompt", str(error)))
        return written

    def count(self, prompts: Sequence[Prompt], frames: int) -> list[int]:
        """Each prompt's length in tokens with frames of 1280 × 720; no prompt of a clip takes more
        where the processor bounds a clip's pixels, and content decides less than size."""
        sample = _plain(frames, prompts)
        lengths = []
        for each, prompt in zip(self.write(sample, letters=False), prompts, strict=True):
            if isinstance(each, Failure):
                lengths.append(len(self.tokenizer(prompt.text)["input_ids"]))
            else:
                lengths.append(len(each.tokens))
        return lengths

    def pixels(self, frames: int) -> int:
        """How many numbers so many frames of 1280 × 720 are to the vision tower."""
        ask = Prompt(Question("", ""), (Turn("user", (Video(), Text("?"))),))
        [written] = self.write(_plain(frames, [ask]), letters=False)
        if isinstance(written, Failure):
            return 0
        given = written.inputs.items()
        return sum(int(v.numel()) for name, v in given if name.startswith("pixel_values"))

    def _write(self, prompt: Prompt, shown: _Shown, letters: bool) -> Written:
        prompt, notes = escaped(prompt, self._special())
        messages, videos, images = self._messages(prompt, shown)
        rendered = self.template.render(messages, prompt.key)
        self._check_marks(prompt, rendered, len(videos), len(images))
        found = letter_tokens(prompt, rendered, self._encode) if letters else None
        inputs = self._process(rendered, videos, images, shown)
        tokens = inputs["input_ids"][0].numpy().astype(np.int64)
        return Written(
            prompt,
            tokens,
            inputs,
            found,
            self._told_times(tokens, rendered) + _in_positions(inputs),
            thinking.opens(rendered),
            notes,
        )

    def _messages(
        self, prompt: Prompt, shown: _Shown
    ) -> tuple[list[Message], list[tuple[int, int | None]], list[Any]]:
        """The prompt's messages; spans of frames shown as videos, and pictures, in order."""
        turns = list(prompt.turns)
        if self.system is not None and turns[0].role != "system":
            turns.insert(0, Turn("system", (Text(self.system),)))
        videos: list[tuple[int, int | None]] = []
        images: list[Any] = []
        messages: list[Message] = []
        for turn in turns:
            content: list[Content] = []
            for part in turn.parts:
                if isinstance(part, Text):
                    content.append({"type": "text", "text": part.text})
                elif isinstance(part, Image):
                    images.append(shown.still(part.pixels))
                    content.append({"type": "image"})
                elif self.frames_as == "video":
                    videos.append((part.start, part.stop))
                    content.append({"type": "video"})
                else:
                    content += self._frames(part, shown, images)
            messages.append((turn.role, content))
        return messages, videos, images

    def _frames(self, part: Video, shown: _Shown, images: list[Any]) -> list[Content]:
        content: list[Content] = []
        for number in range(shown.count)[part.start : part.stop]:
            if self.frame_text:
                time = shown.times[number]
                text = self.frame_text.format(number=number + 1, time=f"{time:.1f}")
                content.append({"type": "text", "text": text})
            images.append(shown.frame(number))
            content.append({"type": "image"})
        return content

    def _process(
        self, rendered: str, videos: Sequence[Any], images: Sequence[Any], shown: _Shown
    ) -> dict[str, Any]:
        given: dict[str, Any] = {name: dict(kwargs) for name, kwargs in self.settings.items()}
        if videos:
            given["videos"] = [shown.video(*span) for span in videos]
            given["videos_kwargs"] = {
                **given.get("videos_kwargs", {}),
                "do_sample_frames": False,
                "video_metadata": [shown.metadata(*span) for span in videos],
            }
        if images:
            given["images"] = [list(images)]
        bos = self.tokenizer.bos_token
        special = not (bos and rendered.startswith(bos))
        made = self.processor(
            text=[rendered], return_tensors="pt", add_special_tokens=special, **given
        )
        return dict(made)

    def _encode(self, text: str) -> list[int]:
        bos = self.tokenizer.bos_token
        special = not (bos and text.startswith(bos))
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def _marks(self) -> list[str]:
        """The tokens that stand for pictures in text."""
        names = ("video_token", "image_token")
        found = [getattr(self.processor, name, None) for name in names]
        return [mark for mark in dict.fromkeys(found) if isinstance(mark, str) and mark]

    def _special(self) -> list[str]:
        """What must not stand in a question's text: pictures, and borders of turns."""
        special = [str(token) for token in self.tokenizer.all_special_tokens]
        return [mark for mark in dict.fromkeys([*self._marks(), *special]) if len(mark) > 1]

    def _check_marks(self, prompt: Prompt, rendered: str, videos: int, images: int) -> None:
        """Raises ModelError when the template lost a picture, or shows one twice."""
        found = sum(rendered.count(mark) for mark in self._marks())
        if self._marks() and found != videos + images:
            raise ModelError(
                f"question {prompt.key}: the chat template shows {found} of {videos + images} "
                "pictures: write model.chat_template=FILE for one that shows each once, or "
                "model.frames_as=images for a model without video"
            )

    def _told_times(self, tokens: Any, rendered: str) -> tuple[str, ...]:
        """The texts about time in what the processor and the frames' texts put in."""
        if self.frames_as == "images":
            texts = re.split("|".join(map(re.escape, self._marks())) or "$^", rendered)
            return tuple(
                said
                for text in texts
                if (said := text.splitlines()[-1].strip() if text.strip() else "")
                and self.frame_text
                and "{time}" in self.frame_text
                and TIME.search(said)
            )
        spelled = self.tokenizer.decode(tokens, skip_special_tokens=False)
        inserted = NUMBERED.sub("", _inserted(spelled, rendered, self._marks()))
        marks = [str(each) for each in self.tokenizer.added_tokens_decoder.values()]
        marks += [*self.tokenizer.all_special_tokens, "\n"]
        pieces = re.split("|".join(map(re.escape, sorted(marks, key=len, reverse=True))), inserted)
        told = (piece.strip(" \t,") for piece in pieces)
        return tuple(said for said in told if TIME.search(said))


def _in_positions(inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """What is told of time through positions alone: seconds between two steps of the time axis, one
    a video (Qwen2.5-VL)."""
    steps = inputs.get("second_per_grid_ts")
    return () if steps is None else tuple(f"{float(s):g} s a step of positions" for s in steps)


def _plain(frames: int, prompts: Sequence[Prompt]) -> Sample:
    """A clip of black frames, a second apart."""
    pixels = np.zeros((frames, *COUNTED, 3), np.uint8)
    length = max(frames, 1)
    info = VideoInfo(length, 1.0, float(length), COUNTED[1], COUNTED[0])
    shown = Frames(pixels, np.arange(frames, dtype=np.float64))
    return Sample(Clip("", None), info, shown, tuple(prompts))


class _Shown:
    """A sample's pictures, each the same object however often it is shown."""

    def __init__(self, sample: Sample) -> None:
        frames = sample.frames
        self._pixels = np.empty((0, 0, 0, 3), np.uint8) if frames is None else frames.pixels
        self.times = np.empty(0) if frames is None else frames.times
        self._info = sample.info
        self._known: dict[Any, Any] = {}

    @property
    def count(self) -> int:
        return len(self._pixels)

    def frame(self, number: int) -> Any:
        return self._known.setdefault(number, self._pixels[number])

    def still(self, pixels: Any) -> Any:
        return self._known.setdefault((pixels.shape, pixels.tobytes()), pixels)

    def video(self, start: int, stop: int | None) -> Any:
        if not len(self._pixels[start:stop]):
            raise RequestError("the prompt shows a video, and there are no frames")
        return self._known.setdefault(("video", start, stop), self._pixels[start:stop])

    def metadata(self, start: int, stop: int | None) -> Any:
        """What the processor is told: the frames' true times, as places in a video of constant
        rate (``frames_indices`` = times × fps, not rounded), and a length that makes the rate they
        were sampled at their own mean rate."""
        from transformers.video_utils import VideoMetadata

        times = self.times[start:stop]
        if self._info is None:
            raise RequestError("the prompt shows a video, and nothing is known of it")
        fps = self._info.fps
        spacing = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 1 / fps
        total: Any = len(times) * spacing * fps
        indices: Any = [float(time * fps) for time in times]
        return VideoMetadata(
            total_num_frames=total,
            fps=fps,
            width=self._info.width,
            height=self._info.height,
            duration=total / fps,
            frames_indices=indices,
        )


class _once:
    """Meanwhile a processor's image and video parts prepare the same pictures once."""

    def __init__(self, processor: Any) -> None:
        names = ("image_processor", "video_processor")
        parts = [getattr(processor, name, None) for name in names]
        self._parts = [part for part in parts if part is not None]

    def __enter__(self) -> None:
        for part in self._parts:
            part.preprocess = _memo(part.preprocess)

    def __exit__(self, *_: object) -> None:
        for part in self._parts:
            del part.preprocess


def _memo(preprocess: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, tuple[Any, Any]] = {}

    def remembering(*args: Any, **kwargs: Any) -> Any:
        key = (_key(args), tuple((name, _key(kwargs[name])) for name in sorted(kwargs)))
        if key not in known:
            known[key] = ((args, kwargs), preprocess(*args, **kwargs))
        return copy.copy(known[key][1])

    return remembering


def _key(value: Any) -> Any:
    """What tells arguments apart: pictures by identity (they are kept), all else by value."""
    if isinstance(value, np.ndarray | torch.Tensor):
        return ("picture", id(value))
    if isinstance(value, list | tuple):
        return tuple(_key(each) for each in value)
    if isinstance(value, Mapping):
        return tuple((name, _key(value[name])) for name in sorted(value, key=str))
    return repr(value)


def _inserted(spelled: str, rendered: str, marks: Sequence[str]) -> str:
    """What stands in the tokens' text where the rendered prompt has its pictures."""
    places = [rendered.find(mark) for mark in marks if mark in rendered]
    if not places:
        return ""
    last = max(rendered.rfind(mark) + len(mark) for mark in marks if mark in rendered)
    before, after = min(places), len(rendered) - last
    start = spelled.find(rendered[:before])
    begin = start + before if start >= 0 else 0
    return spelled[begin : len(spelled) - after]
