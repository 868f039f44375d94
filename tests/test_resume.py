"""Killed anywhere and run again: nothing lost, nothing twice, nothing asked again."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

BACKENDS = {
    # about one second of answering behind about one of starting, killed anywhere in both
    "fake": (["backend=fake", "backend.rule=hash", "backend.delay=0.015", "limit=20"], 50, 2.2),
    "tiny_video": (["model=tiny_video", "limit=12"], 5, 14.0),
}


def start(words: list[str], folder: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "harness", *words, "video.workers=1"],
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def records(folder: Path) -> bytes:
    """What the run's record file holds: b"" before there is one."""
    return b"".join(path.read_bytes() for path in folder.rglob("records-0.jsonl"))


def untimed(lines: bytes) -> list[dict[str, object]]:
    """Records without their seconds, which no two runs share."""
    found = [json.loads(line) for line in lines.splitlines()]
    for record in found:
        if record["response"]:
            del record["response"]["seconds"]
    return found


def responses(lines: bytes) -> list[dict[str, object]]:
    """What was answered, in the order of the file: scores are derived and come later."""
    return [json.loads(line)["response"] for line in lines.splitlines()]


@pytest.mark.parametrize("model", BACKENDS)
def test_killed_anywhere_and_run_again(model: str, tmp_path: Path) -> None:
    words, kills, longest = BACKENDS[model]
    chance = random.Random(7)
    whole = tmp_path / "uninterrupted"
    whole.mkdir()
    with start(words, whole) as process:
        assert process.wait() == 0
    expected = records(whole)
    killed, rounds = 0, 0
    while killed < kills:
        folder = tmp_path / f"killed-{rounds}"
        folder.mkdir(exist_ok=True)
        before = records(folder)
        with start(words, folder) as process:
            try:
                process.wait(chance.uniform(0.1, longest))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                killed += 1
            process.wait()
        after = records(folder)
        kept = responses(before[: before.rfind(b"\n") + 1])
        whole_lines = responses(after[: after.rfind(b"\n") + 1])
        assert whole_lines[: len(kept)] == kept, "a finished record was lost or changed"
        if process.returncode == 0:
            assert after == expected if model == "fake" else untimed(after) == untimed(expected)
            rounds += 1  # the next kills hit a new run
    with start(words, folder) as process:
        assert process.wait() == 0
    assert untimed(records(folder)) == untimed(expected)


def test_a_line_torn_by_a_power_cut_is_asked_again(tmp_path: Path) -> None:
    words, _, _ = BACKENDS["fake"]
    with start([*words, "backend.delay=0"], tmp_path) as process:
        assert process.wait() == 0
    (path,) = tmp_path.rglob("records-0.jsonl")
    whole = path.read_bytes()
    for cut in (1, 17, len(whole) // 2):
        path.write_bytes(whole[:-cut])
        with start([*words, "backend.delay=0"], tmp_path) as process:
            assert process.wait() == 0
        assert path.read_bytes() == whole


def test_dead_model_workers_are_started_again_and_cost_time_only(tmp_path: Path) -> None:
    words = ["backend=fake", "backend.rule=hash", "limit=9", "workers=2"]
    (tmp_path / "alone").mkdir()
    with start(words[:-1], tmp_path / "alone") as process:
        assert process.wait() == 0
    with start([*words, "backend.crash_after=5"], tmp_path) as process:
        _, said = process.communicate()
    assert process.returncode == 0, said
    (summary,) = (tmp_path / "results").rglob("summary.json")
    assert json.loads(summary.read_text())["n"] == 27
    one, other = (untimed(records(tmp_path / f)) for f in ("results", "alone"))
    assert sorted(map(str, one)) == sorted(map(str, other))


def test_a_model_that_dies_at_once_ends_the_run(tmp_path: Path) -> None:
    """A clip whose every question kills is given up; the run says so and can be resumed."""
    words = ["backend=fake", "limit=2", "workers=2"]
    with start([*words, "backend.crash_after=0"], tmp_path) as process:
        _, said = process.communicate()
    assert process.returncode == 1
    assert b"6 of 6 questions failed" in said
    assert b"its clip killed a worker 2 times (exit code -9)" in said
    with start(words, tmp_path) as process:
        assert process.wait() == 0
    (summary,) = tmp_path.rglob("summary.json")
    assert json.loads(summary.read_text())["n"] == 6
