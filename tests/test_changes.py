"""What was answered to another question, prompt or file than today's is never counted."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from harness.cli import main
from harness.cli.ending import ended
from harness.errors import HarnessError
from harness.report.runs import load
from harness.rows import Row
from harness.run import loop
from harness.run.changes import fingerprints
from harness.run.journal import read_records
from harness.task import Task
from harness.types import Clip, Question
from tests.small_benchmark import write_benchmark

YAML = """\
# @package _global_
data: data
task:
  _target_: tests.test_changes.Mine
  name: mine
  source:
    _target_: harness.data.Source
    path: ${data}
    columns: {video: videoID, id: question_id}
  prompt:
    _target_: harness.prompts.PromptTemplate
    template: "{subtitles}{question}\\n{options}"
    subtitles: all
  scorer: {_target_: harness.scoring.choice.ChoiceScorer}
"""
RUN = ("task=mine", "backend=fake", "video.workers=0")


@dataclass(frozen=True)
class Mine(Task):
    """A task whose Python is edited between two runs."""

    says: ClassVar[dict[str, Any]] = {"text": "Which?", "target": "A", "options": ("red", "blue")}

    def question(self, row: Row) -> Question:
        says = self.says
        return Question(row["id"], says["text"], says["options"], says["target"])


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_benchmark(tmp_path / "data", subtitles=b"1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    (tmp_path / "configs" / "task").mkdir(parents=True)
    (tmp_path / "configs" / "task" / "mine.yaml").write_text(YAML)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[float, str]:
    """The score, and what was said."""
    assert ended(lambda: main((*RUN, *words))) == 0
    (summary,) = Path("results").rglob("summary.json")
    value = json.loads(summary.read_text())["metrics"]["accuracy"]["value"]
    return value, "".join(capsys.readouterr())


def test_an_edited_label_is_scored_again_and_nothing_is_asked(capsys, monkeypatch):
    assert run(capsys)[0] == 1.0
    monkeypatch.setitem(Mine.says, "target", "B")
    value, said = run(capsys, "+backend.crash_after=0")
    assert value == 0.0
    assert "1 question (001-1) has another label or group now: scored again" in said


def test_a_score_by_an_older_label_is_gone_before_anything_can_be_stopped(capsys, monkeypatch):
    """A report of the folder would take it for today's."""
    run(capsys)
    monkeypatch.setitem(Mine.says, "target", "B")

    def killed(*_: object) -> None:
        raise HarnessError("killed")

    monkeypatch.setattr(loop, "conclude", killed)
    assert ended(lambda: main(RUN)) == 2
    (folder,) = Path("results/mine").glob("*/*")
    (record,) = read_records(folder)
    assert (record.status, record.score, record.question.target) == ("unscored", None, "B")
    assert load(folder).summary.unscored == 1
    monkeypatch.undo()


def test_a_finished_run_is_looked_at_and_nothing_is_written(capsys):
    for _ in range(2):  # the second says that it did not wait for frames
        run(capsys)
    (folder,) = Path("results/mine").glob("*/*")
    kept = ("records-0.jsonl", "summary.json", "report.html", ".units.json", "request.json")
    before = {name: (folder / name).stat().st_mtime_ns for name in kept}
    run(capsys)
    assert {name: (folder / name).stat().st_mtime_ns for name in kept} == before
    (folder / "report.html").unlink()
    run(capsys)
    assert (folder / "report.html").exists()


@pytest.mark.parametrize(("changed", "times"), [(False, 1), (None, 2), (True, 2)])
def test_rows_are_read_again_where_fetching_may_have_moved_a_file(
    capsys, monkeypatch, changed, times
):
    read: list[object] = []
    every = Mine.clips
    monkeypatch.setattr(Mine, "clips", lambda self, bad: (read.append(self), every(self, bad))[1])
    monkeypatch.setattr(Mine, "prepare", lambda self, clips: changed)
    run(capsys)
    assert len(read) == times


@pytest.mark.parametrize(
    ("key", "now"), [("text", "Which one?"), ("options", ("red", "green"))], ids=str
)
def test_an_edited_question_is_asked_again(capsys, monkeypatch, key, now):
    run(capsys)
    monkeypatch.setitem(Mine.says, key, now)
    _, said = run(capsys)
    assert "1 question (001-1) changed since" in said
    (folder,) = Path("results/mine").glob("*/*")
    (record,) = read_records(folder)
    assert getattr(record.question, key) == now
    assert str(now if key == "text" else now[1]) in record.prompt


@pytest.mark.parametrize("name", ["videos/one.mp4", "subtitles/one.srt"])
def test_a_file_replaced_in_place_is_asked_about_again(capsys, folder, name):
    run(capsys)
    before = (folder / "data" / name).read_bytes()
    if name.endswith("mp4"):
        other = folder / "other"
        write_benchmark(other)
        after = (other / name).read_bytes() + b"\0\0\0\x08free"
    else:
        after = before.replace(b"Hello", b"Hallo")
    (folder / "data" / name).write_bytes(after)
    assert "1 question (001-1) changed since" in run(capsys)[1]
    assert "nothing left to ask" in run(capsys)[1]


def test_a_video_that_is_gone_keeps_its_answers(capsys, folder):
    run(capsys)
    (folder / "data" / "videos" / "one.mp4").unlink()
    value, said = run(capsys)
    assert value == 1.0
    assert "nothing left to ask" in said


def test_a_question_that_is_no_longer_asked_is_not_counted(capsys, folder):
    run(capsys)
    (path,) = Path("results/mine").glob("*/*/records-0.jsonl")
    line = json.loads(path.read_text())
    line["question"]["id"] = "of an older version"
    path.write_text(path.read_text() + json.dumps(line) + "\n")
    assert "1 question (of an older version) is no longer asked" in run(capsys)[1]
    assert len(read_records(path.parent)) == 1


def test_labels_and_groups_are_no_part_of_what_was_asked(tmp_path):
    def of(question: Question) -> str:
        (found,) = fingerprints(Clip("c", None, (question,))).values()
        return found

    plain = Question("q", "Which?", ("a", "b"), "A", {"kind": ("x",)})
    assert of(plain) == of(Question("q", "Which?", ("a", "b"), "B", {"kind": ("y",)}))
    assert of(plain) != of(Question("q", "Which?", ("a", "b"), "A", metadata={"tail": "now"}))


def test_bad_rows_are_failed_records_where_failures_are_allowed(capsys, folder):
    rows = folder / "data" / "rows.jsonl"
    bad = {key: value for key, value in json.loads(rows.read_text()).items() if key != "videoID"}
    rows.write_text(rows.read_text() + json.dumps(bad | {"question_id": "001-2"}) + "\n")
    assert ended(lambda: main(RUN)) == 2
    assert "001-2" in capsys.readouterr().err
    for _ in range(2):  # a resumed run says the same
        run(capsys, "allow_failures=true")
        (path,) = Path("results").rglob("summary.json")
        found = json.loads(path.read_text())
        assert (found["expected"], found["failed"], found["n"]) == (2, 1, 1)
        assert not found["complete"]


def test_repeats_need_a_temperature(capsys):
    assert ended(lambda: main((*RUN, "repeats=3"))) == 2
    assert "repeats=3: every repeat would say the same" in capsys.readouterr().err
    assert ended(lambda: main((*RUN, "repeats=3", "generation.temperature=0.5"))) == 0
    (folder,) = Path("results/mine").glob("*/*")
    assert [record.question.repeat for record in read_records(folder)] == [0, 1, 2]
