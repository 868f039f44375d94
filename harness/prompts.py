"""What the model is asked: templates over a question, its options, subtitles and frame times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from harness.errors import DataError, RequestError
from harness.scoring.options import letter
from harness.scoring.subtitles import Cue, cues_at, first_cues_at, interleaved, read_cues
from harness.types import Clip, Image, Part, Prompt, Question, Text, Turn, Video

PLACES = ("question", "options", "subtitles", "frames", "times")


class PromptWriter(Protocol):
    """From a question to the prompt that asks it."""

    def write(self, clip: Clip, question: Question, times: Sequence[float]) -> Prompt:
        """The prompt when the frames at ``times`` (seconds) are shown. Raises DataError."""
        ...


@dataclass(frozen=True)
class PromptTemplate:
    """Prompts from a template.

    ``template`` is the user's text with ``{question}``, ``{options}``, ``{subtitles}``,
    ``{frames}`` (how many are shown) and ``{times}`` (theirs, "0.0 s, 1.5 s"); ``option`` is one
    of the options' lines; ``system`` is said before it; ``primer`` opens the assistant's turn.
    ``templates`` are for other kinds of questions: by the value of the question's group ``by``,
    where it has one of them.

    ``subtitles`` is "none", "sampled" (every line on screen at a sampled frame, once), "per_frame"
    (the first line on screen at each frame, repeats kept), "all" or "interleaved" (between the
    frames). The block of them is left out when there are none, unless ``no_subtitles`` gives a text
    to stand there. ``video`` is False where questions are asked without frames.

    A question with ``options_hidden`` is asked by ``open_template`` instead, without the primer.
    """

    template: str
    option: str = "{letter}. {text}"
    system: str = ""
    primer: str = ""
    by: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)
    subtitles: Literal["none", "sampled", "per_frame", "all", "interleaved"] = "none"
    subtitle_block: str = "This video's subtitles are listed below:\n{subtitles}\n"
    subtitle_join: str = "\n"
    no_subtitles: str | None = None
    open_template: str = "{subtitles}{question}\nAnswer the question using a short phrase."
    video: bool = True

    def __post_init__(self) -> None:
        """Raises RequestError for a template with another place to fill in."""
        places = dict.fromkeys(PLACES, "")
        given = [("template", self.template, places), ("open_template", self.open_template, places)]
        given += [(f"templates.{kind}", text, places) for kind, text in self.templates.items()]
        given += [("option", self.option, {"letter": "", "text": ""})]
        given += [("subtitle_block", self.subtitle_block, {"subtitles": ""})]
        for name, text, values in given:
            try:
                text.format(**values)
            except (KeyError, IndexError, ValueError, AttributeError) as error:
                known = ", ".join("{" + key + "}" for key in values)
                raise RequestError(
                    f"task.prompt.{name}: write {known} only, and braces as {{{{ and }}}}: "
                    f"{error!r} in {text!r}"
                ) from error

    def write(self, clip: Clip, question: Question, times: Sequence[float]) -> Prompt:
        """The question as asked when the frames at ``times`` (seconds) are shown."""
        cues = self._cues(clip, times)
        shown = None if self.subtitles == "none" else len(cues)
        parts: list[Part] = [Video()] if self.video else []
        if self.subtitles == "interleaved" and cues:
            duration = inf if clip.duration is None else clip.duration
            parts = interleaved(cues, times, clip.subtitle_offset, duration)
            shown = sum(isinstance(part, Text) for part in parts)
        parts += [Image(read_image(path)) for path in question.images]
        parts += self._text(question, cues, times)
        turns = [Turn("user", tuple(parts))]
        if self.system:
            turns.insert(0, Turn("system", (Text(self.system),)))
        if self.primer and not question.options_hidden:
            turns.append(Turn("assistant", (Text(self.primer),)))
        return Prompt(question, tuple(turns), shown)

    def _text(self, question: Question, cues: Sequence[Cue], times: Sequence[float]) -> list[Part]:
        """The user's text, with the subtitle lines in a block and the options in their place."""
        block = ""
        if self.subtitles not in ("none", "interleaved") and (cues or self.no_subtitles):
            lines = self.subtitle_join.join(cue.text for cue in cues) or self.no_subtitles
            block = self.subtitle_block.format(subtitles=lines)
        template = self._template(question)
        values = {"question": question.text, "subtitles": block, "frames": len(times), "times": ""}
        if "{times" in template:
            values["times"] = ", ".join(f"{time:.1f} s" for time in times)
        if not question.option_images or "{options}" not in template:
            return [Text(template.format(options=self.options(question), **values))]
        before, _, after = template.partition("{options}")
        parts: list[Part] = [Text(before.format(**values))]
        for place, path in enumerate(question.option_images):
            line = self.option.format(letter=letter(place), text="")
            parts += [Text(line), Image(read_image(path))]
        return [*parts, Text(after.format(**values))]

    def _template(self, question: Question) -> str:
        if question.options_hidden:
            return self.open_template
        kinds = question.groups.get(self.by, ()) if self.by else ()
        return next((self.templates[k] for k in kinds if k in self.templates), self.template)

    def options(self, question: Question) -> str:
        """What stands for ``{options}``: one a line. A subclass may print them otherwise."""
        line = self.option.format
        return "\n".join(
            [line(letter=letter(place), text=text) for place, text in enumerate(question.options)]
        )

    def _cues(self, clip: Clip, times: Sequence[float]) -> list[Cue]:
        """The subtitle lines shown with the frames at ``times``; none without a file."""
        if clip.subtitles is None or self.subtitles == "none":
            return []
        cues = read_cues(clip.subtitles)
        if self.subtitles == "sampled":
            return cues_at(cues, times)
        return first_cues_at(cues, times) if self.subtitles == "per_frame" else cues


_MOVING = ("GIF", "PNG", "WEBP")
"""Formats that may move. What others hold beside the first picture (MPO, TIFF) does not."""


def read_image(path: Path) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """A picture as uint8 [H, W, 3] RGB, upright as its EXIF says. Raises DataError when it cannot
    be read, and for a moving one: only its first moment would be shown."""
    from PIL import Image as Picture
    from PIL import ImageOps, UnidentifiedImageError

    try:
        with Picture.open(path) as picture:
            if picture.format in _MOVING and getattr(picture, "is_animated", False):
                raise DataError(
                    f"{path}: a moving picture ({picture.format}), where a still one is shown: "
                    "give one of its moments, or ask about it as the video"
                )
            return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    except (OSError, UnidentifiedImageError) as error:
        raise DataError(f"{path}: not readable as a picture ({error})") from error
