"""What a user can get wrong ends in one line that says what to do, and never in a traceback."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.compare import as_published
from harness.cli.ending import ended
from harness.report.published import published
from tests.runs import records, write

ROWS = {"id": "1", "video": "one", "question": "?", "options": ["a", "b"], "answer": "B"}
TASK = """\
# @package _global_
task:
  _target_: {target}
  name: mine
  source: {{_target_: harness.data.Source, path: "${{data}}"}}
  prompt: {{_target_: harness.prompts.PromptTemplate, template: "{{question}}"}}
  scorer: {{_target_: harness.scoring.choice.ChoiceScorer}}
data: rows.jsonl
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a task of its own."""
    (tmp_path / "configs" / "task").mkdir(parents=True)
    write_task(tmp_path)
    (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_task(folder: Path, target: str = "harness.task.Task") -> None:
    (folder / "configs" / "task" / "mine.yaml").write_text(TASK.format(target=target))


def line(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    """The one line on standard error that a command line ends with."""
    capsys.readouterr()
    assert ended(lambda: main(words)) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("harness: ")
    return lines[0].removeprefix("harness: ")


FAKE = ("task=mine", "backend=fake", "video.workers=0")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["frames", "8"], "frames 8: write frames=8"),
        (["frames 8"], "frames 8: write frames=8"),
        (["--frames", "8"], "--frames 8: write frames=8"),
        (["--frames=8"], "--frames=8: write frames=8, without dashes"),
        (["frames=8,16"], "frames=8,16: add -m to run each; for one text write frames='\"8,16\"'"),
        (["frmaes=8"], "frmaes: no such setting; nearest: frames"),
        (["data=/my clips/(new)"], "data=/my clips/(new) does not exist"),
        (["data=/my", "clips"], "clips: not KEY=VALUE; a value with spaces goes into quotes"),
        (["video.timeout=-3"], "video.timeout=-3: write 0.001 or more"),
        (["video=3"], "video=3: write video=NAME, or set its keys"),
        (["frames=0"], "frames=0: write 1 or more"),
        (["frames=many"], "frames='many': write a whole number"),
        (["control=blnk"], "control='blnk': write none | blank"),
        (["model=tiny_vidoe"], "model=tiny_vidoe: no such model; nearest: tiny_video"),
        (["model=../../etc"], "model=../../etc: no such model"),
        (
            ["task.scorer.extractor=vidoemme"],
            "task.scorer.extractor=vidoemme: no such name; nearest: videomme",
        ),
        (["sampling.rule=linspce"], "linspce"),
        (["task.reader=x"], "task.reader: it is now task.scorer.extractor"),
        (["task.template=x"], "task.template: no such setting; write task.prompt.template"),
        (["~frames"], "~frames: cannot be left out"),
        (["--cfg", "jbo"], "--cfg jbo: write --cfg job, hydra or all"),
        (["frames=${nope}"], "'nope' not found"),
        (["video.decoder=decord"], "video.decoder=decord: decord is not installed"),
    ],
)
def test_a_setting(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in line(capsys, *FAKE, *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["leaderbord"], "leaderbord: no such command; nearest: leaderboard; harness --help lists"),
        (["fly"], "fly: no such command; harness --help lists them, and settings are KEY=VALUE"),
        (["frames", "8"], "frames 8: write frames=8"),
        (["task=qqqq"], "task=qqqq: no such task; harness --help task lists them"),
        (["plot", "--results", "."], "nothing to plot"),
        (["data"], "harness data: name one task, not 0: harness data videomme"),
        (["data", "demo", "task=mine"], "harness data: name one task, not 2"),
        (["task=mine", "backend=openai", "model=hosted"], "backend.url: has to be set; write back"),
        (["task=demo/open", "judge=openai"], "judge.url: has to be set; write judge.url=VALUE"),
        (["task=mine", "frames=abc"], "frames='abc': write a whole number"),
    ],
)
def test_the_first_words(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = line(capsys, *words, code=1 if words[0] == "plot" else 2)
    assert found.startswith(said)


def test_a_file_that_the_system_refuses_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder where a file should be, as another's file or a full disk is."""
    made = write(tmp_path / "results", records(6))
    (made.folder / "records-0.jsonl").unlink()
    (made.folder / "records-0.jsonl").mkdir()
    said = f"{made.folder}/records-0.jsonl: is a folder and no file; move it away and run the"
    assert line(capsys, "audit", str(made.folder)).startswith(said)
    (made.folder / "summary.json").unlink()
    assert line(capsys, "leaderboard", str(tmp_path / "results"), code=1).startswith(said)


def test_data_takes_its_task_as_a_run_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "task=demo", "--check"]) == 0
    assert "66 of 66 videos usable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("class Mine(:\n    pass\n", "tasks/mine.py, line 1: invalid syntax (for task="),
        ("import os\nimport not_here\n", "tasks/mine.py, line 2: No module named 'not_here'"),
        ("class Other:\n    pass\n", "task._target_=tasks.mine.Mine: tasks.mine has no Mine"),
    ],
)
def test_a_user_s_own_task_that_cannot_be_imported(
    code: str,
    said: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tasks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(folder)
    (folder / "tasks").mkdir()
    (folder / "tasks" / "mine.py").write_text(code)
    write_task(folder, "tasks.mine.Mine")
    assert line(capsys, *FAKE).startswith(said)


def test_rows_that_are_no_json_are_named_by_their_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.dumps(ROWS)
    (folder / "rows.jsonl").write_text("\n".join([good, good, good, '{"id: 4}']) + "\n")
    assert "rows.jsonl: line 4: " in line(capsys, *FAKE)


def test_results_that_cannot_be_written_are_said_before_anything_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "taken").write_text("a file")
    (folder / "rows.jsonl").unlink()  # would be the next complaint
    assert line(capsys, *FAKE, "results=taken/x").startswith("results=taken/x: cannot write there")
    assert line(capsys, *FAKE, "results=/proc/x").startswith("results=/proc/x: cannot write there")
    assert line(capsys, *FAKE, "results=fine").startswith("data=rows.jsonl does not exist")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["leaderboard", "/nonexistent"], "/nonexistent: no such folder"),
        (["compare", "A", "B"], "A: no such run, and no folder results; use --results"),
        (["compare", "A"], "compare: name two runs or more, or one run with --paper"),
        (["gate", "A"], "gate: name a baseline and a run, or --update and a run"),
        (["audit", "A"], "A: no such run, and no folder results; use --results"),
    ],
)
def test_a_command_without_runs(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line(capsys, *words).startswith(said)


def test_an_unknown_command_s_option_is_the_parser_s_own_message(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as error:
        main(["leaderboard", "--polt"])
    assert error.value.code == 2
    assert "unrecognized arguments: --polt" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="needs Linux to see imports")
@pytest.mark.parametrize("imported", ["yaml", "pydantic_core", "numpy"])
def test_ctrl_c_while_it_is_still_importing_is_one_line(imported: str, folder: Path) -> None:
    words = [sys.executable, "-m", "harness", "backend=fake", "backend.delay=9"]
    with subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True) as process:
        maps = Path(f"/proc/{process.pid}/maps")
        while process.poll() is None and f"/{imported}/" not in maps.read_text():
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=600)
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1, said
    assert process.returncode == 130


def test_a_published_name_may_have_other_capitals() -> None:
    assert as_published("LLaVA-NeXT-Video-34B") == "llava-next-video-34b"
    assert "llava-next-video-34b" in {value.model for value in published()}
    assert as_published("Nobody's") == "Nobody's"


BUG = """\
from dataclasses import dataclass

from harness.task import Row, Task
from harness.types import Question


@dataclass(frozen=True)
class Mine(Task):
    def question(self, row: Row) -> Question:
        return Question(row["id"], {"a": 1}["b"])
"""


def own_task(folder: Path, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "tasks"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(folder)
    (folder / "tasks").mkdir()
    (folder / "tasks" / "mine.py").write_text(code)
    write_task(folder, "tasks.mine.Mine")


def test_a_bug_in_a_user_s_task_is_shown_as_one(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_task(folder, BUG, monkeypatch)
    assert ended(lambda: main(FAKE)) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert said[0] == "harness: a bug in tasks/mine.py, line 10, in question: KeyError: 'b'"
    assert all("harness/run" not in line and "hydra" not in line.lower() for line in said)


def test_a_row_without_a_field_is_named_and_no_bug(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_task(folder, BUG.replace('{"a": 1}["b"]', 'row["text"]'), monkeypatch)
    assert "rows.jsonl line 1 (id 1) has no field 'text'" in line(capsys, *FAKE)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["model.checkpoint=/no/where"], "/no/where"),
        (["model.checkpoint=empty"], "empty"),
        (["model.checkpoint=bare"], "bare"),
    ],
)
def test_missing_weights_are_said_before_anything_is_planned(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from harness.demo import __path__ as demo

    (folder / "empty").mkdir()
    (folder / "bare").mkdir()
    for path in (Path(demo[0]) / "checkpoints" / "tiny_video").iterdir():
        if path.suffix != ".safetensors":
            (folder / "bare" / path.name).write_bytes(path.read_bytes())
    assert ended(lambda: main(["model=tiny_video", "limit=2", *words])) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err
