"""A record as one line of JSON, and back; a run's files of them, read once."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.errors import JournalError
from harness.run.durable import put_in_place
from harness.run.folder import record_files
from harness.run.plain_values import odd, plain
from harness.run.uncollected import uncollected
from harness.types import Question, Record, Response, Score, Usage

DAMAGE = (ValueError, TypeError, KeyError, AttributeError)
"""What reading a line raises that holds no record."""

ZERO = b"\0"
"""Never in a line as it was written (JSON escapes it): a power cut leaves zeros where a file had
grown and its content was not on the disk yet."""


def line(record: Record) -> bytes:
    """A record as it is written. Raises JournalError for what would not come back as it was."""
    try:
        text = _ENCODER.encode(record)
    except (TypeError, ValueError) as error:
        what = odd(record) or str(error)
        raise JournalError(f"question {record.key}: cannot be kept: {what}") from error
    return text.encode("utf-8", "replace") + b"\n"


def record(text: bytes) -> Record:
    """A record from its line. Raises one of ``DAMAGE`` for what was never written as one."""
    value: dict[str, Any] = json.loads(text, parse_constant=refuse_constant)
    question = value["question"]
    question["groups"] = {name: tuple(some) for name, some in question["groups"].items()}
    for key in ("options", "images", "option_images"):
        question[key] = tuple(question[key])
    value["question"] = Question(**question)
    for key in ("frames", "times", "notes"):
        value[key] = tuple(value[key])
    if value["response"]:
        value["response"] = _response(value["response"])
    if value["score"]:
        value["score"] = Score(**value["score"])
    return Record(**value)


def refuse_constant(name: str) -> float:
    """For ``json.loads``: NaN and Infinity are not JSON. Raises ValueError."""
    raise ValueError(f"{name} is not JSON")


class RecordFiles:
    """The records of a run folder. Each line is read once, however often they are asked for: files
    only grow, or are replaced whole."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files: dict[str, _File] = {}

    def read(self) -> list[Record]:
        """Every record as it is now, file by file in the order written; the last one for a question
        wins, but an answer outlives a failure that another worker's file holds.

        A torn last line, and lines of zeros, were never written. Raises JournalError for any other
        damaged line.
        """
        latest: dict[str, Record] = {}
        paths = record_files(self.folder)
        for gone in self._files.keys() - {path.name for path in paths}:
            del self._files[gone]
        with uncollected():
            for path in paths:
                for found in self._file(path).records:
                    known = latest.get(found.key)
                    if known is None or known.status == "failed" or found.status != "failed":
                        latest[found.key] = found
        return list(latest.values())

    def lines(self) -> int:
        """How many lines there were when they were last read."""
        return sum(file.lines for file in self._files.values())

    def whole(self, records: int) -> bool:
        """Whether so many records, and nothing else, lay in one file when they were last read."""
        (file, *others) = self._files.values() or (_File(),)
        return not others and "records-0.jsonl" in self._files and file.lines == records

    def _file(self, path: Path) -> _File:
        with path.open("rb") as opened:
            inode = os.fstat(opened.fileno()).st_ino
            known = self._files.get(path.name)
            if known is None or known.inode != inode:
                known = self._files[path.name] = _File(inode)
            opened.seek(known.end)
            for text in opened:
                if not text.endswith(b"\n"):
                    break
                try:
                    if ZERO not in text:
                        known.records.append(record(text))
                except DAMAGE as error:
                    if not opened.read(1):
                        break
                    raise JournalError(
                        f"{path}:{known.lines + 1}: damaged record ({error}); delete the line to "
                        "have its question asked again"
                    ) from error
                known.lines += 1
                known.end += len(text)
        return known


@dataclass
class _File:
    """One file as far as it was read: up to byte ``end``."""

    inode: int = 0
    end: int = 0
    lines: int = 0
    records: list[Record] = field(default_factory=list)


def mend(path: Path) -> None:
    """Takes out of a file what a kill or a power cut left there: a torn last line, lines of zeros.
    Their questions are asked again. Raises OSError."""
    content = path.read_bytes() if path.exists() else b""
    end = content.rfind(b"\n") + 1
    if ZERO in content[:end]:
        lines = content[:end].split(b"\n")[:-1]
        mended = path.with_name(f".{path.name}.mended")
        mended.write_bytes(b"".join(text + b"\n" for text in lines if ZERO not in text))
        put_in_place(mended, path)
        mend(path)
        return
    start = content.rfind(b"\n", 0, max(end - 1, 0)) + 1
    try:
        if end:
            record(content[start:end])
    except DAMAGE:
        end = start
    if end < len(content):
        os.truncate(path, end)


def _response(value: dict[str, Any]) -> Response:
    value["usage"] = Usage(**value["usage"]) if value.get("usage") else None
    for name in ("told_times", "notes"):
        value[name] = tuple(value.get(name, ()))
    return Response(**value)


def _plain(value: Any) -> Any:
    """A value that JSON does not know as one that it does. Raises TypeError."""
    return vars(value) if type(value) in _NOUNS else plain(value)  # the fields in their order


_NOUNS = (Record, Question, Response, Usage, Score)
_ENCODER = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, default=_plain, check_circular=False
)
