"""The judged scorers of single benchmarks: what they ask, word for word, and read in replies."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.errors import JudgeError, RequestError
from harness.scoring.judge_prompts import named
from harness.scoring.judge_rules import Stops
from harness.scoring.judge_slots import Bounded
from harness.scoring.judged import GradeScorer, StructuredScorer, SumScorer
from harness.types import Question, Response, Score

KINDS = {
    "sub_scene": ("mlvu_ssc_system", "mlvu_ssc_user", "score_accuracy", "score_relevance"),
    "summary": ("mlvu_summary_system", "mlvu_summary_user", "score_completeness", "score_other"),
}
SUM = SumScorer(KINDS)
SAID = Response("q", "He digs.")
LONG, CUT = "x" * 121, f"'{'x' * 120}'$"


def question(kind: str = "", **changes: object) -> Question:
    groups = {"task_type": (kind,), "question_type": (kind,)} if kind else {}
    return Question("q", "What does he do?", target="He sows.", groups=groups, **changes)  # type: ignore[arg-type]


def asked(scorer: SumScorer | StructuredScorer | GradeScorer, of: Question) -> Sequence[str]:
    """The key and the texts of the one prompt."""
    (prompt,) = scorer.judge_prompts(of, SAID)
    return prompt.key, *(part.text for turn in prompt.turns for part in turn.parts)  # type: ignore[union-attr]


def of_mlvu(lines: str) -> str:
    """A prompt as evaluate_ssc.py and evaluate_summary.py write it: each line behind 28 blanks."""
    first = (
        "Please score the respondent's answer according to the steps in the Instructions. "
        "You must end with a JSON dict to store the scores."
    )
    return "\n" + "".join(f"{' ' * 28}{line}\n" for line in (first, *lines.split("\n"))) + " " * 24


def test_mlvus_judge_is_shown_the_scoring_points_or_the_right_summary() -> None:
    scene = question("sub_scene", metadata={"scoring_points": ("a field", "it's dug")})
    points = "Scoring Points: ['a field', \"it's dug\"]"
    answer = "Respondent's Answer: He digs."
    user = of_mlvu(f"Question: What does he do?\n{points}\n{answer}")
    assert asked(SUM, scene) == ("scores", named("mlvu_ssc_system"), user)
    user = of_mlvu(f"Standard Answer: He sows.\n{answer}")
    assert asked(SUM, question("summary")) == ("scores", named("mlvu_summary_system"), user)
    assert "Scoring Points: []\n" in asked(SUM, question("sub_scene"))[2]


@pytest.mark.parametrize(
    ("said", "first", "second"),
    [(("1", "5"), 1.0, 5.0), (("5.0", "'1/5'"), 5.0, 1.0), (('"4 of 5"', "'2.5'"), 4.0, 2.5)],
)
@pytest.mark.parametrize("form", ["{%s}", "```json\n{%s, 'total_score': 0}\n```", "Of 7: {%s}"])
def test_mlvus_score_is_the_sum_of_both_parts(
    form: str, said: tuple[str, str], first: float, second: float
) -> None:
    reply = form % "'score_accuracy': {}, 'score_relevance': {}".format(*said)
    values = {"score": first + second, "score_accuracy": first, "score_relevance": second}
    assert SUM.score_judged(question("sub_scene"), SAID, [reply]) == Score(
        values, "He digs.", reply
    )
    assert SUM.bounds(question("sub_scene")) == {"score": (2.0, 10.0)}


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("{'score_accuracy': 4}", r"has no score_relevance: \"\{'score_accuracy': 4\}\"$"),
        ("4", "has no score_accuracy, score_relevance: '4'$"),
        (LONG, f"score_relevance: {CUT}"),
        ("{'score_accuracy': 4, 'score_relevance': 0}", "0 is outside 1 to 5"),
        ("{'score_accuracy': 6, 'score_relevance': 1}", "6 is outside 1 to 5"),
        ("{'score_accuracy': 4, 'score_relevance': 'high'}", "no number"),
    ],
)
def test_a_part_that_mlvus_judge_does_not_give_is_not_made_up(reply: str, why: str) -> None:
    with pytest.raises(JudgeError, match=why):
        SUM.score_judged(question("sub_scene"), SAID, [reply])


def test_mlvus_own_search_counts_the_part_that_is_there() -> None:
    official = SumScorer(KINDS, rule="mlvu")
    reply = "{'score_accuracy': 4, 'total_score': 9}"
    found = official.score_judged(question("sub_scene"), SAID, [reply])
    assert found == Score({"score": 4.0}, "He digs.", reply)
    with pytest.raises(Stops):
        official.score_judged(question("sub_scene"), SAID, ["{'score_relevance':4}"])


MMVU = StructuredScorer()


def test_mmvus_judge_is_shown_the_options_there_are() -> None:
    """As prepare_evaluation_message of yale-nlp/MMVU, utils/eval_utils.py, puts it together."""
    end = "Ground Truth Answer: He sows.\n\nModel Response to the Question: He digs."
    user = "Question: What does he do?\n\n" + end
    assert asked(MMVU, question("open-ended")) == ("verdict", named("mmvu_judge_open_system"), user)
    user = "Question: What does he do?\n\nOptions:\nA: dig\nB: sow\n\n" + end
    choice = question("multiple-choice", options=("dig", "sow"))
    assert asked(MMVU, choice) == ("verdict", named("mmvu_judge_mc_system"), user)


@pytest.mark.parametrize(
    ("reply", "right", "answer"),
    [
        ('{"extracted_answer": "B", "correct": true}', 1.0, "B"),
        ("{'extracted_answer': 'sows', 'correct': False}", 0.0, "sows"),
        ('{"extracted_answer": 7, "correct": " True "}', 1.0, "7"),
        ('{"correct": "FALSE"}', 0.0, None),
        (
            '{\n  "extracted_answer": "B"\n  "correct": true\n}',
            1.0,
            None,
        ),  # as it was shown: no ","
    ],
)
def test_mmvus_verdict_and_the_answer_it_is_about(
    reply: str, right: float, answer: str | None
) -> None:
    found = MMVU.score_judged(question("open-ended"), SAID, [reply])
    assert found == Score({"accuracy": right}, answer, reply)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [("{'correct': 'partly'}", "partly'}\"$"), ("{'correct': 1}", "1}\"$"), ("a sower", "sower'$"),
     (LONG, CUT)],
)  # fmt: skip
def test_mmvus_verdict_is_true_or_false(reply: str, shown: str) -> None:
    with pytest.raises(JudgeError, match=f"no true or false under correct: .*{shown}"):
        MMVU.score_judged(question("open-ended"), SAID, [reply])


GRADE = GradeScorer()


def test_videoevalpros_judge_is_asked_once_without_a_system_prompt() -> None:
    key, user = asked(GRADE, question())
    lines = "\nQuestion:What does he do? \nGoldtarget:He sows. \nPredictedanswer:He digs. \n"
    assert key == "grade"
    assert lines in user
    assert user.startswith("Your job is to look at a question generated from the video")


@pytest.mark.parametrize(
    ("right", "replies"),
    [
        (1.0, ["A", "a", " (A) ", "`A`.", "CORRECT", "**Correct**", "A: CORRECT", "A. correct",
               "<think>B? No.</think>\n\tA"]),
        (0.0, ["B", "INCORRECT", "B: incorrect", "C", "NOT_ATTEMPTED", "Not attempted.",
               "C: NOT ATTEMPTED", '"C. Not attempted"']),
    ],
)  # fmt: skip
def test_videoevalpros_grades(right: float, replies: list[str]) -> None:
    for reply in replies:
        found = GRADE.score_judged(question(), SAID, [reply])
        assert found == Score({"accuracy": right}, "He digs.", reply), reply


@pytest.mark.parametrize("reply", ["", "D", "A or B", "Answer: A", "A: INCORRECT", "ACORRECT", "X"])
def test_what_is_not_one_grade_is_none(reply: str) -> None:
    with pytest.raises(JudgeError, match=f"^the judge's reply is none of A, B, C: '{reply}'$"):
        GRADE.score_judged(question(), SAID, [reply])
    with pytest.raises(JudgeError, match=CUT):
        GRADE.score_judged(question(), SAID, [LONG])


def test_videoevalpros_own_rule_goes_by_the_first_letter() -> None:
    """gpt4o_judge.py: "Answer: C" begins with an A."""
    official = GradeScorer(rule="videoevalpro")
    for reply, right in (("Answer: C", 1.0), ("Correct", 0.0)):
        found = official.score_judged(question(), SAID, [reply])
        assert found == Score({"accuracy": right}, "He digs.", reply)


@pytest.mark.parametrize("scorer", [MMVU, GRADE])
def test_a_verdict_is_wrong_or_right(scorer: Bounded) -> None:
    assert scorer.bounds(question()) == {"accuracy": (0.0, 1.0)}


def test_what_no_scorer_knows_is_refused() -> None:
    for of, said in ((question("chat"), "=chat$"), (question(), "=$")):
        with pytest.raises(JudgeError, match=rf"^q: no judge prompt for question_type{said}"):
            MMVU.judge_prompts(of, SAID)
        with pytest.raises(JudgeError, match=r"^q: no judge prompt for its task_type$"):
            SUM.judge_prompts(of, SAID)
    for scorer in (SumScorer, GradeScorer):
        with pytest.raises(RequestError, match=r"task\.scorer\.rule=vcg"):
            scorer(KINDS, rule="vcg") if scorer is SumScorer else scorer(rule="vcg")
    with pytest.raises(RequestError, match="judge prompt 'none'"):
        GradeScorer(user="none")
