"""What a kill, a power cut or a full disk can leave, at any byte; files that are read once."""

import errno
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from harness.errors import JournalError
from harness.run import durable, journal, record_lines
from harness.run.journal import Appender, Journal, read_records, write_atomically
from harness.run.record_lines import RecordFiles, line
from harness.run.scoring import rewrite
from tests.test_journal import REQUEST, record

TWO = [record("q1"), record("q2")]
WHOLE = b"".join(map(line, TWO))
FILE = "records-0.jsonl"


def test_cut_off_at_any_byte_the_lines_before_it_stay_and_the_rest_is_asked_again(
    tmp_path: Path,
) -> None:
    first, path = len(line(TWO[0])), tmp_path / FILE
    for cut in range(len(WHOLE)):
        path.write_bytes(WHOLE[:cut])
        kept = TWO[: (cut >= first)]
        assert read_records(tmp_path) == kept
        with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
            for again in TWO[len(kept) :]:
                records.append(again)
        assert path.read_bytes() == WHOLE


@pytest.mark.parametrize("start", [0, 10, len(line(TWO[0])) - 1, len(line(TWO[0])), 900])
def test_zeros_anywhere_cost_the_lines_that_they_are_in(tmp_path: Path, start: int) -> None:
    """Where the file had grown and its content was not on the disk yet."""
    path = tmp_path / FILE
    zeros = b"\0" * 64
    path.write_bytes(WHOLE[:start] + zeros + WHOLE[start + 64 :] + line(record("q3")))
    kept = [found.key for found in read_records(tmp_path)]
    assert kept[-1] == "q3"
    assert len(kept) < 3
    with Journal(tmp_path, REQUEST):
        assert [found.key for found in read_records(tmp_path)] == kept
    assert b"\0" not in path.read_bytes()


def test_zeros_at_the_end_without_a_line_end_are_cut_off(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(WHOLE + b"\0" * 4096)
    assert read_records(tmp_path) == TWO
    with Journal(tmp_path, REQUEST):
        pass
    assert (tmp_path / FILE).read_bytes() == WHOLE


def test_a_last_line_that_is_json_and_no_record_is_cut_off_before_the_next(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(WHOLE + b'{"question": {"id": "q3", "groups": []}}\n')
    assert read_records(tmp_path) == TWO
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        records.append(record("q3"))
    assert len(read_records(tmp_path)) == 3


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a power cut leaves an empty file under the name, and the old records nowhere."""
    happened: list[str] = []
    sync, move = os.fsync, os.replace
    monkeypatch.setattr(durable.os, "fsync", lambda file: (happened.append("sync"), sync(file)))
    monkeypatch.setattr(durable.os, "replace", lambda a, b: (happened.append("move"), move(a, b)))
    write_atomically(tmp_path / "summary.json", "{}")
    rewrite(tmp_path, TWO)
    assert happened == ["sync", "move", "sync"] * 2


def test_a_disk_that_is_full_while_records_are_rewritten_keeps_the_old_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE).write_bytes(WHOLE)
    (tmp_path / "records-1.jsonl").write_bytes(line(record("q3")))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(JournalError, match=r"cannot write \(No space left on device\); free"):
        rewrite(tmp_path, TWO[:1])
    assert sorted(path.name for path in tmp_path.iterdir()) == [FILE, "records-1.jsonl"]
    assert len(read_records(tmp_path)) == 3


def test_a_run_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("a file")
    with (
        pytest.raises(JournalError, match="cannot write"),
        Journal(tmp_path / "results/x", REQUEST),
    ):
        pass


def test_a_shard_is_not_refused_while_another_looks_whether_it_is_at_work(tmp_path: Path) -> None:
    look = FileLock(tmp_path / ".lock-1", thread_local=False)
    look.acquire()

    def let_go() -> None:
        time.sleep(0.2)
        look.release()

    letting = threading.Thread(target=let_go)
    letting.start()
    with Journal(tmp_path, REQUEST, 1):
        letting.join()


def test_a_line_is_read_once_and_what_is_added_or_replaced_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[bytes] = []
    parse = record_lines.record

    def counted(text: bytes) -> Any:
        read.append(text)
        return parse(text)

    monkeypatch.setattr(record_lines, "record", counted)
    files, other = RecordFiles(tmp_path), tmp_path / "records-1.jsonl"
    (tmp_path / FILE).write_bytes(WHOLE)
    assert files.read() == TWO
    assert files.whole(2)
    with other.open("wb") as beside:
        beside.write(line(record("q3"))[:50])
        beside.flush()
        assert files.read() == TWO
        assert not files.whole(2)
        beside.write(line(record("q3"))[50:])
    assert [found.key for found in files.read()] == ["q1", "q2", "q3"]
    assert len(read) == 3
    rewrite(tmp_path, TWO[:1])
    assert files.read() == TWO[:1]
    assert files.whole(1)


def test_two_records_of_one_question_are_not_whole(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(WHOLE + line(TWO[0]))
    files = RecordFiles(tmp_path)
    assert len(files.read()) == 2
    assert not files.whole(2)
    assert journal.read_records(tmp_path) == files.read()
