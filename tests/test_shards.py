"""A run in shards: array jobs that write into one folder, killed and repeated as they come."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config import compose
from harness.errors import JournalError, RequestError
from harness.run.journal import Journal
from harness.run.loop import describe, run
from harness.run.questions import prepared
from harness.run.request import Request


def request(results: Path, *words: str) -> Request:
    fake = ["backend=fake", "backend.rule=hash", "video.workers=0", "limit=7"]
    return compose([*fake, f"results={results}", *words])


def quiet(line: str) -> None:
    pass


def folder(results: Path) -> Path:
    (path,) = results.rglob("request.json")
    return path.parent


def lines(results: Path) -> list[str]:
    return sorted(
        line
        for path in folder(results).glob("records-*.jsonl")
        for line in path.read_text().splitlines()
    )


def summary(results: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder(results) / "summary.json").read_text())
    return found | {"seconds": 0, "waited": 0}


def test_shards_together_are_the_whole_run(tmp_path: Path) -> None:
    run(request(tmp_path / "whole"), quiet, progress=False)
    for shard in ("2/3", "0/3", "1/3"):
        outcome = run(request(tmp_path / "parts", f"shard={shard}"), quiet, progress=False)
        assert outcome.summary.complete == (shard == "1/3")
    assert folder(tmp_path / "parts").name == folder(tmp_path / "whole").name
    assert lines(tmp_path / "parts") == lines(tmp_path / "whole")
    assert summary(tmp_path / "parts") == summary(tmp_path / "whole")
    assert [p.name for p in folder(tmp_path / "parts").glob("records-*")] == ["records-0.jsonl"]


def test_a_shard_may_be_repeated_and_the_rest_done_by_the_whole(tmp_path: Path) -> None:
    run(request(tmp_path / "whole"), quiet, progress=False)
    for _ in range(2):
        run(request(tmp_path / "parts", "shard=1/4"), quiet, progress=False)
    told: list[str] = []
    run(request(tmp_path / "parts"), told.append, progress=False)
    assert any("6 of 21 questions already answered" in line for line in told)
    assert lines(tmp_path / "parts") == lines(tmp_path / "whole")


def test_shards_side_by_side_leave_each_others_files_alone(tmp_path: Path) -> None:
    one = request(tmp_path, "shard=0/2")
    described = describe(one, prepared(one))
    with Journal(one.folder(), described, 0):
        torn = one.folder() / "records-0.jsonl"
        torn.write_bytes(b'{"half a li')
        run(request(tmp_path, "shard=1/2"), quiet, progress=False)
        assert torn.read_bytes() == b'{"half a li', "the other is still writing it"
        assert len((one.folder() / "records-1.jsonl").read_text().splitlines()) == 9
        with pytest.raises(JournalError, match="shard 0 of this request is running"):
            run(request(tmp_path), quiet, progress=False)
        with pytest.raises(JournalError, match="another process is running this same request"):
            run(one, quiet, progress=False)
    run(one, quiet, progress=False)
    assert summary(tmp_path)["n"] == 21


def test_the_whole_run_keeps_shards_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.run.journal.PATIENCE", 0.01)
    whole = request(tmp_path)
    refused = pytest.raises(JournalError, match="is running the whole of this request")
    with Journal(whole.folder(), describe(whole, prepared(whole))), refused:
        run(request(tmp_path, "shard=1/2"), quiet, progress=False)


@pytest.mark.parametrize("shard", ["3", "2/2", "1/0", "a/b", "-1/2"])
def test_a_shard_that_is_none_is_refused(shard: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="shard="):
        replace(request(tmp_path), shard=shard)


def test_a_sweep_by_a_launcher_of_jobs(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    words = ["-m", "hydra/launcher=submitit_local", "backend=fake", "limit=2", "frames=4,8"]
    ran = subprocess.run(
        [sys.executable, "-m", "harness", *words, "video.workers=0"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    shown = [json.loads(path.read_text())["frames"] for path in tmp_path.rglob("summary.json")]
    assert sorted(shown) == [4, 8]


def test_a_killed_shard_is_finished_by_the_same_command_without_it(tmp_path: Path) -> None:
    run(request(tmp_path / "whole"), quiet, progress=False)
    words = ["backend=fake", "backend.rule=hash", "video.workers=0", "limit=7"]
    command = [sys.executable, "-m", "harness", *words, f"results={tmp_path / 'parts'}"]
    slow = [*command, "shard=1/3", "backend.delay=0.3"]
    with subprocess.Popen(slow, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as lost:
        while lost.poll() is None and not list(tmp_path.glob("parts/*/*/*/records-1.jsonl")):
            time.sleep(0.05)
        while lost.poll() is None and len(lines(tmp_path / "parts")) < 2:
            time.sleep(0.05)
        lost.kill()
    kept = len(lines(tmp_path / "parts"))
    assert 2 <= kept < 6
    for shard in ("0/3", "2/3"):
        run(request(tmp_path / "parts", f"shard={shard}"), quiet, progress=False)
    assert summary(tmp_path / "parts")["complete"] is False
    told: list[str] = []
    run(request(tmp_path / "parts"), told.append, progress=False)
    assert any(f"{15 + kept} of 21 questions already answered" in line for line in told)
    assert [p.name for p in folder(tmp_path / "parts").glob("records-*")] == ["records-0.jsonl"]
    assert summary(tmp_path / "parts")["metrics"] == summary(tmp_path / "whole")["metrics"]
