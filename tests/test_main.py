"""The command as users type it, on the built-in benchmark with the fake backend."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import harness.demo
from harness.__main__ import main
from harness.run.journal import read_records

FAKE = ["backend=fake", "backend.rule=right:0.7", "video.workers=0"]
DATA = Path(harness.demo.__path__[0]) / "data"


def harness_(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "harness", *words],
        cwd=folder, capture_output=True, text=True, env={**os.environ, **environment},
    )  # fmt: skip


def only_run(folder: Path) -> Path:
    (request,) = (folder / "results").rglob("request.json")
    return request.parent


def summary(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((only_run(folder) / "summary.json").read_text())
    return found


def test_help_is_one_screen_and_needs_neither_torch_nor_hydra() -> None:
    code = (
        "import sys; sys.argv = ['harness', '--help']; from harness.__main__ import main; main(); "
        "assert not {'torch', 'transformers', 'hydra', 'pandas', 'av'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = said.stdout.splitlines()
    assert len(lines) <= 60
    for choice in ("tiny_video", "llava_next_video_34b_dpo", "videomme/subtitles", "midpoints"):
        assert choice in said.stdout


def test_a_run_writes_its_folder_and_prints_the_table(tmp_path: Path) -> None:
    ran = harness_(*FAKE, "limit=6", folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    run = only_run(tmp_path)
    assert run.parts[-3:-1] == ("demo", "fake")
    records = read_records(run)
    assert len(records) == 18
    assert summary(tmp_path)["n"] == 18
    first = records[0]
    assert len(first.frames) == len(first.times) == 8
    assert first.prompt.startswith("user: <video>Select the best answer")
    assert {"fake", "short", "medium", "long", "±"} <= set(ran.stdout.split())
    for name in ("leaderboard.md", "leaderboard.csv"):
        assert "fake" in (tmp_path / "results" / name).read_text()


def test_the_whole_of_a_limit_is_stratified(tmp_path: Path) -> None:
    harness_(*FAKE, "limit=9", folder=tmp_path)
    records = read_records(only_run(tmp_path))
    by_duration = [record.groups["duration"] for record in records]
    assert {by_duration.count(value) for value in ("short", "medium", "long")} == {9}
    assert len({record.groups["task_type"] for record in records}) >= 7


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("task=demoo", "task=demoo: no such task; nearest: demo"),
        ("model=tiny_vidoe", "model=tiny_vidoe: no such model; nearest: tiny_video"),
        ("fames=8", "fames: no such key; nearest: frames"),
        ("video.sise=full", "video.sise: no such key; nearest: video.size"),
        ("frames=many", "frames: Value 'many' of type 'str' could not be converted to Integer"),
        ("frames=0", "frames=0: write 1 or more"),
        ("control=blnk", "control=blnk: no such control; nearest: blank"),
        ("task.reader=vidoemme", "vidoemme"),
        ("video.size=large", "video.size='large': write full | model"),
        ("sampling.rule=linspce", "linspace"),
        ("data=/nowhere/at/all", "/nowhere/at/all"),
        ("model=../../etc", "model=../../etc: no such model"),
        ("model.name=../../etc", "a name has letters, digits, _ - . and / only"),
        ("frames", "frames"),
    ],
)
def test_bad_input_is_one_line_without_a_traceback(
    word: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["harness", "backend=fake", word])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("harness: ")
    assert said in lines[0]


def test_an_unreadable_video_costs_its_own_questions_and_can_be_mended(tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(DATA, data)
    broken = sorted((data / "videos").iterdir())[0]
    whole = broken.read_bytes()
    broken.write_bytes(b"<html>404</html>")
    ran = harness_(*FAKE, f"data={data}", folder=tmp_path)
    assert ran.returncode == 1
    assert "3 of " in ran.stderr
    assert broken.name in ran.stderr
    assert summary(tmp_path)["failed"] == 3
    assert "fake (incomplete)" in ran.stdout
    assert harness_(*FAKE, f"data={data}", "allow_failures=true", folder=tmp_path).returncode == 0
    broken.write_bytes(whole)
    kept = harness_(*FAKE, f"data={data}", "retry_failures=false", folder=tmp_path)
    assert kept.returncode == 1
    assert summary(tmp_path)["failed"] == 3
    assert harness_(*FAKE, f"data={data}", folder=tmp_path).returncode == 0
    assert summary(tmp_path)["failed"] == 0


def test_ctrl_c_says_how_to_resume_and_resuming_asks_only_the_rest(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "harness", *FAKE, "backend.delay=0.05"]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.rglob("records-0.jsonl")):
            time.sleep(0.05)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "Run the same command again to resume" in said
    assert "Traceback" not in said
    before = (only_run(tmp_path) / "records-0.jsonl").read_bytes()
    assert 0 < len(before.splitlines()) < 198
    assert harness_(*FAKE, folder=tmp_path).returncode == 0
    after = (only_run(tmp_path) / "records-0.jsonl").read_bytes()
    assert after.startswith(before)
    questions = [json.loads(line)["question"] for line in after.splitlines()]
    assert len(questions) == len(set(questions)) == summary(tmp_path)["n"]


def test_a_sweep_ranks_its_runs_best_first(tmp_path: Path) -> None:
    words = ("-m", "backend=fake", "video.workers=0", "limit=6", "backend.rule=first,gold")
    ran = harness_(*words, folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert len(list((tmp_path / "results").rglob("summary.json"))) == 2
    table = (tmp_path / "results" / "leaderboard.md").read_text()
    rows = [line for line in table.splitlines() if "fake" in line]
    assert "100.0" in rows[0]


@pytest.mark.parametrize("words", [("workers=3",), ("video.workers=1",), ("video.in_flight=1",)])
def test_results_do_not_depend_on_how_many_work(words: tuple[str, ...], tmp_path: Path) -> None:
    for folder, more in ((tmp_path / "one", ()), (tmp_path / "other", words)):
        folder.mkdir()
        ran = harness_("backend=fake", "backend.rule=hash", "limit=9", *more, folder=folder)
        assert ran.returncode == 0, ran.stderr
    one, other = (
        {record.question: record for record in read_records(only_run(tmp_path / name))}
        for name in ("one", "other")
    )
    assert one == other
    assert only_run(tmp_path / "one").name == only_run(tmp_path / "other").name
