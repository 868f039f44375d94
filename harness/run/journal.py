"""The run folder: a request, and one line per answered question, appended as it is answered.

    results/<task>/<model>/<run id>/
      request.json      what was asked for; a folder made by another request is refused
      records-0.jsonl   one Record per line (one file per shard); the last line for a question wins
      summary.json      derived, can be made again

A kill at any moment costs at most the line being written: a torn last line is cut off before
the next append, and its question is asked again. So are the questions of lines that a power cut
left as zeros.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from harness.errors import JournalError
from harness.names import written
from harness.run.durable import put_in_place
from harness.run.folder import record_files, refuse_odd_entries
from harness.run.record_lines import RecordFiles, line, mend, refuse_constant
from harness.types import Record

PATIENCE = 60.0
"""Seconds that a shard waits for another that is writing the summary."""

MOMENT = 1.0
"""Seconds that a shard waits for its own lock, which others take for a moment to see if it is at
work."""

CIRCUMSTANCES = ("settings", "environment", "questions", "scored_from")
"""What request.json holds beside the identity: it may differ when a run is resumed."""

_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")
_LONGEST = 100  # characters of a value that a message shows


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
        self.records = RecordFiles(folder)

    def __enter__(self) -> Journal:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            refuse_odd_entries(self.folder)
            self._lock.acquire(timeout=0 if self.shard is None else MOMENT)
        except Timeout:
            raise JournalError(
                f"{self.folder}: another process is running this same request; "
                "wait for it, or stop it and run again to resume"
            ) from None
        except OSError as error:
            raise JournalError(f"{self.folder}: cannot write ({error.strerror})") from error
        place = self.folder
        try:
            if self.shard is None:
                self._refuse_shards()
                self._claim()
                paths = record_files(self.folder)
            else:
                self._claim_beside_others()
                paths = [self.folder / f"records-{self.shard}.jsonl"]
            for place in paths:
                mend(place)
        except OSError as error:
            self._lock.release()
            raise JournalError(f"{place}: cannot write ({error.strerror})") from error
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
        left = memoryview(line(record))
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError as error:
            raise JournalError(
                f"{self.path}: cannot write ({error.strerror}); free some space and run the same "
                "command again: what was answered is kept"
            ) from error


def read_records(folder: Path) -> list[Record]:
    """Every record of a run, file by file in the order written; the last one for a question wins.

    Only failures are ever asked again, so an answer outlives a failure that another worker's
    file holds. A torn last line is passed over. Raises JournalError for any other damaged line.
    """
    return RecordFiles(folder).read()


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises JournalError when it is none (NaN is not JSON)."""
    try:
        value = json.loads(path.read_bytes(), parse_constant=refuse_constant)
    except (OSError, ValueError) as error:
        raise JournalError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(value, dict):
        raise JournalError(f"{path}: holds a {type(value).__name__}, not a JSON object")
    return value


def write_atomically(path: Path, text: str) -> None:
    """Replaces a file by way of a temporary one, so that no reader ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")  # on any machine
    try:
        temporary.write_text(text, encoding="utf-8")
        put_in_place(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        advice = "" if path.parent.is_dir() else "; there is no such folder"
        raise JournalError(f"{path}: cannot write ({error.strerror}{advice})") from error


def difference(
    theirs: object,
    ours: object,
    sides: tuple[str, str] | None = None,
    most: int | None = None,
) -> str:
    """Names the places (``most`` of them; None: every one) in which two JSON values differ:
    ``frames: 8, not 16; …``, or with ``sides`` by their names: ``frames: baseline 8, run 16``."""
    found = list(_differing(theirs, ours))
    before, after = (f"{sides[0]} ", f"{sides[1]} ") if sides else ("", "not ")
    named = [
        f"{written(where)}: {before}{_brief(a)}, {after}{_brief(b)}" for where, a, b in found[:most]
    ]
    left = len(found) - len(named)
    return "; ".join([*named, *([f"and {left} more"] if left else [])])


def _differing(theirs: object, ours: object, where: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys()):
            inner = f"{where}.{key}" if where else str(key)
            yield from _differing(theirs.get(key), ours.get(key), inner)
    elif theirs != ours:
        yield where, theirs, ours


def _brief(value: object) -> str:
    """A value on one line: the first twelve digits of a hash, the beginning of what is long."""
    text = _HASH.sub(r"\1…", repr(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _identity(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in CIRCUMSTANCES}
