"""Video-TT's judge: what it is asked, and from which score on an open answer is right."""

from __future__ import annotations

import pytest

from harness.errors import JudgeError
from harness.types import Question, Response
from tasks.videott import EnoughScorer
from tests.test_open_benchmarks import asked

QUESTION = Question("q", "Why?", target="He is late.")
RESPONSE = Response("q", "late")


def test_the_judge_is_asked_in_one_turn_and_without_the_closing_words(tmp_path):
    question = asked("videott/open", tmp_path)["0001-2"][1]
    (prompt,) = EnoughScorer().judge_prompts(question, RESPONSE)
    assert len(prompt.turns) == 1
    assert (
        prompt.turns[0]
        .parts[0]
        .text.startswith("You are an intelligent chatbot designed for evaluating the corr")
    )
    assert (
        "- Evaluate the correctness of the prediction compared to the answer.Please evaluate the "
        "following video-based question-answer pair:\n\nQuestion: Why does he run?\nCorrect "
        "Answer: He is late.\nPredicted Answer: late\n\nProvide your evaluation only as a yes/no"
    ) in prompt.text


@pytest.mark.parametrize(
    ("reply", "ours", "lmms"),
    [
        ("{'pred': 'yes', 'score': 4.8}", 4.8, 4.8),
        ("{'pred': 'no', 'score': 3}", 3.0, 3.0),  # right, whatever pred says
        ("{'pred': 'yes', 'score': 2}", 2.0, 2.0),
        ('```json\n{"pred": "yes", "score": 4}\n```', 4.0, 0.0),
        ("{'pred': 'yes'}", None, 0.0),
        ("yes, 4", 4.0, 0.0),
        ("", None, 0.0),
    ],
)
def test_an_answer_is_right_from_a_score_of_three_on(reply, ours, lmms):
    found = EnoughScorer("lmms").score_judged(QUESTION, RESPONSE, [reply]).values
    assert found == {"accuracy": float(lmms >= 3), "score": lmms}
    if ours is None:
        with pytest.raises(JudgeError):
            EnoughScorer().score_judged(QUESTION, RESPONSE, [reply])
    else:
        found = EnoughScorer().score_judged(QUESTION, RESPONSE, [reply]).values
        assert found == {"accuracy": float(ours >= 3), "score": ours}
