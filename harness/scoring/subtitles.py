"""Subtitles: reading .srt and .json files as they are found, and the lines on screen at a time.

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
from pathlib import Path
from typing import Any

from harness.errors import DataError

CLOCK = r"(?:(\d+):)?(\d{1,2}):(\d{1,2})(?:[,.:](\d{1,3}))?"
ARROW = re.compile(rf"^\s*{CLOCK}\s*-{{1,2}}>\s*{CLOCK}")
MARKUP = re.compile(r"</?(?:font|i|b|u|s|c|v|ruby|rt|span|br)\b[^<>]*>|\{\\[^{}]*\}", re.IGNORECASE)


@dataclass(frozen=True)
class Cue:
    """One subtitle: on screen from ``start`` until just before ``end`` (seconds)."""

    start: float
    end: float
    text: str


def read_cues(path: Path) -> list[Cue]:
    """The cues of an .srt (or .vtt) or .json file, in order of time.

    Raises DataError when the file cannot be opened or is not the JSON it claims to be.
    """
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        raise DataError(f"Cannot read subtitles {path}: {error.strerror}.") from error
    if path.suffix.lower() == ".json":
        try:
            found = from_json(json.loads(text))
        except json.JSONDecodeError as error:
            raise DataError(f"Subtitles {path} are not JSON: {error}.") from error
    else:
        found = from_srt(text)
    return sorted(found, key=lambda cue: cue.start)


def decode(data: bytes) -> str:
    """Bytes as text: a byte order mark decides, then UTF-8, then Windows Western (cp1252).

    Bytes that are none of these become U+FFFD: a damaged letter costs no subtitle.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def from_srt(text: str) -> list[Cue]:
    """Cues of SubRip text: a time line, then every line up to the next cue.

    Found by time lines, not by blank lines: files with blank lines inside a cue, or none between
    cues, read the same.
    """
    lines = text.splitlines()
    starts = [place for place, line in enumerate(lines) if ARROW.match(line)]
    cues = []
    for place, following in zip(starts, [*starts[1:], None], strict=True):
        match = ARROW.match(lines[place])
        body = lines[place + 1 : following]
        if following is not None and body and body[-1].strip().isdigit():
            body = body[:-1]  # the next cue's number
        words = clean(body)
        if match and words:
            start, end = seconds(match.groups()[:4]), seconds(match.groups()[4:])
            if end > start:
                cues.append(Cue(start, end, words))
    return cues


def from_json(data: Any) -> list[Cue]:
    """Cues of a list of {"start", "end", "line"} or {"timestamp": [start, end], "text"}.

    Both are LongVideoBench's (clock times or seconds). Raises DataError on anything but a list.
    """
    if not isinstance(data, list):
        raise DataError("Subtitles in JSON must be a list of cues with times and text.")
    cues = (from_item(item) for item in data if isinstance(item, Mapping))
    return [cue for cue in cues if cue is not None]


def from_item(item: Mapping[str, Any]) -> Cue | None:
    """One JSON cue, None when a time or the text is missing."""
    pair = item.get("timestamp", (item.get("start"), item.get("end")))
    words = clean([str(item.get("line", item.get("text", "")))])
    if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not words:
        return None
    start, end = moment(pair[0]), moment(pair[1])
    if start is None:
        return None
    return Cue(start, start if end is None else end, words)


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
    text = html.unescape(MARKUP.sub(" ", " ".join(lines)))
    return " ".join(text.replace("\\N", " ").replace("\ufeff", "").split())


def cues_at(cues: Sequence[Cue], times: Sequence[float]) -> list[Cue]:
    """Every cue on screen at any of the times (seconds), once, in order of time."""
    return [cue for cue in cues if any(cue.start <= time < cue.end for time in times)]


def first_cues_at(cues: Sequence[Cue], times: Sequence[float]) -> list[Cue]:
    """For each time the first cue on screen, repeats kept: VLMEvalKit's rule."""
    shown = (next((c for c in cues if c.start < time < c.end), None) for time in times)
    return [cue for cue in shown if cue is not None]
