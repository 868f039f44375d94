"""The run folder: a request, and one line per answered question, appended as it is answered.

    results/<task>/<model>/<run id>/
      request.json      what was asked for; a folder made by another request is refused
      records-0.jsonl   one Record per line (one file per shard); the last line for a question wins
      summary.json      derived, can be made again

A kill at any moment costs at most the line being written: a torn last line is cut off before
the next append, and its question is asked again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import JournalError
from harness.run.plain_values import odd, plain
from harness.types import Question, Record, Response, Score, Usage

PATIENCE = 60.0
"""Seconds that a shard waits for another that is writing the summary."""

CIRCUMSTANCES = ("settings", "environment", "questions", "scored_from")
"""What request.json holds beside the identity: it may differ when a run is resumed."""


class Journal:
    """One run folder, owned by one run at a time, or by shards of one.

    ``with Journal(folder, request) as journal:`` takes the folder's lock, refuses a folder that
    belongs to another request, and mends torn lines. Shard number ``shard`` holds a lock of its own
    and mends its own file only, so that several can write into one folder. Raises JournalError.
    """

    def __init__(self, folder: Path, request: Mapping[str, Any], shard: int | None = None) -> None:
        self.folder = folder
        self.request = request
        self.shard = shard
        self._whole = FileLock(folder / ".lock")
        self._lock = self._whole if shard is None else FileLock(folder / f".lock-{shard}")

    def __enter__(self) -> Journal:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise JournalError(
                f"{self.folder}: another process is running this same request; "
                "wait for it, or stop it and run again to resume"
            ) from None
        try:
            if self.shard is None:
                self._refuse_shards()
                self._claim()
                paths = list(self.folder.glob("records-*.jsonl"))
            else:
                self._claim_beside_others()
                paths = [self.folder / f"records-{self.shard}.jsonl"]
            for path in paths:
                _cut_torn_line(path)
        except BaseException:
            self._lock.release()
            raise
        return self

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether no other shard is at work; while the block runs none can start."""
        if self.shard is None:
            yield True
            return
        try:
            self._whole.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield not self._others()
        finally:
            self._whole.release()

    def _others(self) -> list[str]:
        """The names of the shards at work, this one left out."""
        busy = []
        for path in sorted(self.folder.glob(".lock-*")):
            number = path.name.removeprefix(".lock-")
            if number == str(self.shard):
                continue
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
                lock.release()
            except Timeout:
                busy.append(number)
        return busy

    def _refuse_shards(self) -> None:
        if busy := self._others():
            raise JournalError(
                f"{self.folder}: shard {busy[0]} of this request is running; wait for it"
            )

    def _claim_beside_others(self) -> None:
        try:
            self._whole.acquire(timeout=PATIENCE)
        except Timeout:
            raise JournalError(
                f"{self.folder}: another process is running the whole of this request; wait for "
                "it, or stop it and run this shard again"
            ) from None
        try:
            self._claim()
        finally:
            self._whole.release()

    def __exit__(self, *error: object) -> None:
        self._lock.release()

    def _claim(self) -> None:
        """Writes request.json, or checks that the one there is the same request."""
        path = self.folder / "request.json"
        if not path.exists():
            write_atomically(path, json.dumps(self.request, indent=2, ensure_ascii=False) + "\n")
            return
        theirs, ours = _identity(read_json(path)), _identity(json.loads(json.dumps(self.request)))
        if theirs != ours:
            raise JournalError(
                f"{self.folder} belongs to another request ({difference(theirs, ours)}); "
                "choose another results folder, or move that one away"
            )


class Appender:
    """One worker's file of records, in a folder that a Journal holds."""

    def __init__(self, folder: Path, worker: int = 0) -> None:
        self.path = folder / f"records-{worker}.jsonl"
        # unbuffered: a line that could not be written must not wait to fail again on close
        self._file = open(self.path, "ab", buffering=0)  # noqa: SIM115 - closed in __exit__

    def __enter__(self) -> Appender:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def append(self, record: Record) -> None:
        """Writes one record as one line, at once. Raises JournalError when the disk refuses."""
        line = memoryview(_line(record))
        try:
            while line:
                line = line[self._file.write(line) :]
        except OSError as error:
            raise JournalError(
                f"{self.path}: cannot write ({error.strerror}); free some space and run the same "
                "command again: what was answered is kept"
            ) from error


def read_records(folder: Path) -> list[Record]:
    """All records of a run, file by file in the order written; the last one for a question wins.

    Only failures are ever asked again, so an answer outlives a failure that another worker's
    file holds. A torn last line is passed over. Raises JournalError for any other damaged line.
    """
    latest: dict[str, Record] = {}
    for path in sorted(folder.glob("records-*.jsonl")):
        for record in _read_file(path):
            known = latest.get(record.key)
            if known is None or known.status == "failed" or record.status != "failed":
                latest[record.key] = record
    return list(latest.values())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises JournalError when it is none (NaN is not JSON)."""
    try:
        value = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except (OSError, ValueError) as error:
        raise JournalError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(value, dict):
        raise JournalError(f"{path}: holds a {type(value).__name__}, not a JSON object")
    return value


def write_atomically(path: Path, text: str) -> None:
    """Replaces a file by way of a temporary one, so that no reader ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        advice = "" if path.parent.is_dir() else "; there is no such folder"
        raise JournalError(f"{path}: cannot write ({error.strerror}{advice})") from error


def difference(theirs: object, ours: object, where: str = "") -> str:
    """Names every place in which two JSON values differ: ``frames: 8, not 16; …``."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        keys = sorted(theirs.keys() | ours.keys())
        parts = (
            difference(theirs.get(key), ours.get(key), f"{where}.{key}" if where else str(key))
            for key in keys
        )
        return "; ".join(part for part in parts if part)
    return "" if theirs == ours else f"{where}: {theirs!r}, not {ours!r}"


def _identity(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in CIRCUMSTANCES}


def _line(record: Record) -> bytes:
    """A record as it is written. Raises JournalError for what would not come back as it was."""
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, default=plain)
    except (TypeError, ValueError) as error:
        what = odd(record) or str(error)
        raise JournalError(f"question {record.key}: cannot be kept: {what}") from error
    return text.encode("utf-8", "replace") + b"\n"


def _read_file(path: Path) -> Iterator[Record]:
    lines = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines[:-1], start=1):
        try:
            yield _record(json.loads(line, parse_constant=_refuse_constant))
        except (ValueError, TypeError, KeyError) as error:
            last = number == len(lines) - 1 and not lines[-1]
            if last:  # a power cut can leave a full-length line of zeros
                return
            raise JournalError(
                f"{path}:{number}: damaged record ({error}); delete the line to have its "
                "question asked again"
            ) from error


def _record(value: dict[str, Any]) -> Record:
    question = dict(value["question"])
    question["groups"] = {k: tuple(v) for k, v in question["groups"].items()}
    for key in ("options", "images", "option_images"):
        question[key] = tuple(question[key])
    known = {**value, "question": Question(**question)}
    for key in ("frames", "times", "notes"):
        known[key] = tuple(known[key])
    if known["response"]:
        known["response"] = _response(known["response"])
    if known["score"]:
        known["score"] = Score(**known["score"])
    return Record(**known)


def _response(value: dict[str, Any]) -> Response:
    usage = Usage(**value["usage"]) if value.get("usage") else None
    lists = {name: tuple(value.get(name, ())) for name in ("told_times", "notes")}
    return Response(**{**value, "usage": usage, **lists})


def _cut_torn_line(path: Path) -> None:
    """Cuts the file after its last whole record."""
    if not path.exists():
        return
    content = path.read_bytes()
    keep = content.rfind(b"\n") + 1
    start = content.rfind(b"\n", 0, max(keep - 1, 0)) + 1
    try:
        if keep:
            json.loads(content[start:keep])
    except ValueError:
        keep = start
    if keep < len(content):
        os.truncate(path, keep)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
