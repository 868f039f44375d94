"""Labels: what is certain is put right, the rest is refused by its row before anything runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError
from harness.scoring.choice import ChoiceScorer
from harness.scoring.options import certain_target, gold_letter, listed_options, without_prefixes
from harness.task import BadRow
from harness.types import Clip, Question
from tests.test_task import Quiz, Rows, Spoken

OPTIONS = ["red car", "blue car", "green car"]


def row(**changes: Any) -> dict[str, Any]:
    plain = {"id": "r1", "video": "v", "question": "Which?", "options": OPTIONS, "answer": "B"}
    return plain | changes


def asked(**changes: Any) -> Question:
    (clip,) = Quiz(Rows((row(**changes),))).clips()
    return clip.questions[0]


def refused(**changes: Any) -> str:
    with pytest.raises(DataError) as caught:
        Quiz(Rows((row(), row(**{"id": "bad", **changes})))).clips()
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith("quiz: row 2 (id bad)") or "id" in changes
    return said


@pytest.mark.parametrize(
    "answer",
    ["B", "b", " B ", "(B)", "B.", "B)", "b:", "B. blue car", "(B) blue car", "blue car",
     " Blue  Car"],
)  # fmt: skip
def test_an_answer_that_is_certain_becomes_its_letter(answer: str) -> None:
    assert asked(answer=answer).target == "B"


def test_a_number_is_an_option_where_it_is_one_and_a_place_where_that_is_said() -> None:
    assert asked(options=[1, 2, 3], answer=2).target == "B"
    assert asked(options=["1", "2", "3"], answer="3").target == "C"
    plain = {key: value for key, value in row().items() if key != "answer"}
    for place in (1, "1", 1.0):
        (clip,) = Quiz(Rows((plain | {"answer_index": place},))).clips()
        assert clip.questions[0].target == "B"


@pytest.mark.parametrize("answer", [None, "", -1, "-1"])
def test_a_hidden_label_stays_hidden(answer: object) -> None:
    assert asked(answer=answer).target is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"answer": "D"}, "its answer 'D' is neither a letter from A to C nor the text of exactly"),
        ({"answer": "the red one"}, "neither a letter from A to C"),
        ({"answer": 1}, "its answer 1 is a number: .* field answer_index"),
        ({"answer": "1"}, "its answer '1' is a number"),
        ({"answer": ["B"]}, "neither a letter"),
        ({"answer": True}, "its answer True is neither"),
        ({"answer": "B. red car"}, "neither a letter"),
        ({"options": ["B", "A", "C"], "answer": "A"}, "option A and the text of option B"),
        ({"options": "a, b, c"}, "its options are one text and not a list: 'a, b, c'"),
        ({"options": "Which?\nA. one\nB. two"}, "one text and not a list"),
        ({"options": 7}, "its options are 7 and not a list"),
        ({"options": ["a", None]}, "its option 2 is null and not a text"),
        ({"options": ["a", ["b"]]}, "its option 2 is .* and not a text"),
        ({"options": {"1": "a", "2": "b"}}, "its options are {'1', '2'} and not A, B"),
        ({"options": ["a", "b", " a"]}, "two of its options are equal: 'a'"),
        ({"options": []}, "it has no options"),
        ({"options": None}, "it has no options"),
        ({"options": [str(i) for i in range(27)], "answer": "3"}, "it has 27 options; up to 10"),
        ({"video": None}, "its video is null"),
        ({"video": float("nan")}, "its video is null"),
        ({"question": None}, "its question is empty"),
        ({"question": "  "}, "its question is empty"),
        ({"start": "soon", "end": 2}, "its start is 'soon' and not a number"),
        ({"fps": []}, r"its fps is \[\] and not a number"),
        ({"id": "r1"}, r"row 2 \(id r1\): question id 'r1' appears twice"),
        ({"image": "a.png"}, "it has pictures, and its source has none"),
    ],
)  # fmt: skip
def test_what_can_never_be_right_is_refused_by_its_row(changes: dict[str, Any], why: str) -> None:
    assert re.search(why, refused(**changes))


def test_numbers_are_names() -> None:
    (clip,) = Quiz(Rows((row(id=0, video=123),))).clips()
    assert (clip.id, clip.video, clip.questions[0].id) == ("123", Path("123"), "0")


def test_a_row_without_an_id_has_its_place() -> None:
    assert asked(id=None).id == "0"


def test_all_bad_rows_stand_in_one_message() -> None:
    rows = (row(id=1, answer="Z"), row(id=2), row(id=3, options=[]), {"id": 4, "video": "v"})
    with pytest.raises(DataError) as caught:
        Quiz(Rows(rows)).clips()
    said = str(caught.value)
    assert "row 1 (id 1): its answer 'Z'" in said
    assert "row 3 (id 3): it has no options; row 4 (id 4) has no field 'question'" in said
    assert "id 2" not in said
    assert "allow_failures=true" in said


def test_bad_rows_are_handed_back_as_failed_records() -> None:
    rows = (row(id=1, answer="Z"), row(id=2), row(id=2), row(id=3, video=None))
    bad: list[BadRow] = []
    (clip,) = Quiz(Rows(rows)).clips(bad)
    assert [question.id for question in clip.questions] == ["2"]
    records = [one.record() for one in bad]
    assert [record.key for record in records] == ["1", "2 (row 3)", "3"]
    assert {(record.status, record.stage) for record in records} == {("failed", "data")}
    assert [record.video for record in records] == ["v", "v", ""]
    assert records[0].reason is not None
    assert records[0].reason.startswith("row 1 (id 1): its answer 'Z' is neither")


def test_where_a_source_knows_the_line_it_is_said() -> None:
    class Placed(Rows):
        def place(self, index: int) -> str:
            return f"rows.jsonl line {index + 10}"

    with pytest.raises(DataError, match=r"quiz: rows\.jsonl line 11 \(id r2\): it has no options"):
        Quiz(Placed((row(), row(id="r2", options=[])))).clips()


def test_pictures_are_asked_of_the_source() -> None:
    class Pictured(Rows):
        def image(self, picture: object) -> Path:
            return Path("pictures") / str(picture)

    given = row(options=None, option_images=["a.png", "b.png"], image="q.png")
    (clip,) = Quiz(Pictured((given,))).clips()
    (question,) = clip.questions
    assert question.images == (Path("pictures/q.png"),)
    assert question.option_images == (Path("pictures/a.png"), Path("pictures/b.png"))
    assert question.options == ("Image A", "Image B")
    (clip,) = Quiz(Pictured((row(images=["1.png", "2.png"]),))).clips()
    assert len(clip.questions[0].images) == 2
    with pytest.raises(DataError, match="it has 3 options and 2 option_images"):
        Quiz(Pictured((row(option_images=["a.png", "b.png"]),))).clips()


def test_an_open_answer_stays_what_it_is() -> None:
    for answer in ("B", 2, [[0.5, 2]], {"x": 1}):
        (clip,) = Quiz(Rows((row(options=None, answer=answer),)), scorer=Spoken()).clips()
        assert clip == Clip(
            "v", Path("v"), (Question("r1", "Which?", (), answer),), subtitles=Path("v.srt")
        )


def test_options_come_in_several_forms() -> None:
    assert listed_options({"A": "x", "B": "y"}) == ("x", "y")
    assert listed_options("A. one\nB. two") == ("one", "two")
    assert listed_options((1, 2.5, "x")) == ("1", "2.5", "x")
    assert listed_options(None) == ()


def test_letters_before_options_are_taken_off_as_often_as_they_stand() -> None:
    assert without_prefixes(["A. A. one", "B. B. two"]) == ("one", "two")
    assert without_prefixes(["(A) one", "(B) two"]) == ("one", "two")
    assert without_prefixes(["A. one", "two"]) == ("A. one", "two")
    assert without_prefixes([]) == ()
    with pytest.raises(DataError, match="one text"):
        without_prefixes("one, two")
    assert asked(options=["A. A. one", "B. B. two"]).options == ("one", "two")


def test_benchmarks_labels_are_read_as_generously() -> None:
    assert gold_letter("b", OPTIONS, "letter") == gold_letter("(B)", OPTIONS, "letter") == "B"
    assert gold_letter("Blue Car", OPTIONS, "text") == "B"
    assert gold_letter(2.0, OPTIONS, "place") == "C"
    with pytest.raises(DataError, match="it has no options"):
        gold_letter("B", [], "letter")


def test_equal_options_stand_where_a_published_rule_reads() -> None:
    twins = Question("q", "?", ("a", "a", "b"), "C")
    assert ChoiceScorer().problem(twins) == "two of its options are equal: 'a'"
    assert ChoiceScorer("mvbench").problem(twins) is None
    assert ChoiceScorer().problem(Question("q", "?", ("a", "b"), "B")) is None
    assert ChoiceScorer().problem(Question("q", "?", ("a", "b"))) is None
    assert ChoiceScorer().problem(Question("q", "?")) is None
    assert ChoiceScorer().problem(Question("q", "?", (), "B")) == "it has no options"


def test_answers_that_no_row_has_are_hidden() -> None:
    plain = {key: value for key, value in row().items() if key != "answer"}
    (clip,) = Quiz(Rows((plain, plain | {"id": "r2"}))).clips()
    assert [question.target for question in clip.questions] == [None, None]
    with pytest.raises(DataError, match=r"row 1 \(id r1\) has no field 'answer'"):
        Quiz(Rows((plain, row(id="r2")))).clips()


def test_what_is_certain_without_options_is_nothing() -> None:
    assert certain_target("b", ()) == "b"
    assert certain_target(-1, ()) == -1
    assert certain_target(None, ()) is None


def test_what_is_neither_a_text_nor_a_number_stays() -> None:
    assert certain_target(True, ("True", "False")) is True
    assert certain_target(None, ("None", "both")) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [("x" * 58, f"'{'x' * 58}'"), ("x" * 59, f"'{'x' * 58}…"), ("x" * 999, f"'{'x' * 58}…")],
)
def test_a_value_that_is_named_is_cut_at_60_characters(given: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        listed_options(given)
    assert str(caught.value) == f"its options are one text and not a list: {said}"
