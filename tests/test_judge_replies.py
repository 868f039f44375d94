"""What is mended in a judge's reply: each row is read by one line of the reader alone."""

from __future__ import annotations

import pytest

from harness.errors import JudgeError
from harness.scoring.judge_replies import JudgeRefused, fields, rating, verdict

INNER = "'was': {'score': 1}"
"""Beside a score: only who reads the whole dict knows which of both is meant."""


@pytest.mark.parametrize(
    "reply",
    [
        f"Sure: {{'score': 4, {INNER}}}. Fair?",
        f"{{'score': 4, {INNER}",  # cut off
        f"{{'seen': {{}}, {INNER}, 'score': 4}} }} {{",
        "{''score': 4, 'was': {''score': 1}}",  # as the published prompt's own example has it
        '{"score": 4, "why": null, "was": {"score": 1}, }',
        "{was: {score: 1}, score: 4}",
        "{WAS: {SCORE: 1}, Score: 4}",
        "{'score': 4/5, 'was': {'score': 1/5}}",
        "{'score': 4.0 / 5, 'was': {'score': 1}}",
        f"{{'score': 4, 'same': true, {INNER}}}",
        f"{{'score': 4, 'same': false, {INNER}}}",
        f"{{'score': 4, 'same': yes, {INNER}}}",
        f"{{'score': 4,\n'why': 'one\ntwo',\n{INNER}}}",
        "<think>I give\n1 or 2.</think>4",
        "Score: 4.\nScore: 4",
    ],
)
def test_a_score_of_4_is_read_where_another_number_stands(reply: str) -> None:
    assert rating(reply) == (4.0, "repaired")


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("{'pred': yes, 'was': {'pred': no}}", True),
        ("{'pred': YES, 'was': {'pred': No}}", True),
        ("{'pred': incorrect, 'was': {'pred': correct}}", False),
        ("{'pred': true, 'was': {'pred': false}}", True),
        ("{'pred': false, 'was': {'pred': true}}", False),
        ("```text\nyes\n```", True),
        ("```no```", False),
        ("prediction: no\nfor 'yes' is what I hoped for", False),
        ("The verdict is wrong.", False),
    ],
)
def test_a_verdict_is_read_where_another_stands(reply: str, right: bool) -> None:
    assert verdict(reply) == (right, "repaired")


def test_words_of_ones_own_may_begin_with_each_other() -> None:
    yes, no = ("no doubt", "sure"), ("no", "sure not")
    assert verdict("No doubt about it", yes, no)[0] is True
    assert verdict("Sure not, as it is red", yes, no)[0] is False
    assert verdict("No, it is red", yes, no)[0] is False


@pytest.mark.parametrize("reply", ["N/A", "Y or N", "n"])
def test_a_letter_alone_opens_no_reply(reply: str) -> None:
    with pytest.raises(JudgeError, match="no yes or no"):
        verdict(reply)


@pytest.mark.parametrize(("length", "shown"), [(120, "x" * 120), (121, "x" * 117 + "…")])
def test_a_long_reply_is_shown_by_its_beginning(length: int, shown: str) -> None:
    with pytest.raises(JudgeError, match=rf"cannot be read \(no yes or no\): '{shown}'$"):
        verdict("x" * length)


def test_what_is_wrong_with_a_reply_is_said() -> None:
    with pytest.raises(JudgeError, match=r"\(score is given several values\): 'Score: 4 Score: 5'"):
        rating("Score: 4\nScore: 5")
    with pytest.raises(JudgeError, match="several that differ"):
        fields("{'pred': 'yes'} {'pred': 'no'}", ("pred",))
    for read in (verdict, rating):
        with pytest.raises(JudgeRefused, match=r"^the judge refused: 'I cannot judge 2 of 3\.'$"):
            read("I cannot judge 2 of 3.")
