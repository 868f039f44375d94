"""Ratings on one or several axes: what is asked, when nothing is, and which replies count."""

from __future__ import annotations

import pytest

from harness.errors import JudgeError, RequestError
from harness.scoring.judge_prompts import named
from harness.scoring.judge_slots import COMPANIONS
from harness.scoring.judged import Axis, RatingScorer
from harness.types import Question, Response, Score

DETAIL = Axis("detail", "vcgbench_detail_user", "vcgbench_detail_system")
BARE = Axis("context", "vcgbench_context_user")
BOTH = RatingScorer({"all": (DETAIL, BARE)})
SHORT = RatingScorer({"all": (BARE,)}, shortest=3)
QUESTION = Question("q", "What is it?", target="a red car")


def said(text: str) -> Response:
    return Response("q", text)


def test_each_axis_is_asked_about_under_its_name_with_the_system_prompt_it_has() -> None:
    detail, context = BOTH.judge_prompts(QUESTION, said("a car"))
    assert (detail.key, context.key) == ("detail", "context")
    assert [turn.role for turn in detail.turns] == ["system", "user"]
    assert detail.turns[0].parts[0].text == named("vcgbench_detail_system")  # type: ignore[union-attr]
    assert [turn.role for turn in context.turns] == ["user"]


def test_a_reply_an_axis_makes_the_score() -> None:
    replies = ["{'score': 4}", "{'score': 2}"]
    found = BOTH.score_judged(QUESTION, said("a car"), replies)
    assert found == Score({"detail": 4.0, "context": 2.0}, "a car", "\n".join(replies))
    with pytest.raises(ValueError, match="shorter"):
        BOTH.score_judged(QUESTION, said("a car"), replies[:1])
    with pytest.raises(JudgeError, match="no score"):  # the other axis is not kept
        BOTH.score_judged(QUESTION, said("a car"), [replies[0], "fair"])


@pytest.mark.parametrize(("text", "prompts"), [("ab", 0), (" ab ", 0), ("abc", 1)])
def test_a_response_is_asked_about_from_the_shortest_length_on(text: str, prompts: int) -> None:
    assert len(SHORT.judge_prompts(QUESTION, said(text))) == prompts


def test_axes_go_by_the_first_group_that_has_any() -> None:
    scorer = RatingScorer({"long": (BARE,), "short": (DETAIL,)}, by="length")
    for lengths, name in ((("odd", "long"), "context"), (("short", "long"), "detail")):
        question = Question("q", "What is it?", groups={"length": lengths})
        assert scorer.bounds(question) == {name: (0.0, 5.0)}
    for question, named_ in (
        (QUESTION, "$"),
        (Question("q", "?", groups={"length": ("a", "b")}), "a, b$"),
    ):
        with pytest.raises(JudgeError, match=rf"^q: no axis is rated for length={named_}"):
            scorer.bounds(question)


def of_pair(**more: object) -> Question:
    metadata = {"pair": "2", "place": 1, "pair_question": "What is red?"}
    return Question("q", "What is it?", target="a car", metadata=metadata | more)


def test_a_short_response_of_a_pair_is_asked_about_with_the_other() -> None:
    assert len(SHORT.judge_prompts(of_pair(**{COMPANIONS: {"2": "the car"}}), said("ab"))) == 1
    assert SHORT.companions(of_pair()) == ["2"]
    assert SHORT.companions(QUESTION) == []


@pytest.mark.parametrize("metadata", [{}, {COMPANIONS: {}}, {COMPANIONS: {"3": "the car"}}])
def test_a_pair_is_not_judged_by_one_response(metadata: dict[str, object]) -> None:
    with pytest.raises(JudgeError, match=r"^q: the other question of its pair has no response$"):
        SHORT.judge_prompts(of_pair(**metadata), said("a car"))


@pytest.mark.parametrize(("reply", "score"), [("1", 1.0), ("10", 10.0), ("'9/10'", 9.0)])
def test_the_scale_is_the_scorers_own(reply: str, score: float) -> None:
    ten = RatingScorer({"all": (BARE,)}, low=1.0, high=10.0)
    found = ten.score_judged(QUESTION, said("a car"), [f"{{'score': {reply}}}"])
    assert found.values == {"context": score}
    with pytest.raises(JudgeError, match="0 is outside 1 to 10"):
        ten.score_judged(QUESTION, said("a car"), ["{'score': 0}"])


def test_a_sources_own_rule_reads_a_rating() -> None:
    """Video-ChatGPT's int() of 4.8 is 4; LLaVA-NeXT's takes any key for the score."""
    for rule, reply in (("vcg", "{'score': 4.8}"), ("lnext", "{'Detail': 4}")):
        scorer = RatingScorer({"all": (BARE,)}, rule=rule)
        assert scorer.score_judged(QUESTION, said("a car"), [reply]).values == {"context": 4.0}
    with pytest.raises(RequestError, match=r"task\.scorer\.rule=mlvu"):
        RatingScorer({"all": (BARE,)}, rule="mlvu")
