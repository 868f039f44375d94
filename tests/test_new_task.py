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

import harness
import harness.demo
from harness.cli import main
from harness.config import compose
from harness.data.answers import standard
from harness.data.columns import guess
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


def test_try_answers_in_the_words_that_the_prompt_asks_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"video": "one", "question": f"Is it {n}?", "answer": ("yes", "no")[n % 3 > 0]}
        for n in range(4)
    ]
    main(["new", "task", "certain", "--rows", rows_file(folder, rows)])
    capsys.readouterr()
    assert main(["try", "task=certain", "frames=4"]) == 0
    said = capsys.readouterr().out
    assert "answered 'yes', the right answer; read 'A': accuracy 1" in said
    assert "answered 'no', the right answer; read 'B': accuracy 1" in said
    main(["new", "task", "mine", "--rows", "rows.csv"])
    capsys.readouterr()
    assert main(["try", "task=mine", "frames=4", "control=no_options"]) == 0
    assert "answered 'left', the right answer" in capsys.readouterr().out


def test_try_says_what_is_odd(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"video": "one", "question": f"{n}?", "options": ["a", "b"], "answer": "A"}
        for n in range(12)
    ]
    main(["new", "task", "odd", "--rows", rows_file(folder, rows)])
    rows[0]["options"] = ["a", "a"]
    rows[1]["answer"] = None
    rows += [{"video": "gone", "question": "0?", "options": ["a", "b"], "answer": "A"}] * 2
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["task.metrics.0.value=nope"],
            "odd: task.metrics.0.value=nope: ChoiceScorer gives no such value; there are: accuracy",
        ),
        (
            ["task.metrics.0.value=nope", "task.scorer._target_=tests.test_checks.Silent"],
            "odd: accuracy: no score has a value called nope; there are: anything: "
            "set task.metrics.0.value",
        ),
    ],
)
def test_try_says_that_a_metric_reads_what_the_scorer_never_gives(
    words: list[str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["new", "task", "mine", "--rows", "rows.csv"])
    assert main(["try", "task=mine", "frames=4", "video.workers=0", *words]) == 1
    assert [line for line in capsys.readouterr().out.splitlines() if "odd" in line] == [said]


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


def open_rows(*answers: Any) -> list[dict[str, Any]]:
    return [
        {"video": ("one", "two")[n % 2], "question": f"What is {n}?", "answer": answer}
        for n, answer in enumerate(answers)
    ]


NUMBER, MOMENT = "harness.scoring.numbers.NumberScorer", "harness.scoring.intervals.IntervalScorer"
CHOICE, EXACT = "harness.scoring.choice.ChoiceScorer", "harness.scoring.references.ReferenceScorer"


@pytest.mark.parametrize(
    ("answers", "scorer", "headline", "asked", "noted"),
    [
        ((3, 4.5, "1,200"), NUMBER, "mean_relative_accuracy", "a single number.", "how near"),
        ((3, 0, 2), NUMBER, "accuracy", "a single number.", "0 or below"),
        (([1, 4], "2.5 - 8", [["0:03", "0:09"]]), MOMENT, "mIoU", "start and end", "overlap"),
        (("0:01 to 0:04", "0:02-0:03.5"), MOMENT, "mIoU", "start and end", "overlap"),
        (("Yes", "no", True), CHOICE, "accuracy", "Answer yes or no.", "guessing scores 50"),
        (("a red car", ["bus", "coach"], "7"), EXACT, "accuracy", "short phrase", "lower bound"),
    ],
)
def test_answers_without_options_decide_how_they_are_scored(
    answers: tuple[Any, ...],
    scorer: str,
    headline: str,
    asked: str,
    noted: str,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["new", "task", "mine", "--rows", rows_file(folder, open_rows(*answers))]) == 0
    said = capsys.readouterr().out
    assert noted in next(line for line in said.splitlines() if line.startswith("  answers "))
    assert asked in said
    assert main(["try", "task=mine", "frames=2", "video.workers=0"]) == 0
    task = compose(["task=mine", "backend=fake"]).benchmark
    assert f"{type(task.scorer).__module__}.{type(task.scorer).__qualname__}" == scorer
    ran = harness.evaluate(
        task="mine", backend="fake", frames=2, video={"workers": 0}, **{"backend.rule": "target"}
    )
    assert ran.summary["headline"] == headline
    assert ran.summary["metrics"][headline]["value"] == 1.0
    assert ran.summary["n"] == len(answers)


def test_one_answer_of_another_kind_is_a_mistake_until_said_otherwise(folder: Path) -> None:
    rows = rows_file(folder, open_rows(3, 4, 5, 6, "seven", 8))
    words = ["new", "task", "mine", "--rows", rows]
    with pytest.raises(DataError) as error:
        main(words)
    assert str(error.value) == (
        "rows.jsonl line 5: the answer 'seven' is no number: the other answers are; mend "
        "these, or say --answers text to take all as texts"
    )
    assert main([*words, "--answers", "text"]) == 0
    with pytest.raises(DataError, match="--answers letter: these rows have no options"):
        main([*words, "--force", "--answers", "letter"])


def test_long_answers_are_for_a_judge_unless_said_otherwise(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "The person walks to the table and puts down a cup."
    rows = rows_file(folder, open_rows(long, long, "red"))
    assert main(["new", "task", "mine", "--rows", rows]) == 0
    assert "scored by a judge" in capsys.readouterr().out
    settings: dict[str, Any] = {"backend": "fake", "frames": 2, "video": {"workers": 0}}
    ran = harness.evaluate(
        task="mine", judge="word_overlap", **settings, **{"backend.rule": "target"}
    )
    assert ran.summary["metrics"]["accuracy"]["value"] == 1.0
    assert main(["new", "task", "mine", "--rows", rows, "--force", "--answers", "text"]) == 0
    assert "lower bound" in capsys.readouterr().out


def test_every_bad_row_is_named_in_one_message(folder: Path) -> None:
    shutil.copy(CLIPS[0], folder / "v.mp4")
    rows = rows_of(("A", ["x", "y"]), ("z", ["x", "y"]), ("B", []), (9, ["x", "y"]))
    with pytest.raises(DataError) as error:
        main(["new", "task", "mine", "--rows", rows_file(folder, rows)])
    assert str(error.value) == (
        "rows.jsonl line 2: the answer 'z' is no letter, number or text of its options: x, y; "
        "rows.jsonl line 3: has no options, as others have; "
        "rows.jsonl line 4: the answer '9' is no letter, number or text of its options: x, y"
    )
    many = open_rows(*[{"a": 1}] * 30)
    with pytest.raises(DataError) as error:
        main(["new", "task", "mine", "--rows", rows_file(folder, many)])
    assert str(error.value).startswith("rows.jsonl line 1: the answer {'a': 1} is no text, nor a")
    assert str(error.value).endswith("; and 10 more")
    assert not (folder / "configs").exists()


def test_rows_of_every_kind_of_mistake_are_named_and_nothing_is_written(folder: Path) -> None:
    wrong = [
        ("gone", "What moves?", "red car", "bus", "van", "bus", "motion"),
        ("one", " ", "red car", "bus", "van", "bus", "motion"),
        ("one", "What?", "bus", "bus", "van", "bus", "motion"),
        ("two", "Which?", "red car", "bus", "van", "", "motion"),
        ("gone", "", "red car", "bus", "van", "tram", "motion"),
    ]
    with (folder / "rows.csv").open("a", newline="") as file:
        csv.writer(file).writerows(wrong)
    with pytest.raises(DataError) as error:
        main(["new", "task", "mine", "--rows", "rows.csv"])
    assert str(error.value).split("; ") == [
        "rows.csv line 8: the video 'gone' is not there",
        "rows.csv line 9: its question is empty",
        "rows.csv line 10: two of its options are equal: 'bus'",
        "rows.csv line 11: its answer is empty",
        "rows.csv line 12: the video 'gone' is not there and its question is empty and the answer "
        "'tram' is no letter, number or text of its options: red car, bus, van",
    ]
    assert not (folder / "configs").exists()
    assert not list(folder.glob("*.jsonl"))


def test_the_clock_of_frame_folders_outlives_rewriting() -> None:
    rows = [{**row, "fps": 2} for row in rows_of(("y", ["x", "y"]))]
    (made,) = standard(rows, guess(rows, {}, lambda value: False)).rows
    assert (made["fps"], made["answer"]) == (2, "B")


def test_options_are_a_list_or_named_by_their_letters() -> None:
    def options(given: Any) -> list[str]:
        rows = [{"video": "v", "question": "q", "options": given, "answer": "A"}]
        (made,) = standard(rows, guess(rows, {}, lambda value: False)).rows
        return list(made["options"])

    assert options({"A": "red", "B": "blue"}) == options(["red", "blue"]) == ["red", "blue"]
    for wrong in (5, ["red", None], {"first": "red", "B": "blue"}):
        with pytest.raises(DataError, match="row 1: its option"):
            options(wrong)


def test_answers_are_options_only_beside_an_answer() -> None:
    """A list of right answers is one that an open response may equal any of."""
    open_ones = [{"video": "v", "question": "?", "answers": ["red", "dark red"]}]
    assert guess(open_ones, {}, lambda value: False).fields["answer"] == "answers"
    choices = [{**row, "answer": "A"} for row in open_ones]
    assert guess(choices, {}, lambda value: False).fields["options"] == "answers"


def test_a_file_that_can_be_asked_as_it_is_is_not_written_again(folder: Path) -> None:
    main(["new", "task", "mine", "--rows", rows_file(folder, open_rows(3, 4.5))])
    assert sorted(path.name for path in folder.glob("*.jsonl")) == ["rows.jsonl"]


def test_what_answers_may_be_called_is_one_list() -> None:
    from harness.cli.new import parser
    from harness.data.answers import SAID

    (option,) = [a for a in parser()._actions if "--answers" in a.option_strings]
    assert set(option.choices or ()) == set(SAID)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rows", "no.csv"], "--rows no.csv: no such file"),
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
    return [row["answer"] for row in standard(rows, columns, answers).rows]


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
