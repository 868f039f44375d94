"""What has changed since a response was kept: a question, its prompt, the files it is about.

The run's id covers the settings and the rows. It cannot cover what a task's Python makes of them,
nor a video that was replaced in place; so each record says what was asked, and a kept response
whose question is no longer the same is not counted: it is asked again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.errors import DataError
from harness.run.plain_values import plain
from harness.task import Task
from harness.types import Clip, Question, Record

BLOCK = 65536
"""Bytes read of a video at its beginning, its middle and its end."""


def fingerprints(clip: Clip) -> dict[str, str]:
    """What decides each response besides the run's settings, by the question's key, as
    ``QUESTION-FILES``: two hashes of 12 hexadecimal digits. A question's label and groups are not
    in it: they decide its score.

    ``FILES`` covers the video (its size and three blocks of it; of a folder of frames their names
    and sizes), the subtitles and the pictures; it is "missing" while one of them is not there.
    """
    shown = _hash_files([clip.video, clip.subtitles])
    found = {}
    for question in clip.questions:
        pictures = [*question.images, *question.option_images]
        files = shown if not pictures else f"{shown}{_hash_files(pictures)}"
        found[question.key] = f"{_hash_question(clip, question)}-{files}"
    return found


@dataclass(frozen=True)
class Kept:
    """What of an earlier run's records is still right for the questions as they are now.

    ``records`` by key, their questions with today's labels; ``changed`` the keys of those whose
    responses are dropped; ``relabelled`` the keys whose label or groups changed; ``gone`` the keys
    that are asked no more.
    """

    records: Mapping[str, Record]
    changed: tuple[str, ...] = ()
    relabelled: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """What a user is told."""
        if self.changed:
            yield (
                f"{_some(self.changed)} changed since (the text, the prompt or a file): "
                "what was answered then is dropped, and asked again"
            )
        if self.relabelled:
            yield f"{_some(self.relabelled)} has another label or group now: scored again"
        if self.gone:
            yield f"{_some(self.gone)} is no longer asked: left out"


def still_right(task: Task, clips: Sequence[Clip], records: Sequence[Record]) -> Kept:
    """Compares what was kept with what would be asked now."""
    before = {record.key: record for record in records}
    kept: dict[str, Record] = {}
    changed: list[str] = []
    relabelled: list[str] = []
    for clip in clips:
        now = fingerprints(clip) if any(q.key in before for q in clip.questions) else {}
        for question in clip.questions:
            record = before.pop(question.key, None)
            if record is None:
                continue
            if record.response is not None and not _same(task, clip, question, record, now):
                changed.append(question.key)
                continue
            if _labels(record.question) != _labels(question):
                relabelled.append(question.key)
            kept[question.key] = replace(record, question=question)
    return Kept(kept, tuple(changed), tuple(relabelled), tuple(before))


def _same(
    task: Task, clip: Clip, question: Question, record: Record, now: Mapping[str, str]
) -> bool:
    """Whether the record's response is one to this very question. Of a file that is not there any
    more nothing can be said: what was answered about it stands."""
    asked, _, files = record.asked.partition("-")
    asked_now, _, files_now = now[question.key].partition("-")
    if asked and (
        asked != asked_now or (files != files_now and "missing" not in files + files_now)
    ):
        return False
    if record.subtitles is not None and clip.subtitles and not clip.subtitles.exists():
        return True
    try:
        return task.write(clip, question, record.times).text == record.prompt
    except DataError:
        return True


def _labels(question: Question) -> str:
    return json.dumps([question.target, question.groups], default=plain, sort_keys=True)


def _hash_question(clip: Clip, question: Question) -> str:
    said = [
        question.text,
        question.options,
        question.metadata,
        [path.name for path in (*question.images, *question.option_images)],
        question.rotation,
        question.options_hidden,
        clip.segment,
        clip.fps,
        clip.subtitle_offset,
    ]
    text = json.dumps(said, default=str, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _hash_files(paths: Sequence[Path | None]) -> str:
    try:
        parts = [b"" if path is None else _content(path) for path in paths]
    except OSError:
        return "missing"
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def _content(path: Path) -> bytes:
    """A hash of a file's size and three blocks of it; of a folder its files' names and sizes."""
    if path.is_dir():
        names = sorted((item.name, item.stat().st_size) for item in path.iterdir())
        return hashlib.sha256(repr(names).encode()).digest()
    size = path.stat().st_size
    found = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for start in sorted({0, max(0, size // 2 - BLOCK // 2), max(0, size - BLOCK)}):
            file.seek(start)
            found.update(file.read(BLOCK))
    return found.digest()


def _some(keys: Sequence[str]) -> str:
    shown = ", ".join(keys[:3]) + (", …" if len(keys) > 3 else "")
    return f"{len(keys):,} question{'' if len(keys) == 1 else 's'} ({shown})"
