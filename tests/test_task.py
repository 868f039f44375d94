"""What benchmarks are made of: rows read, labels found, letters scored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import DataError, RequestError
from harness.prompts import PromptTemplate, PromptWriter
from harness.scoring.choice import ChoiceScorer
from harness.scoring.groups import group_score
from harness.task import Row, Task, by_clip, gold_letter, group_values, split_options
from harness.types import Clip, JudgedScorer, Question, Response, Score, Scorer


@dataclass(frozen=True)
class Rows:
    """A source of rows without files."""

    listed: tuple[Mapping[str, Any], ...] = ()

    def rows(self) -> Sequence[Mapping[str, Any]]:
        return self.listed

    def video(self, name: str) -> Path:
        return Path(name)

    def subtitles(self, name: str) -> Path | None:
        return Path(f"{name}.srt")

    def identity(self) -> Mapping[str, str]:
        return {"rows": "here"}

    def prepare(self, names: Iterable[Path]) -> None:
        return None


@dataclass(frozen=True)
class Quiz(Task):
    """The smallest benchmark there is: rows with the standard fields need no code."""

    source: Rows = field(default_factory=Rows)
    name: str = "quiz"
    prompt: PromptWriter = field(default_factory=lambda: PromptTemplate("{question}"))
    scorer: Scorer | JudgedScorer = field(default_factory=ChoiceScorer)


@dataclass(frozen=True)
class Spoken:
    """An open-ended scorer: the response is the answer."""

    def score(self, question: Question, response: Response) -> Score:
        return Score({"accuracy": float(response.text == question.target)}, response.text)


QUESTION = Question("q", "Who?", ("cat", "dog", "cow"), "B", {"kind": ("who",)})
CLIP = Clip("v", Path("v.mp4"), (QUESTION,))


def test_standard_fields_need_no_code() -> None:
    row = {
        "id": 7, "video": "v.mp4", "start": 1, "end": "2.5", "fps": 3, "question": "Who?",
        "options": ["cat", 4], "answer": "B", "kind": "who", "tags": ["a", "b"], "else": 1,
    }  # fmt: skip
    (clip,) = Quiz(Rows((row,)), breakdowns=("kind", "tags", "missing")).clips()
    assert clip == Clip(
        "v.mp4@1-2.5",
        Path("v.mp4"),
        (Question("7", "Who?", ("cat", "4"), "B", {"kind": ("who",), "tags": ("a", "b")}),),
        segment=(1.0, 2.5),
        subtitles=Path("v.mp4.srt"),
        fps=3.0,
    )


def test_a_row_may_be_open_ended_without_an_id_and_name_its_subtitles() -> None:
    row = {"video": "v", "question": "?", "answer": [[0.5, 2]], "subtitles": "other"}
    (clip,) = Quiz(Rows((row,)), scorer=Spoken()).clips()
    assert clip == Clip(
        "v", Path("v"), (Question("0", "?", target=[[0.5, 2]]),), subtitles=Path("other.srt")
    )


def test_places_count_within_each_part_of_a_benchmark() -> None:
    rows = [{"config": name} for name in ("a", "a", "b", "a")]
    found = [(row["place"], row.number) for row in Quiz(Rows(tuple(rows))).rows()]
    assert found == [("a/0", 1), ("a/1", 2), ("b/0", 3), ("a/2", 4)]
    assert [row["place"] for row in Quiz(Rows(({}, {}))).rows()] == ["0", "1"]


def test_a_part_of_a_row_keeps_its_number() -> None:
    (row,) = Quiz(Rows(({"key": "a", "n": 1},))).rows()
    part = row.extended({"n": 2, "id": 5})
    assert (part.number, part["key"], part["n"], row["n"]) == (1, "a", 2, 1)


def test_questions_are_gathered_by_clip_in_order() -> None:
    rows = tuple({"video": v, "question": q, "answer": "A"} for v, q in ("b1", "a2", "b3"))
    clips = Quiz(Rows(rows), scorer=Spoken()).clips()
    assert [(c.id, [q.text for q in c.questions]) for c in clips] == [
        ("b", ["1", "3"]),
        ("a", ["2"]),
    ]


def test_two_questions_with_one_id_are_refused() -> None:
    with pytest.raises(DataError, match="'q' appears twice"):
        by_clip([(CLIP, QUESTION), (CLIP, QUESTION)])


def test_rows_that_differ_about_a_clip_are_not_mixed() -> None:
    first, second = Clip("v", Path("v")), Clip("v", Path("v"), subtitle_offset=2.0)
    asked = [(first, Question("1", "?")), (second, Question("2", "?")), (first, Question("3", "?"))]
    found = [(c.id, c.subtitle_offset, [q.id for q in c.questions]) for c in by_clip(asked)]
    assert found == [("v", 0.0, ["1", "3"]), ("v (2)", 2.0, ["2"])]


def test_every_row_without_a_field_is_named_by_number_and_id() -> None:
    good = {"video": "a", "question": "?", "answer": "A"}
    rows = ({"video": "a"}, good, {"question": "?", "id": "x7"})
    with pytest.raises(DataError) as caught:
        Quiz(Rows(rows), scorer=Spoken()).clips()
    assert str(caught.value) == (
        "quiz: row 1 has no field 'question'; row 3 (id x7) has no field 'video': does data= hold "
        "this benchmark? Mend these, or set allow_failures=true to leave them out as failed."
    )


def test_of_many_bad_rows_some_are_named_and_all_are_counted() -> None:
    with pytest.raises(DataError, match=r"row 50 has no field 'video'; and 3 more: does data="):
        Quiz(Rows(({},) * 53)).clips()


class Buggy(Quiz):
    """A task whose code looks a name up in a table of its own, or refuses a row."""

    def question(self, row: Row) -> Question:
        if row["video"] == "odd":
            raise DataError("its label is no letter")
        return Question("1", {"known": "text"}[str(row["video"])])


def test_a_bug_in_a_tasks_code_is_no_error_of_the_data() -> None:
    with pytest.raises(KeyError, match="other"):
        Buggy(Rows(({"video": "other"},))).clips()


def test_what_a_task_refuses_is_named_with_its_row() -> None:
    with pytest.raises(DataError, match=r"^quiz: row 1 \(uid u\): its label is no letter"):
        Buggy(Rows(({"video": "odd", "uid": "u"},))).clips()


def test_a_clip_without_a_video_needs_none_fetched() -> None:
    fetched: list[Path] = []

    class Noting(Rows):
        def prepare(self, names: Iterable[Path]) -> None:
            fetched.extend(names)

    Quiz(Noting()).prepare([CLIP, replace(CLIP, video=None)])
    assert fetched == [Path("v.mp4")]


def test_group_values_are_one_or_several_and_may_be_none() -> None:
    assert group_values("a") == ("a",)
    assert group_values(3) == ("3",)
    assert group_values(["a", "b"]) == ("a", "b")
    assert group_values("") == group_values([]) == ()
    assert Row(a="x", b=["y", "z"]).groups("b") == {"b": ("y", "z")}


def test_right_answers_are_found_by_place_letter_and_text() -> None:
    digits = ("2", "1", "0")
    assert gold_letter(1, digits, "place") == gold_letter("1", digits, "text") == "B"
    assert gold_letter("C", digits, "letter") == "C"
    for hidden in (None, "", -1):
        assert gold_letter(hidden, digits, "place") is None
    for wrong, given in (("3", "place"), ("D", "letter"), ("5", "text")):
        with pytest.raises(DataError, match=r"no .* of the options"):
            gold_letter(wrong, digits, given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    [
        "Who?\n(A) Ann\n(B) Bob",
        "Who?\nA. Ann\nB. Bob",
        "Who?\nOptions:\nA: Ann\nB: Bob\n",
        "Who?\n A) Ann\n B) Bob",
    ],
)
def test_options_are_split_from_a_question(said: str) -> None:
    assert split_options(said) == ("Who?", ("Ann", "Bob"))


def test_a_question_without_options_stays_whole() -> None:
    assert split_options("Who?\nA. Ann") == ("Who?\nA. Ann", ())
    assert split_options("Who? (A) Ann (B) Bob") == ("Who? (A) Ann (B) Bob", ())


def said(text: str) -> Response:
    return Response("q", text)


def test_unparsed_wrong_and_hidden_are_three_things() -> None:
    scorer = ChoiceScorer(name="right")
    assert scorer.score(QUESTION, said("B. dog")).values == {"right": 1.0}
    assert scorer.score(QUESTION, said("C")).values == {"right": 0.0}
    unparsed = scorer.score(QUESTION, said(""))
    assert (unparsed.values, unparsed.answer) == ({}, None)
    hidden = scorer.score(replace(QUESTION, target=None), said("C"))
    assert (hidden.values, hidden.answer) == ({}, "C")


def test_a_verdict_decides_where_the_source_compares() -> None:
    scorer = ChoiceScorer("mvbench")
    empty = scorer.score(QUESTION, said(""))
    assert (empty.values, empty.answer) == ({"accuracy": 1.0}, "B")
    sentence = scorer.score(QUESTION, said("The answer is (B)"))
    assert (sentence.values, sentence.answer) == ({"accuracy": 0.0}, None)
    other = scorer.score(QUESTION, said("(C) cow"))
    assert (other.values, other.answer) == ({"accuracy": 0.0}, "C")
    hidden = scorer.score(replace(QUESTION, target=None), said("(C) cow"))
    assert (hidden.values, hidden.answer) == ({}, "C")


def test_an_unknown_extractor_is_refused_before_anything_runs() -> None:
    with pytest.raises(RequestError, match=r"task.scorer.extractor=telepathy: use one of default"):
        ChoiceScorer("telepathy")


def test_guessing_is_worth_one_in_so_many_options() -> None:
    assert ChoiceScorer(name="right").chance(QUESTION) == {"right": 1 / 3}
    assert ChoiceScorer().chance(replace(QUESTION, options=())) is None


@pytest.mark.parametrize(
    ("kind", "structure", "scores", "points"),
    [
        ("relevance", "None", (0, 1, 0, 0), 1 / 16),
        ("relevance", "None", (1, 1, 0, 0), 4 / 16),
        ("relevance", "None", (1, 1, 1, 1), 1),
        ("logic", "[1, 2, 3, 4]", (0, 1, 1, 1), 0),
        ("logic", "[1, 2, 3, 4]", (1, 1, 0, 1), 4 / 16),
        ("logic", "[1, [2, 3], 4]", (1, 0, 1, 0), 4 / 12),
        ("logic", "[1, [2, 3], 4]", (1, 1, 1, 0), 7 / 12),
        ("logic", "[[1, 2], 3, 4]", (0, 1, 0, 0), 1 / 10),
        ("logic", "[[1, 2], 3, 4]", (1, 1, 1, 0), 5 / 10),
        ("logic", "[[1, 2], 3, 4]", (0, 0, 1, 1), 0),
        (
            "relevance",
            "None",
            (0.5, 0.5, 0.5, 0.5),
            (4 * 1 / 16 + 6 * 4 / 16 + 4 * 9 / 16 + 1) / 16,
        ),
    ],
)
def test_groups_of_four_by_hand(
    kind: str, structure: str, scores: tuple[float, ...], points: float
) -> None:
    assert group_score(kind, structure, scores) == pytest.approx(points)


def test_a_group_of_unknown_make_is_refused() -> None:
    with pytest.raises(DataError, match="cannot be scored"):
        group_score("logic", "[1]", (1, 1, 1, 1))
