"""A run watched while it goes on."""

import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli import watch as command
from harness.config import compose
from harness.errors import RequestError
from harness.report import live
from harness.run import sessions
from harness.run.loop import run
from tests.runs import record, records, right, write


def going_on(tmp_path, answers, expected=100):
    run = write(tmp_path, answers, expected=expected)
    (run.folder / "summary.json").unlink()
    return run.folder


def test_the_score_so_far_with_what_is_missing(tmp_path):
    found = live.state(going_on(tmp_path, [*records(30, 0.5), record(30, None)]))
    assert (found.answered, found.expected, found.done) == (31, 100, False)
    assert found.score.n == 30
    assert found.statuses["failed"] == 1
    said = live.line(found, clock=found.written)
    assert "31 of 100 questions" in said
    assert "so far" in said
    assert "1 failed" in said
    assert "a damaged video" in said


def test_responses_that_nobody_scored_yet_are_scored_to_be_shown(tmp_path):
    waiting = [replace(record(i, right(i)), score=None, status="unscored") for i in range(6)]
    folder = going_on(tmp_path, waiting)
    before = (folder / "records-0.jsonl").read_bytes()
    found = live.state(folder)
    assert found.score.value == 1.0
    assert (folder / "records-0.jsonl").read_bytes() == before


def test_a_line_that_is_being_written_is_left_out(tmp_path):
    folder = going_on(tmp_path, records(6))
    with (folder / "records-0.jsonl").open("a") as file:
        file.write('{"question": {"id": "half')
    assert live.state(folder).answered == 6


def test_speed_time_left_and_silence(tmp_path):
    found = live.state(going_on(tmp_path, records(40, 0.5)))
    first = replace(found, answered=20, written=1000.0, started=900.0)
    then = replace(found, answered=40, written=1010.0, started=900.0)
    assert first.speed() == 0.2
    assert then.speed(first) == 2.0
    assert "2 questions/s, 0:00:30 left" in live.line(then, first, clock=1010.0)
    assert "nothing new for 0:02:00" in live.line(then, first, clock=1130.0)
    assert replace(first, started=None).speed() is None


class Looking:
    """Looks at the run from outside, with every record that is written."""

    def __init__(self):
        self.states = []

    def arrange(self, clips):
        return list(clips)

    def enough(self, record):
        (request,) = Path("results").rglob("request.json")
        self.states.append(live.state(request.parent))
        return False


def test_a_resumed_run_is_going_on_again(tmp_path, monkeypatch):
    """All of its questions have a record, two of them of failures that are asked again now."""
    monkeypatch.chdir(tmp_path)
    words = ["task=demo", "backend=fake", "video.workers=0", "limit=2"]
    run(compose([*words, "backend.failures={001-1: busy, 001-2: busy}"]), progress=False)
    (request,) = Path("results").rglob("request.json")
    now = live.state(request.parent)
    assert (now.answered, now.expected, now.done) == (6, 6, True)
    assert now.statuses["failed"] == 2
    looking = Looking()
    run(compose(words), progress=False, stopping=looking)
    one, two = looking.states[-2:]
    assert [(each.answered, each.kept, each.done) for each in (one, two)] == [
        (5, 4, False),
        (6, 4, False),
    ]
    assert (one.statuses["failed"], one.reason) == (0, "")
    assert 0 < two.speed() * (two.written - two.started) < 2.1  # two, and not six
    assert live.state(request.parent).done


def test_a_resumed_run_s_speed_is_that_of_its_latest_session(tmp_path):
    folder = going_on(tmp_path, records(40))
    environment = {"started": "2026-01-01T00:00:00+00:00", "python": "3.11"}
    began = datetime.fromisoformat(environment["started"]).timestamp()
    first = {"started": "2025-12-01T00:00:00+00:00"}
    lines = [
        {"kept": 0, "shard": None, "environment": first},
        {"kept": 30, "shard": None, "environment": environment},
    ]
    (folder / sessions.NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    os.utime(folder / "records-0.jsonl", (began + 20, began + 20))
    assert live.state(folder).speed() == 0.5
    with (folder / sessions.NAME).open("a") as file:  # two at work: whose speed?
        file.write(json.dumps(lines[1] | {"shard": "1/2"}) + "\n")
    assert live.state(folder).speed() is None


def test_an_interval_of_a_run_that_goes_on_is_not_called_final(tmp_path):
    found = live.state(going_on(tmp_path, records(60, 0.5)))
    assert "so far (looked at early: not final)" in live.line(found)
    assert "not final" not in live.line(replace(found, done=True))


def test_watch_ends_with_the_run(tmp_path, capsys, monkeypatch):
    folder = going_on(tmp_path, records(6), expected=6)

    def finish(seconds):
        (folder / "summary.json").write_text(json.dumps({}))

    monkeypatch.setattr("time.sleep", finish)
    assert main(["watch", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith("complete")
    assert "so far" not in lines[1]


def test_once_is_one_line_and_a_wrong_interval_is_refused(tmp_path, capsys):
    folder = going_on(tmp_path, records(6))
    assert command.main([str(folder), "--once"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    with pytest.raises(RequestError, match="--every"):
        main(["watch", str(folder), "--every", "0"])
