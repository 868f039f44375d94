"""Subtitles: reading .srt, .vtt, .ass and .json files as they are found, and the lines on screen
at a time.

Real files have byte order marks, Windows line ends, markup, overlapping cues, cues without a
number or with half a time stamp. A cue that cannot be read is dropped, never the file;
a file that yields no cue at all yields an empty list, and the run counts what was shown
(``Prompt.subtitles``), so that "with subtitles" cannot silently mean "without".
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isinf
from pathlib import Path
from typing import Any

from harness.errors import DataError
from harness.scoring.encodings import decoded
from harness.types import Part, Text, Video

CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[,.:](\d{1,3}))?"
ARROW = re.compile(rf"^\s*{CLOCK}\s*-{{1,2}}>\s*{CLOCK}")
MARKUP = re.compile(
    r"</?(?:font|i|b|u|s|c|v|ruby|rt|lang|span)\b[^<>]*>"  # as browsers take it
    r"|<(?:\d+:)?\d+:\d+\.\d+>"  # WebVTT's time of the next word, as YouTube's own captions have it
    r"|\{\\[^{}]*\}",  # Advanced SubStation's overrides
    re.IGNORECASE,
)
BREAK = re.compile(r"<br\s*/?>|\\[Nnh]", re.IGNORECASE)


@dataclass(frozen=True)
class Cue:
    """One subtitle: on screen from ``start`` until just before ``end`` (seconds)."""

    start: float
    end: float
    text: str


def read_cues(path: Path) -> list[Cue]:
    """The cues of an .srt, .vtt, .ass (.ssa), .json or .jsonl file, in order of time.

    Raises DataError when the file cannot be opened, is in an encoding that cannot be told, or is
    not the JSON it claims to be.
    """
    try:
        text = decoded(path.read_bytes(), f"The subtitle file {path}")
    except OSError as error:
        raise DataError(f"Cannot read subtitles {path}: {error.strerror}.") from error
    ending = path.suffix.lower()
    try:
        if ending == ".json":
            found = from_json(json.loads(text))
        elif ending == ".jsonl":
            found = from_json([json.loads(line) for line in text.splitlines() if line.strip()])
        elif ending in (".ass", ".ssa"):
            found = from_ass(text)
        else:
            found = from_srt(text)
    except json.JSONDecodeError as error:
        raise DataError(f"Subtitles {path} are not JSON: {error}.") from error
    return sorted(found, key=lambda cue: cue.start)


def from_srt(text: str) -> list[Cue]:
    """Cues of SubRip or WebVTT text: a time line, then every line up to the next cue.

    Found by time lines, not by blank lines: files with blank lines inside a cue, or none between
    cues, read the same. Only in WebVTT a blank line ends a cue (its standard, section 4): notes
    and style sheets may follow.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    vtt = bool(lines) and lines[0].startswith("WEBVTT")
    cues = []
    for place, line in enumerate(lines):
        if match := ARROW.match(line):
            words = clean(body(lines, place + 1, blank_ends=vtt))
            start, end = seconds(match.groups()[:4]), seconds(match.groups()[4:])
            if words and end > start:
                cues.append(Cue(start, end, words))
    return cues


def body(lines: Sequence[str], start: int, *, blank_ends: bool = False) -> list[str]:
    """A cue's lines from ``start``: up to the next time line, whole or half, and its number."""
    found: list[str] = []
    for line in lines[start:]:
        if blank_ends and not line.strip():
            return found
        numbered = bool(found) and found[-1].strip().isdigit()
        if "-->" in line and (ARROW.match(line) or not blank_ends):
            return found[:-1] if numbered else found
        if numbered and len(found) > 1 and not found[-2].strip():
            return found[:-2]  # a blank line and a number, with no time after them
        found.append(line)
    return found


def from_ass(text: str) -> list[Cue]:
    """Cues of Advanced SubStation text: its ``Dialogue:`` lines, in the columns of ``Format:``."""
    columns: list[str] = []
    events = False
    cues = []
    for line in text.splitlines():
        kind, _, rest = line.partition(":")
        if line.startswith("["):
            events = line.strip().lower() == "[events]"
        elif events and kind.strip() == "Format":
            columns = [name.strip() for name in rest.split(",")]
        elif events and kind.strip() == "Dialogue" and columns:
            row = dict(zip(columns, rest.split(",", len(columns) - 1), strict=False))
            start, end = moment(row.get("Start")), moment(row.get("End"))
            words = clean([row.get("Text", "")])
            if start is not None and end is not None and end > start and words:
                cues.append(Cue(start, end, words))
    return cues


def from_json(data: Any) -> list[Cue]:
    """Cues of a list of objects with times (numbers or clock texts) and a text.

    {"start", "end", "line"} and {"timestamp": [start, end], "text"} are LongVideoBench's,
    {"start_time", "end_time", "text"} Video-MME-v2's. Raises DataError on anything but a list.
    """
    if not isinstance(data, list):
        raise DataError("Subtitles in JSON must be a list of cues with times and text.")
    cues = (from_item(item) for item in data if isinstance(item, Mapping))
    return [cue for cue in cues if cue is not None]


def from_item(item: Mapping[str, Any]) -> Cue | None:
    """One JSON cue, None when its start or text is missing. Without an end it stays on screen."""
    plain = (item.get("start", item.get("start_time")), item.get("end", item.get("end_time")))
    pair = item.get("timestamp", plain)
    words = clean([str(item.get("line", item.get("text", "")))])
    if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not words:
        return None
    start, end = moment(pair[0]), moment(pair[1])
    if start is None:
        return None
    return Cue(start, inf if end is None else end, words)


def moment(value: Any) -> float | None:
    """A JSON time in seconds: a number or a clock text."""
    if isinstance(value, (int, float)):
        return float(value)
    match = re.fullmatch(CLOCK, value.strip()) if isinstance(value, str) else None
    return seconds(match.groups()) if match else None


def seconds(parts: Sequence[str | None]) -> float:
    """Hours, minutes, seconds and a fraction as seconds."""
    hours, minutes, whole, fraction = parts
    return (
        int(hours or 0) * 3600
        + int(minutes or 0) * 60
        + int(whole or 0)
        + (int(fraction.ljust(3, "0")) / 1000 if fraction else 0.0)
    )


def clean(lines: Iterable[str]) -> str:
    """A cue's lines as one line of plain text."""
    text = html.unescape(MARKUP.sub("", BREAK.sub(" ", " ".join(lines))))
    return " ".join(text.replace("\ufeff", "").split())


def cues_at(cues: Sequence[Cue], times: Sequence[float]) -> list[Cue]:
    """Every cue on screen at any of the times (seconds), once, in order of time."""
    return [cue for cue in cues if any(cue.start <= time < cue.end for time in times)]


def first_cues_at(cues: Sequence[Cue], times: Sequence[float]) -> list[Cue]:
    """For each time the first cue on screen, repeats kept: VLMEvalKit's rule."""
    shown = (next((c for c in cues if c.start < time < c.end), None) for time in times)
    return [cue for cue in shown if cue is not None]


def interleave(
    cues: Sequence[Cue], times: Sequence[float], offset: float = 0.0, duration: float = inf
) -> list[int | str]:
    """Frames (their places in ``times``) and subtitle texts in the order they are shown.

    LongVideoBench's rule: a cue stands after the frames up to its middle, and is left out when no
    frame lies strictly inside it (inside one second around its middle, if it is shorter).
    ``offset`` is the clip's start on the subtitles' clock; an open cue ends at ``duration``.
    """
    shown: list[int | str] = []
    place = 0
    for cue in cues:
        start = cue.start - offset
        end = (duration if isinf(cue.end) else cue.end) - offset
        middle = (start + end) / 2
        while place < len(times) and times[place] <= middle:
            shown.append(place)
            place += 1
        if end - start < 1:
            start, end = middle - 0.5, middle + 0.5
        if any(start < time < end for time in times):
            shown.append(cue.text)
    return [*shown, *range(place, len(times))]


def interleaved(
    cues: Sequence[Cue], times: Sequence[float], offset: float = 0.0, duration: float = inf
) -> list[Part]:
    """``interleave`` as the parts of a turn: runs of frames, and a line for each subtitle."""
    parts: list[Part] = []
    for item in interleave(cues, times, offset, duration):
        last = parts[-1] if parts else None
        if isinstance(item, str):
            parts.append(Text(f"{item}\n"))
        elif isinstance(last, Video):
            parts[-1] = Video(last.start, item + 1)
        else:
            parts.append(Video(item, item + 1))
    return parts
