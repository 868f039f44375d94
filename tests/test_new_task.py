"""A benchmark of one's own without Python: `harness new task` and `harness try`."""

import csv
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import harness.demo
from harness.cli import main
from harness.config import compose
from harness.data.columns import guess, standard
from harness.errors import DataError, HarnessError
from tests.videos import scramble

CLIPS = sorted((Path(harness.demo.__path__[0]) / "data" / "videos").iterdir())[:2]
HEADER = ("clip", "query", "A", "B", "C", "correct", "kind")
ROWS = [
    ("one", "What moves?", "red car", "bus", "van", "bus", "motion"),
    ("one", "How many, in all?", "none", "few", "all", "none", "count"),
    ("two", "What comes first?", "red", "blue", "green", "green", "motion"),
    ("two", "Where is it?", "left", "right", "", "left", "count"),
    ("two", "What stops?", "car", "bus", "van", "van", "motion"),
    ("one", "What is last?", "car", "bus", "van", "bus", "count"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, clip in zip(("one", "two"), CLIPS, strict=True):
        shutil.copy(clip, tmp_path / f"{name}.mp4")
    write_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_rows(folder: Path, rows: Sequence[Sequence[Any]] = ROWS) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([HEADER, *rows])
    (folder / "rows.csv").write_text(text.getvalue())


def test_a_file_of_rows_becomes_a_task_that_can_be_asked(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "task", "mine", "--rows", "rows.csv"]) == 0
    said = capsys.readouterr().out
    assert "video      column clip" in said
    assert "options    columns A, B, C" in said
    assert "breakdowns columns kind" in said
    assert "user: <video>What moves?\nA. red car\nB. bus\nC. van\nAnswer with" in said
    task = compose(["task=mine", "backend=fake"]).benchmark
    questions = [question for clip in task.clips() for question in clip.questions]
    right = {q.text: q.options["ABC".index(str(q.target))] for q in questions}
    assert right == {row[1]: row[5] for row in ROWS}
    assert [len(q.options) for q in questions].count(2) == 1
    assert {q.groups["kind"] for q in questions} == {("motion",), ("count",)}


def test_try_shows_prompts_frames_and_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    main(["new", "task", "mine", "--rows", "rows.csv"])
    capsys.readouterr()
    assert main(["try", "task=mine", "frames=4"]) == 0
    said = capsys.readouterr().out
    assert "frames: 4 of 128 × 128 pixels, at 0.0, " in said
    assert said.count("answered '") == 5
    assert "answered 'B', the right answer; read 'B': accuracy 1" in said
    assert "6 questions about 2 videos; 5 shown" in said
    assert said.endswith("nothing odd\n")


def test_try_says_what_is_odd(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"video": "one", "question": f"{n}?", "options": ["a", "b"], "answer": "A"}
        for n in range(12)
    ]
    rows[0]["options"] = ["a", "a"]
    rows[1]["answer"] = None
    rows += [{"video": "gone", "question": "0?", "options": ["a", "b"], "answer": "A"}] * 2
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    main(["new", "task", "odd", "--rows", "rows.jsonl"])
    capsys.readouterr()
    assert main(["try", "task=odd", "frames=100"]) == 1
    odd = [line for line in capsys.readouterr().out.splitlines() if line.startswith("odd: ")]
    for said in (
        "A is right for 12 of 13 questions",
        "1 of 13 questions have no answer",
        "rows.jsonl line 1: two of its options are equal: 'a'",
        "1 of 2 videos are not there",
        "1 question is asked twice of the same video",
        "one: only ",
        "gone: ",
    ):
        assert any(said in line for line in odd), (said, odd)


def rows_file(folder: Path, rows: list[dict[str, Any]], name: str = "rows.jsonl") -> str:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


def test_try_reads_frames_as_a_run_does(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder of frames by its own row's clock; a damaged video as video.damaged says."""
    (folder / "still").mkdir()
    for n in range(1, 5):
        Image.new("RGB", (32, 32)).save(folder / "still" / f"{n}.png")
    scramble(folder / "two.mp4", 0.4, 0.6)
    row = {"question": "?", "options": ["a", "b"], "answer": "A"}
    rows = [{**row, "video": "still", "fps": 2}, {**row, "video": "two", "fps": None}]
    main(["new", "task", "mine", "--rows", rows_file(folder, rows)])
    capsys.readouterr()
    words = ["try", "task=mine", "frames=4", "video.workers=0"]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "frames: 4 of 32 × 32 pixels, at 0.0, 0.5, 1.0, 1.5 s" in said
    assert "odd: still" not in said
    assert "odd: two: " in said
    assert "undecodable" in said.split("odd: two")[1]
    main([*words, "video.damaged=partial"])
    said = capsys.readouterr().out
    assert said.count("frames: ") == 2
    assert "answered 'A', the right answer" in said.split("── two")[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rows", "no.csv"], "data=no.csv does not exist"),
        (["--rows", "rows.csv", "--video", "clap"], "--video clap: no such column; nearest: clip"),
        (["--rows", "bare.csv"], "no column looks like the question; say which with --question"),
        (["--rows", "broken.jsonl"], "line 2: "),
    ],
)
def test_what_cannot_be_understood_is_one_line(words: list[str], said: str, folder: Path) -> None:
    (folder / "bare.csv").write_text("clip,foo\none,bar\n")
    (folder / "broken.jsonl").write_text('{"video": "one"}\n{"video: 1}\n')
    with pytest.raises(HarnessError) as error:
        main(["new", "task", "mine", *words])
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert not (folder / "configs").exists()


def test_on_a_terminal_it_asks_for_what_it_cannot_see(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bare.csv").write_text("clip,foo\none,bar\n")
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "foo")
    assert main(["new", "task", "mine", "--rows", "bare.csv"]) == 0
    assert asked == ["Which column holds the question? (clip, foo) "]
    assert compose(["task=mine", "backend=fake"]).benchmark.clips()[0].questions[0].text == "bar"


def test_nothing_is_written_over_unasked() -> None:
    main(["new", "task", "mine", "--rows", "rows.csv"])
    with pytest.raises(HarnessError, match="--force writes over it"):
        main(["new", "task", "mine", "--rows", "rows.csv"])
    assert main(["new", "task", "mine", "--rows", "rows.csv", "--force"]) == 0
    with pytest.raises(HarnessError, match="a built-in task has this name"):
        main(["new", "task", "demo", "--rows", "rows.csv"])
    with pytest.raises(HarnessError, match="letters, digits"):
        main(["new", "task", "../x", "--rows", "rows.csv"])


def read(rows: list[dict[str, Any]], answers: str | None = None) -> list[str]:
    columns = guess(rows, {}, lambda value: False)
    return [row["answer"] for row in standard(rows, columns, answers)]


def rows_of(*pairs: tuple[Any, list[str] | str]) -> list[dict[str, Any]]:
    return [
        {"video": "v", "question": "?", "options": options, "answer": answer}
        for answer, options in pairs
    ]


@pytest.mark.parametrize(
    ("pairs", "letters"),
    [
        ([("b", ["x", "y"]), ("A.", ["x", "y"])], ["B", "A"]),
        ([("y", ["x", "y"]), ("x", ["x", "y"])], ["B", "A"]),
        ([(0, ["x", "y"]), ("1", ["x", "y"])], ["A", "B"]),
        ([(2, ["x", "y"]), (1, ["x", "y"])], ["B", "A"]),
        ([("(B) y", ["A. x", "B. y"]), ("x", "x|y")], ["B", "A"]),
        # the places of options that are numbers: one way for the whole column decides
        ([(2, ["1", "2", "3"]), (0, ["7", "8", "9"])], ["C", "A"]),
        ([("3", ["1", "2", "3"]), ("9", ["7", "8", "9"])], ["C", "C"]),
    ],
)
def test_answers_as_letters_texts_or_numbers(
    pairs: list[tuple[Any, list[str] | str]], letters: list[str]
) -> None:
    assert read(rows_of(*pairs)) == letters


def test_an_answer_that_can_be_read_in_two_ways_is_refused_until_said() -> None:
    rows = rows_of((1, ["x", "y", "z"]), (1, ["x", "y", "z"]))
    with pytest.raises(DataError, match="as from-0 or as from-1, and these differ; say which with"):
        read(rows)
    assert read(rows, "from-0") == ["B", "B"]
    assert read(rows, "from-1") == ["A", "A"]
    with pytest.raises(DataError, match="row 2: the answer '3' is no letter, number or text"):
        read(rows_of(("A", ["x", "y"]), (3, ["x", "y"])))
    with pytest.raises(DataError, match="are one text; write a list"):
        read(rows_of(("A", "x or y")))
