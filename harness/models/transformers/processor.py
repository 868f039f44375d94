"""Any family's prompts, written by the checkpoint's own processor and chat template.

The processor is told the frames' true times and never samples frames itself; each picture is
prepared once for all of a sample's prompts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from harness.errors import ModelError, RequestError
from harness.models import thinking
from harness.models.transformers import marks, preparing, processor_call, spanning, told_times
from harness.models.transformers.chat import ChatTemplate, Content
from harness.models.transformers.hollow import Call, hollow, told
from harness.models.transformers.messages import messages_of
from harness.models.transformers.shown import COUNTED_PROMPT, Shown, plain_sample
from harness.models.transformers.spanning import Spanning
from harness.models.transformers.spans import Spans
from harness.models.transformers.tower import picture_sizes
from harness.models.transformers.written import Written, escaped, letter_tokens
from harness.names import first_line
from harness.types import (
    JSON,
    Clip,
    Failure,
    Frames,
    Prompt,
    Sample,
    Text,
    Video,
    VideoInfo,
)

ODD = (RuntimeError, ValueError, TypeError, LookupError, AttributeError)
"""What processors raise at pictures that they were not made for."""


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
        alone = self.frames_as == "video" and all(map(_shows_one_video, sample.prompts))
        if alone and (how := self._spanning) is not None:
            with suppress(_NotInSpans, RuntimeError, TypeError):  # at this size it sees numbers
                return self._all(sample, letters, _Sizes(how.zeros, how))
        return self._all(sample, letters)

    def count(self, prompts: Sequence[Prompt], frames: int) -> list[int]:
        """Each prompt's length in tokens with frames of 1280 × 720; no prompt of a clip takes more
        where the processor bounds a clip's pixels, and content decides less than size. Raises
        ModelError where not one of them can be written."""
        lengths = []
        found = self._sizes(prompts, frames)
        if frames and found and all(isinstance(each, Failure) for each in found):
            raise ModelError(next(each.reason for each in found if isinstance(each, Failure)))
        for each, prompt in zip(found, prompts, strict=True):
            if isinstance(each, Failure):
                lengths.append(len(self.tokenizer(prompt.text)["input_ids"]))
            else:
                lengths.append(len(each.tokens))
        return lengths

    def picture_sizes(self, frames: int) -> tuple[int, ...]:
        """How many numbers each picture of so many frames of 1280 × 720 is to the vision tower."""
        [written] = self._sizes([COUNTED_PROMPT], frames)
        if isinstance(written, Failure):
            return ()
        return picture_sizes(written.inputs)

    def _sizes(self, prompts: Sequence[Prompt], frames: int) -> list[Written | Failure]:
        """The prompts with black frames: of their shape alone where the processor can."""
        sample = plain_sample(frames, prompts)
        for zeros in (False, True):
            with suppress(RuntimeError, TypeError):  # it has to see numbers
                found = self._all(sample, False, _Sizes(zeros))
                if not any(isinstance(each, Failure) for each in found):
                    return found
        return self._all(sample, False)

    def _all(
        self, sample: Sample, letters: bool, sizes: _Sizes | None = None
    ) -> list[Written | Failure]:
        written: list[Written | Failure] = []
        shown = Shown(sample)
        with ExitStack() as stack:
            if sizes is not None:
                stack.enter_context(hollow(self.processor, sizes.zeros, sizes.calls))
            stack.enter_context(preparing.once(self.processor))
            for prompt in sample.prompts:
                try:
                    written.append(self._write(prompt, shown, letters, sizes))
                except RequestError as error:
                    written.append(Failure(prompt.key, "prompt", str(error)))
        return written

    @cached_property
    def _spanning(self) -> Spanning | None:
        """How videos are made a few frames at a time where the processor's work can be; else
        None."""
        try:
            return spanning.find(self.processor, self._tried)
        except (ModelError, *ODD):  # no frames of this size, say
            return None

    @cached_property
    def video_settings(self) -> dict[str, JSON]:
        """What its calls tell the processor's video part of how frames become pixels."""
        calls: list[Call] = []
        with suppress(ModelError, *ODD), hollow(self.processor, False, calls):
            self._tried(preparing.trial())
        return told(calls[0]) if calls else dict(self.settings.get("videos_kwargs", {}))

    def _tried(self, pixels: Any) -> Mapping[str, Any]:
        """What the processor makes of a prompt with this video, uint8 [T, H, W, 3]."""
        video: Content = {"type": "video"}
        rendered = self.template.render([("user", [video])], "")
        count, height, width = pixels.shape[:3]
        info = VideoInfo(count, 1.0, float(count), width, height)
        frames = Frames(pixels, np.arange(count, dtype=np.float64))
        shown = Shown(Sample(Clip("", None), info, frames, ()))
        return self._process(rendered, [(0, None)], [], shown)

    def _write(self, prompt: Prompt, shown: Shown, letters: bool, sizes: _Sizes | None) -> Written:
        prompt, notes = escaped(prompt, marks.special(self.processor))
        messages, videos, images = messages_of(
            prompt, shown, self.frames_as, self.frame_text, self.system
        )
        rendered = self.template.render(messages, prompt.key)
        marks.check(self.processor, prompt, rendered, len(videos) + len(images))
        found = letter_tokens(prompt, rendered, self._encode) if letters else None
        try:
            inputs = self._process(rendered, videos, images, shown)
        except ValueError as error:
            if len({len(range(shown.count)[slice(*span)]) for span in videos}) < 2:
                raise RequestError(
                    f"question {prompt.key}: the model's processor refuses what is shown: "
                    f"{first_line(error)}"
                ) from error
            raise RequestError(
                f"question {prompt.key}: this model's processor takes no videos of different "
                "lengths in one prompt: show as many frames of each, or model.frames_as=images"
            ) from error
        if videos:
            rates = [shown.rate(*span) for span in videos]
            told_times.check_steps(inputs, rates, self.processor.video_processor, prompt.key)
        if sizes is not None and videos:
            inputs = sizes.filled(inputs, shown.video(*videos[0]))
        tokens = inputs["input_ids"][0].numpy().astype(np.int64)
        return Written(
            prompt,
            tokens,
            inputs,
            found,
            self._told_times(tokens, rendered) + told_times.in_positions(inputs),
            thinking.opens(rendered),
            notes,
        )

    def _process(
        self, rendered: str, videos: Sequence[Any], images: Sequence[Any], shown: Shown
    ) -> dict[str, Any]:
        given: dict[str, Any] = {name: dict(kwargs) for name, kwargs in self.settings.items()}
        if videos:
            given["videos"] = [shown.video(*span) for span in videos]
            given["videos_kwargs"] = {
                **given.get("videos_kwargs", {}),
                "do_sample_frames": False,
                # nothing is sampled by it; Qwen-Omni's processors tell time by this alone
                "fps": shown.rate(*videos[0]),
                "video_metadata": [shown.metadata(*span) for span in videos],
            }
        if images:
            given["images"] = [list(images)]
        bos = self.tokenizer.bos_token
        special = not (bos and rendered.startswith(bos))
        given |= {"text": [rendered], "return_tensors": "pt", "add_special_tokens": special}
        made = processor_call.made(self.processor, given, self.settings)
        return dict(made)

    def _encode(self, text: str) -> list[int]:
        bos = self.tokenizer.bos_token
        special = not (bos and text.startswith(bos))
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def _told_times(self, tokens: Any, rendered: str) -> tuple[str, ...]:
        """The texts about time in what the processor and the frames' texts put in."""
        if self.frames_as == "images":
            says = "{time}" in self.frame_text
            return told_times.before_pictures(rendered, marks.of(self.processor)) if says else ()
        return told_times.in_tokens(self.tokenizer, tokens, rendered, marks.of(self.processor))


class _NotInSpans(Exception):
    """A clip's frames by themselves would become something else."""


@dataclass
class _Sizes:
    """Prompts of a sample written from sizes alone; ``how`` says what is made of frames later."""

    zeros: bool
    how: Spanning | None = None
    calls: list[Call] = field(default_factory=list)
    _known: dict[int, Spans] = field(default_factory=dict)

    def filled(self, inputs: dict[str, Any], video: Any) -> dict[str, Any]:
        """A prompt's inputs, as they are where nobody says how. Raises _NotInSpans."""
        if self.how is None:
            return inputs
        if id(video) not in self._known:
            call = next((each for each in self.calls if each[0] is video), None)
            spans = self.how.spans(inputs, call) if call is not None else None
            if spans is None:
                raise _NotInSpans
            self._known[id(video)] = spans
        return self.how.inputs(inputs, self._known[id(video)])


def _shows_one_video(prompt: Prompt) -> bool:
    """Whether it is a prompt's only picture: scaled pixels of several may be padded or mixed."""
    shown = [part for turn in prompt.turns for part in turn.parts if not isinstance(part, Text)]
    return len(shown) == 1 and isinstance(shown[0], Video)
