"""The command as users type it, on the built-in benchmark with the fake model."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import harness.demo
from harness.cli import COMMANDS, main
from harness.cli.ending import ended
from harness.cli.helping import by_size
from harness.errors import HarnessError
from harness.overrides import GROUPS, choices, described
from harness.run.journal import read_records

FAKE = ("backend=fake", "backend.rule=right:0.7", "video.workers=0")
DATA = Path(harness.demo.__path__[0]) / "data"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def ran(*words: str) -> Ran:
        capsys.readouterr()
        return Ran(ended(lambda: main(words)), *capsys.readouterr())

    return ran


def only_run(folder: Path = Path()) -> Path:
    (request,) = (folder / "results").rglob("request.json")
    return request.parent


def summary(folder: Path = Path()) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((only_run(folder) / "summary.json").read_text())
    return found


def test_help_is_one_screen_and_needs_neither_torch_nor_hydra() -> None:
    code = (
        "import sys; from harness.cli import main; main(['--help']); "
        "assert not {'torch', 'transformers', 'hydra', 'pandas', 'av'} & set(sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert len(said.stdout.splitlines()) <= 90
    for word in ("tiny_video", "llava_next_video_34b_dpo", "midpoints", *COMMANDS):
        assert word in said.stdout


def test_help_of_a_group_says_what_each_name_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help", "task"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = {line.split()[0]: line.partition(" ")[2].strip() for line in lines}
    assert found["demo/subtitles"].startswith("The built-in benchmark with the subtitles")
    assert all(found.values())
    assert main(["model", "--help"]) == 0
    assert "llava_next_video_34b_dpo" in capsys.readouterr().out
    with pytest.raises(HarnessError, match="--help tsak: no such group or name; nearest: task"):
        main(["--help", "tsak"])


def test_help_of_a_name_or_a_setting_says_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("videomme", "task/videomme", "task=videomme"):
        assert main(["--help", word]) == 0
        first, *others = capsys.readouterr().out.splitlines()
        assert first.split() == ["task=videomme", "Video-MME,", "official", "protocol"]
        assert any(line.startswith("task=videomme/subtitles ") for line in others)
        assert not any(line.startswith("task=videomme_v2") for line in others)
    assert main(["--help", "video.decoder"]) == 0
    assert "decoder: pyav        # pyav | torchcodec" in capsys.readouterr().out
    with pytest.raises(HarnessError, match="no such group or name; nearest: videomme"):
        main(["--help", "videome"])
    with pytest.raises(HarnessError, match="--help gate: a command: write harness gate --help"):
        main(["--help", "gate"])


def test_what_a_name_is_said_to_be_is_not_cut_within_brackets() -> None:
    for group in GROUPS:
        for name in choices(group):
            said = described(group, name)
            assert said.count("(") == said.count(")"), (group, name, said)


def test_models_that_differ_in_size_are_one_word_of_the_help() -> None:
    names = ["a_2b", "a_7b", "b", "b_34b", "c_v_7b"]
    assert by_size(names) == ["a_{2b,7b}", "b b_34b", "c_v_7b"]
    versions = ["q2_5_3b", "q2_5_7b", "q3_0_8b", "q3_27b", "q3_5_0_8b", "q3_5_9b", "g_26b_a4b"]
    assert by_size(versions) == ["q2_5_{3b,7b}", "q3_{0_8b,27b}", "q3_5_{0_8b,9b}", "g_26b_a4b"]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    code: object = None
    try:
        code = main([name, "--help"])
    except SystemExit as error:
        code = error.code
    assert code == 0
    assert "harness" in capsys.readouterr().out


def test_old_module_names_are_the_same_commands() -> None:
    words = [sys.executable, "-m", "harness.leaderboard", "--help"]
    said = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "usage: harness leaderboard" in said.stdout


def test_a_run_writes_its_folder_and_prints_its_own_line(run: Any) -> None:
    ran = run(*FAKE, "limit=6")
    assert ran.code == 0, ran.err
    place = only_run()
    assert place.parts[-3:-1] == ("demo", "fake")
    records = read_records(place)
    assert len(records) == summary()["n"] == 18
    assert len(records[0].frames) == len(records[0].times) == 8
    assert records[0].prompt.startswith("user: <video>Select the best answer")
    line, folder = ran.out.strip().splitlines()[-2:]
    assert re.fullmatch(r"fake on demo, 8 frames: [\d.]+ \[[\d.]+, [\d.]+\], 18 questions", line)
    assert folder == str(place)
    for name in ("leaderboard.md", "leaderboard.csv"):
        assert "fake" in Path("results", name).read_text()


def test_a_resumed_run_says_what_was_kept_and_a_finished_one_that_it_is(run: Any) -> None:
    run(*FAKE, "limit=4")
    records = only_run() / "records-0.jsonl"
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join(lines[:5]))
    assert "5 of 12 questions already answered" in run(*FAKE, "limit=4").out
    again = run(*FAKE, "limit=4")
    assert again.code == 0
    assert "nothing left to ask" in again.out


def test_a_run_ends_with_the_ranking_that_it_stands_in_and_no_other(run: Any) -> None:
    run(*FAKE, "limit=2")
    run(*FAKE, "limit=2", "control=blank")
    out = run(*FAKE, "limit=3").out
    titles = [line for line in out.splitlines() if line.startswith("demo")]
    assert titles == ["demo · limit=3"]
    again = run(*FAKE, "limit=2").out
    assert [line for line in again.splitlines() if line.startswith("demo")] == ["demo · limit=2"]
    assert "visual gain" in again  # its control is found all the same


def test_the_run_folder_has_a_log(run: Any) -> None:
    run(*FAKE, "limit=2", "backend.failures={001-1: 'no answer'}")
    log = (only_run() / "run.log").read_text()
    assert "6 of 6 questions" in log
    assert "question 001-1 failed: no answer" in log


def test_the_whole_of_a_limit_is_stratified(run: Any) -> None:
    run(*FAKE, "limit=9")
    records = read_records(only_run())
    durations = [record.question.groups["duration"] for record in records]
    assert {durations.count((value,)) for value in ("short", "medium", "long")} == {9}
    assert len({record.question.groups["task_type"] for record in records}) >= 7


def test_an_unreadable_video_costs_its_own_questions_and_can_be_mended(
    run: Any, folder: Path
) -> None:
    data = folder / "data"
    shutil.copytree(DATA, data)
    broken = sorted((data / "videos").iterdir())[0]
    whole = broken.read_bytes()
    broken.write_bytes(b"<html>404</html>")
    words = (*FAKE, f"data={data}", "limit=20")
    ran = run(*words)
    assert ran.code == 1
    assert "3 of " in ran.err
    assert broken.name in ran.err
    assert "3 failed, incomplete" in ran.out.strip().splitlines()[-2]
    assert summary()["failed"] == 3
    assert run(*words, "allow_failures=true").code == 0
    broken.write_bytes(whole)
    assert run(*words, "retry_failures=false").code == 1
    assert summary()["failed"] == 3
    assert run(*words).code == 0
    assert summary()["failed"] == 0


def test_ctrl_c_says_how_to_resume_and_resuming_asks_only_the_rest(run: Any, folder: Path) -> None:
    words = [sys.executable, "-m", "harness", *FAKE, "backend.delay=0.05"]
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        while not list(folder.rglob("records-0.jsonl")):
            time.sleep(0.05)
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "Run the same command again to resume" in said
    assert "Traceback" not in said
    before = {record.key for record in read_records(only_run())}
    assert 0 < len(before) < 198
    again = run(*FAKE)
    assert again.code == 0
    assert f"{len(before)} of 198 questions already answered" in again.out
    assert summary()["n"] == 198


def test_a_sweep_says_what_each_run_scored_and_ends_with_one_table(run: Any) -> None:
    ran = run("-m", "backend=fake", "video.workers=0", "limit=6", "backend.rule=first,target")
    assert ran.code == 0, ran.err
    lines = [line for line in ran.out.splitlines() if line.startswith("fake on demo, 8 frames:")]
    assert [line.rpartition(", ")[2] for line in lines] == ["run 1 of 2", "run 2 of 2"]
    assert "100.0 [" in lines[1]
    assert ran.out.count("seconds") == 1  # the table's column
    assert len(list(Path("results").rglob("summary.json"))) == 2
    rows = [r for r in Path("results/leaderboard.md").read_text().splitlines() if "fake" in r]
    assert "100.0" in rows[0]


def test_one_bad_run_of_a_sweep_costs_that_run_alone(run: Any) -> None:
    ran = run("-m", "backend=fake", "video.workers=0", "limit=2", "backend.rule=nope,first")
    assert ran.code == 2
    assert len(ran.err.strip().splitlines()) == 2, ran.err  # and the line about progress
    assert "backend.rule='nope' is not a rule" in ran.err
    assert "run 2 of 2" in ran.out


def test_plan_says_what_a_run_needs_and_runs_nothing(run: Any, folder: Path) -> None:
    ran = run(*FAKE, "plan=true")
    assert ran.code == 0
    assert "198 questions" in ran.out
    assert "time: not known yet; a run with limit=10 tells" in ran.out
    assert "disk: about 0.3 MB of records; " in ran.out
    assert not (folder / "results").exists()


def test_plan_knows_the_time_from_an_earlier_run_of_the_model(run: Any) -> None:
    run(*FAKE, "limit=2", "frames=4", "backend.delay=0.05")
    said = run(*FAKE, "plan=true").out
    found = re.search(r"time: about 0:00:(\d\d), as run \w{12} took ([\d.]+) s a question", said)
    assert found is not None, said
    assert int(found[1]) >= 198 * 2 * 0.05
    assert float(found[2]) >= 0.05
    assert "with 4 frames, scaled to 8 frames" in said


def test_plan_says_what_the_run_would_be_refused_for(run: Any, folder: Path) -> None:
    ran = run("model=tiny_video", "frames=2000", "limit=1", "plan=true")
    assert ran.code == 2
    assert "2,000 frames each" in ran.out
    assert ran.err.count("\n") == 1
    assert "exceed the context of 4,096" in ran.err
    assert "frames=" in ran.err
    assert not (folder / "results").exists()


@pytest.mark.parametrize("words", [("workers=3",), ("video.workers=1",), ("video.in_flight=1",)])
def test_results_do_not_depend_on_how_many_work(
    words: tuple[str, ...], run: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, more in (("one", ()), ("other", words)):
        (folder / name).mkdir()
        monkeypatch.chdir(folder / name)
        ran = run("backend=fake", "backend.rule=hash", "limit=9", *more)
        assert ran.code == 0, ran.err
    one, other = (
        {record.key: record for record in read_records(only_run(folder / name))}
        for name in ("one", "other")
    )
    assert one == other
    assert only_run(folder / "one").name == only_run(folder / "other").name
