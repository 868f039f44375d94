"""Nothing lost: torn lines, another's folder, two owners, a full disk, hostile text."""

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import JournalError
from harness.run.journal import (
    Appender,
    Journal,
    difference,
    read_json,
    read_records,
    write_atomically,
)
from harness.run.scoring import rewrite
from harness.types import Question, Record, Response, Score, Usage

REQUEST = {
    "id": "abc",
    "task": "demo",
    "model": "fake",
    "frames": 8,
    "environment": {"python": "3"},
}


HOSTILE = Response("q2", '<b>"\x00\n', probabilities={"A": 0.25}, told_times=("<0.5 s>",))


def record(id: str = "q1", **changes: object) -> Record:
    whole = Record(
        question=Question(id, "Which?", ("red", "blue"), "B", {"duration": ("short",)}),
        video="v",
        prompt="user: <video>",
        frames=(0, 3),
        times=(0.0, 0.1),
        response=Response(id, "B", usage=Usage(12, 1, 4), seconds=0.5),
        score=Score({"accuracy": 1.0}, "B"),
        status="scored",
        subtitles=2,
        asked="0-0",
    )
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def test_what_is_appended_is_read_back_whole(tmp_path: Path) -> None:
    written = [record("q1"), record("q2", response=HOSTILE)]
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        for item in written:
            records.append(item)
        assert read_records(tmp_path) == written, "readable while the run still goes on"
    assert len((tmp_path / "records-0.jsonl").read_bytes().splitlines()) == 2


def test_the_last_record_for_a_question_wins(tmp_path: Path) -> None:
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        records.append(record(status="failed", response=None, score=None, reason="out of memory"))
        records.append(record())
    assert read_records(tmp_path) == [record()]


@pytest.mark.parametrize("cut", [1, 5, 40, 200])
def test_a_torn_last_line_is_cut_off_before_the_next_append(tmp_path: Path, cut: int) -> None:
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        records.append(record("q1"))
        records.append(record("q2"))
    path = tmp_path / "records-0.jsonl"
    whole = path.read_bytes()
    os.truncate(path, len(whole) - cut)
    assert [r.question.id for r in read_records(tmp_path)] == ["q1"]
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        records.append(record("q2"))
    assert path.read_bytes() == whole


def test_a_line_of_zeros_as_a_power_cut_leaves_it_is_cut_off(tmp_path: Path) -> None:
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        records.append(record("q1"))
    path = tmp_path / "records-0.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b"\x00" * 50 + b"\n")
    assert [r.question.id for r in read_records(tmp_path)] == ["q1"]
    with Journal(tmp_path, REQUEST):
        pass
    assert path.read_bytes() == whole


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        records.append(record("q1"))
        records.append(record("q2"))
    path = tmp_path / "records-0.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"q1"', b'"q1'))
    with pytest.raises(JournalError, match=r"records-0.jsonl:1: damaged record"):
        read_records(tmp_path)


def test_nan_is_neither_written_nor_read(tmp_path: Path) -> None:
    with Appender(tmp_path) as records, pytest.raises(JournalError, match=r"q1: .*accuracy is nan"):
        records.append(record(score=Score({"accuracy": float("nan")})))
    path = tmp_path / "summary.json"
    path.write_text('{"accuracy": NaN}')
    with pytest.raises(JournalError, match="NaN is not JSON"):
        read_json(path)


def test_a_folder_of_another_request_is_refused_with_the_difference(tmp_path: Path) -> None:
    with Journal(tmp_path, REQUEST):
        pass
    resumed = {**REQUEST, "environment": {"python": "4"}}
    with Journal(tmp_path, resumed):
        pass  # another machine, the same request
    with (
        pytest.raises(JournalError, match="frames: 8, not 16"),
        Journal(tmp_path, {**REQUEST, "frames": 16}),
    ):
        pass


def test_the_second_of_two_runs_says_so_and_stops(tmp_path: Path) -> None:
    second = (
        "import sys, json; from pathlib import Path; from harness.run.journal import Journal\n"
        "from harness.errors import JournalError\n"
        "try:\n    Journal(Path(sys.argv[1]), json.loads(sys.argv[2])).__enter__()\n"
        "except JournalError as error: print(error)\n"
    )
    command = [sys.executable, "-c", second, str(tmp_path), json.dumps(REQUEST)]
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        records.append(record())
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "another process is running this same request" in said
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == "", "the lock is free again"


def test_a_disk_that_is_full_loses_only_the_line_being_written(tmp_path: Path) -> None:
    fill = (
        "import sys, resource; from pathlib import Path\n"
        "from harness.run.journal import Appender, Journal\n"
        "from harness.errors import JournalError; from tests.test_journal import REQUEST, record\n"
        "folder = Path(sys.argv[1])\n"
        "with Journal(folder, REQUEST), Appender(folder) as records:\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\n"
        "    try:\n        for n in range(9): records.append(record(f'q{n}'))\n"
        "    except JournalError as error: print(n, error)\n"
    )
    command = [sys.executable, "-c", fill, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    written = int(said.split()[0])
    assert "cannot write (File too large); free some space and run the same command again" in said
    assert (tmp_path / "records-0.jsonl").stat().st_size == 2000, "a torn line is there"
    assert len(read_records(tmp_path)) == written > 0
    with Journal(tmp_path, REQUEST), Appender(tmp_path) as records:
        records.append(record("last"))
    assert [r.question.id for r in read_records(tmp_path)][-1] == "last"
    assert len(read_records(tmp_path)) == written + 1


def test_an_answer_outlives_a_failure_in_another_workers_file(tmp_path: Path) -> None:
    failure = record(status="failed", response=None, score=None, reason="out of memory")
    for worker, item in ((0, record()), (1, failure)):
        with Appender(tmp_path, worker) as records:
            records.append(item)
    assert read_records(tmp_path) == [record()]


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    write_atomically(path, "one")
    with pytest.raises(JournalError):
        write_atomically(tmp_path / "no" / "summary.json", "two")
    assert path.read_text() == "one"
    assert [p.name for p in tmp_path.iterdir()] == ["summary.json"]


def test_difference_names_every_place() -> None:
    assert difference({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}) == "a.b: 1, not 3"
    assert difference({"a": 1}, {}) == "a: 1, not None"
    assert difference({"a": 1}, {}, ("baseline", "run")) == "a: baseline 1, run None"
    hashes = difference({"a": "sha256:" + "0" * 64}, {"a": "1" * 64})
    assert hashes == f"a: 'sha256:{'0' * 12}…', not '{'1' * 12}…'"
    many = {str(n): n for n in range(9)}
    assert difference(many, {}, most=2) == "0: 0, not None; 1: 1, not None; and 7 more"


@pytest.mark.parametrize("name", ["records-3.jsonl", "summary.json", "run.log", ".lock-2"])
@pytest.mark.parametrize("kind", ["folder", "broken link", "loop of links", "pipe"])
def test_what_is_no_file_in_a_files_place_is_named_before_anything_is_asked(
    name: str, kind: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    said = {"folder": "a folder and no file", "pipe": "no regular file"}
    match kind:
        case "folder":
            path.mkdir()
        case "broken link":
            path.symlink_to("nowhere")
        case "loop of links":
            path.symlink_to(name)
        case "pipe":
            os.mkfifo(path)
    message = f"{path}: is {said.get(kind, 'a link that leads to no file')}; move it away and run"
    with pytest.raises(JournalError, match=re.escape(message)):
        Journal(tmp_path, {}).__enter__()
    if name.startswith("records"):
        with pytest.raises(JournalError, match=re.escape(message)):
            read_records(tmp_path)


def test_a_copy_of_records_beside_them_is_neither_read_nor_removed(tmp_path: Path) -> None:
    path = tmp_path / "records-0.jsonl"
    with Journal(tmp_path, {}), Appender(tmp_path) as records:
        records.append(record("q1"))
    copy = tmp_path / "records-0 (copy).jsonl"
    copy.write_bytes(path.read_bytes().replace(b'"q1"', b'"q2"'))
    (found,) = read_records(tmp_path)
    rewrite(tmp_path, [found])
    assert found.question.id == "q1"
    assert copy.exists()
