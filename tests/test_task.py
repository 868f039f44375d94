"""What benchmarks are made of: questions turned, labels found, scores added up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path

import pytest

from harness.errors import DataError, RequestError
from harness.scoring.aggregate import breakdown, chance, counted, headline
from harness.scoring.groups import group_score
from harness.task import (
    MultipleChoice,
    Row,
    by_clip,
    gold_letter,
    rotate,
    split_options,
    without_options,
)
from harness.types import Clip, Question, Record, Status, Text

TEMPLATE = "{question}\n{options}\nAnswer:"


@dataclass(frozen=True)
class Rows:
    """A source of rows without files."""

    listed: tuple[Row, ...] = ()

    def rows(self) -> Sequence[Row]:
        return self.listed

    def video(self, name: str) -> Path:
        return Path(name)

    def subtitles(self, name: str) -> Path | None:
        return None

    def identity(self) -> Mapping[str, str]:
        return {"rows": "here"}

    def prepare(self, names: Iterable[Path]) -> None:
        return None


@dataclass(frozen=True)
class Quiz(MultipleChoice):
    """The smallest benchmark there is."""

    source: Rows = field(default_factory=Rows)
    name: str = "quiz"
    template: str = TEMPLATE

    def clip(self, row: Row) -> Clip:
        return Clip(str(row["video"]), Path("v.mp4"), ())

    def question(self, row: Row) -> Question:
        return Question(str(row["place"]), str(row["text"]), ("cat", "dog", "cow"), "B")


QUESTION = Question("q", "Who?", ("cat", "dog", "cow"), "B", {"kind": "who"})
CLIP = Clip("v", Path("v.mp4"), (QUESTION,))


def text(task: MultipleChoice, question: Question = QUESTION) -> str:
    return task.prompt(CLIP, question, [0.0]).text


def test_rotating_moves_the_right_letter_with_its_text() -> None:
    turned = rotate(QUESTION, 1)
    assert turned.options == ("cow", "cat", "dog")
    assert (turned.gold, turned.id) == ("C", "q@1")
    texts = {
        rotate(QUESTION, by).options["ABC".index(rotate(QUESTION, by).gold or "")]
        for by in range(3)
    }
    assert texts == {"dog"}


def test_rotating_by_nothing_or_by_all_changes_nothing() -> None:
    assert rotate(QUESTION, 0) == rotate(QUESTION, 3) == QUESTION
    open_ended = replace(QUESTION, options=(), gold="a dog")
    assert rotate(open_ended, 1) == open_ended
    hidden = rotate(replace(QUESTION, gold=None), 2)
    assert (hidden.gold, hidden.options) == (None, ("dog", "cow", "cat"))


def test_without_options_the_text_of_an_option_still_scores() -> None:
    quiz, question = Quiz(primer="Best:("), without_options(QUESTION)
    assert text(quiz, question) == "user: <video>Who?\nAnswer the question using a short phrase."
    assert quiz.score(question, "It is a dog.").value == 1.0
    assert quiz.score(question, "a cat").value == 0.0
    assert quiz.score(question, "B").value is None


def test_a_prompt_has_its_system_and_its_primer() -> None:
    quiz = Quiz(system="Watch.", primer="Best option:(", option="({letter}) {text}")
    assert text(quiz) == (
        "system: Watch.\nuser: <video>Who?\n(A) cat\n(B) dog\n(C) cow\nAnswer:\n"
        "assistant: Best option:("
    )
    assert quiz.prompt(CLIP, QUESTION, []).subtitles is None


def test_braces_in_a_question_are_text() -> None:
    odd = replace(QUESTION, text="{options} {0}", options=("{x}", "{question}"))
    assert text(Quiz(), odd).endswith("{options} {0}\nA. {x}\nB. {question}\nAnswer:")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("reader", "telepathy"), ("aggregate", "median"), ("template", "{quest}"), ("template", "{")],
)
def test_a_wrong_protocol_is_refused_before_anything_runs(setting: str, value: str) -> None:
    with pytest.raises(RequestError, match=f"task.{setting}"):
        Quiz(**{setting: value})  # type: ignore[arg-type]


def test_unread_wrong_and_hidden_are_three_things() -> None:
    quiz = Quiz()
    assert quiz.score(QUESTION, "B. dog").value == 1.0
    assert quiz.score(QUESTION, "C").value == 0.0
    assert (quiz.score(QUESTION, "").value, quiz.score(QUESTION, "").answer) == (None, None)
    hidden = quiz.score(replace(QUESTION, gold=None), "C")
    assert (hidden.value, hidden.answer) == (None, "C")


def test_a_verdict_decides_where_the_source_judges() -> None:
    quiz = Quiz(reader="mvbench")
    assert quiz.score(QUESTION, "").value == 1.0
    assert quiz.score(QUESTION, "The answer is (B)").value == 0.0


def test_questions_are_gathered_by_clip_in_order() -> None:
    rows = ({"video": "b", "text": "1"}, {"video": "a", "text": "2"}, {"video": "b", "text": "3"})
    clips = Quiz(Rows(rows)).clips()
    assert [(c.id, [q.text for q in c.questions]) for c in clips] == [
        ("b", ["1", "3"]),
        ("a", ["2"]),
    ]


def test_two_questions_with_one_id_are_refused() -> None:
    with pytest.raises(DataError, match="'q' appears twice"):
        by_clip([(CLIP, QUESTION), (CLIP, QUESTION)])


def test_a_row_without_a_field_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="quiz has no field 'text'"):
        Quiz(Rows(({"video": "a"},))).clips()


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


def record(
    id: str, score: float | None, status: Status = "scored", response: str = "x", **groups: str
) -> Record:
    return Record(
        id, groups.pop("video", id), "", (), (), response, "stop", "A", score, status, None, 0.0,
        options=("a", "b", "c", "d"), gold="A", groups=groups,
    )  # fmt: skip


RECORDS = [
    record("1", 1.0, kind="x"),
    record("2", 0.0, kind="x"),
    record("3", 1.0, kind="x"),
    record("4", 1.0, kind="y"),
    record("5", None, "unread", kind="y"),
    record("6", None, "unread", response=" ", kind="y"),
    record("7", None, "failed", kind="y"),
]


def test_denominators_by_hand() -> None:
    assert headline(RECORDS) == pytest.approx(3 / 6)
    assert headline(RECORDS, denominator="answered") == pytest.approx(3 / 4)
    assert headline(RECORDS, denominator="nonempty") == pytest.approx(3 / 5)
    assert len(counted(RECORDS)) == 6
    assert isnan(headline([]))
    with pytest.raises(RequestError, match="denominator=some"):
        headline(RECORDS, denominator="some")
    with pytest.raises(RequestError, match="aggregate=median"):
        headline(RECORDS, "median")


def test_a_hidden_label_is_in_no_denominator() -> None:
    assert counted([replace(RECORDS[0], gold=None, score=None)]) == []


def test_macro_is_the_mean_of_the_groups_by_hand() -> None:
    assert headline(RECORDS, "macro:kind") == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert headline(RECORDS, "macro:kind", "answered") == pytest.approx((2 / 3 + 1 / 1) / 2)


def test_a_question_may_count_in_several_groups() -> None:
    both = record("8", 1.0, kind="x | y")
    assert {name: len(part) for name, part in breakdown([*RECORDS, both], "kind").items()} == {
        "x": 4,
        "y": 5,
    }


def test_chance_follows_from_the_options_and_the_aggregate() -> None:
    two = replace(record("9", 0.0, kind="y"), options=("a", "b"))
    assert chance([*RECORDS[:3], two]) == pytest.approx((3 * 0.25 + 0.5) / 4)
    assert chance([*RECORDS[:3], two], "macro:kind") == pytest.approx((0.25 + 0.5) / 2)


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


def test_interleaved_subtitles_need_a_file() -> None:
    prompt = Quiz(subtitles="interleaved").prompt(CLIP, QUESTION, [0.0])
    assert prompt.subtitles == 0
    assert isinstance(prompt.turns[0].parts[-1], Text)
