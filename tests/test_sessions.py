"""What a run says of itself that no record holds, over all of its sessions."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config import compose
from harness.run import loop, workers
from harness.run.loop import run
from harness.run.request import Request
from harness.run.sessions import sessions
from harness.run.waiting import NAME, waited_in_all
from harness.types import Clip, Record


def request(results: Path, *words: str) -> Request:
    fake = ["backend=fake", "backend.rule=hash", "video.workers=0", "limit=6"]
    return compose([*fake, f"results={results}", *words])


def quiet(line: str) -> None:
    pass


class Half:
    """Ends a run after so many records."""

    def __init__(self, records: int) -> None:
        self.left = records

    def arrange(self, clips: list[Clip]) -> list[Clip]:
        return clips

    def enough(self, record: Record) -> bool:
        self.left -= 1
        return self.left <= 0


def test_a_resumed_run_waited_as_long_as_all_of_its_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = workers.Driver.ended
    monkeypatch.setattr(workers.Driver, "ended", lambda self, n, waited: ended(self, n, 1.5))
    asked = request(tmp_path)
    assert run(asked, quiet, progress=False, stopping=Half(3)).summary.waited == 1.5
    whole = run(asked, quiet, progress=False)
    assert (whole.summary.n, whole.summary.waited) == (18, 3.0)
    (whole.folder / "summary.json").unlink()  # as it is where a label changed
    assert run(asked, quiet, progress=False).summary.waited == 3.0, "nothing was left to ask"


def test_what_only_a_summary_says_is_kept_when_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = workers.Driver.ended
    monkeypatch.setattr(workers.Driver, "ended", lambda self, n, waited: ended(self, n, 1.5))
    folder = run(request(tmp_path), quiet, progress=False, stopping=Half(3)).folder
    (folder / NAME).unlink()  # as a version without it left the run
    assert run(request(tmp_path), quiet, progress=False).summary.waited == 3.0


def test_shards_wait_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = workers.Driver.ended
    monkeypatch.setattr(workers.Driver, "ended", lambda self, n, waited: ended(self, n, 1.5))
    for shard in ("0/2", "1/2"):
        outcome = run(replace(request(tmp_path), shard=shard), quiet, progress=False)
    assert outcome.summary.waited == 3.0


def test_a_run_of_before_and_a_torn_line(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps({"waited": 2.0}))
    assert waited_in_all(tmp_path, 0.5) == 2.5
    with (tmp_path / NAME).open("a") as file:
        file.write('{"waited": NaN}\n{"ended": "2026')
    assert waited_in_all(tmp_path, 0.0) == 2.5
    assert waited_in_all(tmp_path, 1.0) == 3.5


def test_a_session_under_other_packages_says_so_and_keeps_its_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    first = run(request(tmp_path), quiet, progress=False, stopping=Half(3))
    monkeypatch.setattr(loop, "_version", lambda package: "9.9")
    run(request(tmp_path), told.append, progress=False)
    (line,) = [
        line for line in told if line.startswith("resumed elsewhere than it began: packages")
    ]
    assert "now '9.9'" in line
    one, two = sessions(first.folder)
    assert (one["kept"], two["kept"] > 0) == (0, True)
    assert set(two["environment"]["packages"].values()) == {"9.9"}
    assert "9.9" not in (first.folder / "request.json").read_text()
    assert line in (first.folder / "run.log").read_text()


def test_a_complete_run_is_not_planned_again(tmp_path: Path) -> None:
    told: list[str] = []
    run(request(tmp_path), told.append, progress=False)
    assert any("frames each" in line for line in told)
    told.clear()
    run(request(tmp_path), told.append, progress=False)
    assert told == ["18 questions answered already: nothing left to ask"]
    assert len(sessions(request(tmp_path).folder())) == 1
