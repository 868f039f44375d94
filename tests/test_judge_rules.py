"""Every row of the truth tables: what each official rule makes of a judge's reply."""

from __future__ import annotations

import pytest

from harness.errors import JudgeError
from harness.scoring import judge_rules as rules
from harness.scoring.judge_replies import JudgeRefused, as_asked, fields, rating, verdict

FENCED = "```python\n{'pred': 'yes', 'score': 4}\n```"
AGAIN, STOPS = rules.AskAgain, rules.Stops


def outcome(rule, reply):
    """(accuracy, score), or the kind of JudgeError."""
    try:
        values = rule(reply)
    except JudgeError as error:
        return type(error)
    return values.get("accuracy"), values["score"]


@pytest.mark.parametrize(
    ("reply", "official", "lmms"),
    [
        ("{'pred': 'yes', 'score': 4.8}", (1, 4), (1, 4)),
        ("{'pred': 'no', 'score': '3'}", (0, 3), (0, 3)),
        (FENCED, AGAIN, (1, 4)),
        ("Sure: {'pred': 'yes', 'score': 4}", AGAIN, (1, 4)),
        ("{'pred': 'correct', 'score': 5}", (None, 5), (None, 5)),
        ("{'pred': 'cannot say', 'score': 2}", (0, 2), (0, 2)),
        ("{'pred': 'yes', 'score': 7}", (1, 7), (1, 7)),
        ("{'pred': 'yes', 'score': -1}", (1, -1), (1, -1)),
        ("{'pred': 'yes', 'score': 4} or {'pred': 'no', 'score': 1}", AGAIN, (1, 4)),
        ("{'pred': 'yes', 'score': 4", AGAIN, (1, 4)),  # cut off: the brace is put there
        ("} {'pred': 'yes', 'score': 4} {", AGAIN, (1, 4)),
        ("{'pred': 'yes', 'score': {'of': 5}}", STOPS, STOPS),
        ("{'pred': 'yes'}", STOPS, STOPS),
        ("{'score': 4}", STOPS, STOPS),
        ("{'pred': True, 'score': 4}", STOPS, STOPS),
        ("{'pred': 'yes', 'score': 'N/A'}", STOPS, STOPS),
        ("{'pred': yes, 'score': 4}", AGAIN, STOPS),
        ("yes, 4", AGAIN, STOPS),
        ("", AGAIN, STOPS),
    ],
)
def test_yes_no_and_score(reply, official, lmms):
    assert outcome(rules.vcg_yes_no, reply) == official
    assert outcome(rules.lmms_yes_no, reply) == lmms


@pytest.mark.parametrize(
    ("reply", "vcg", "lnext", "lmms"),
    [
        ("{'score': 4}", 4, 4, 4),
        ("{'score': 4.8}", 4, 4, 4),
        ("{'score': '4'}", 4, 4, 4),
        ("{''score': 4.8}", AGAIN, AGAIN, 0),
        ('```json\n{"score": 4}\n```', AGAIN, AGAIN, 0),
        ("{'score': 4}.", AGAIN, AGAIN, 0),
        ("{'Score': 4}", STOPS, 4, 0),
        ("{'detail orientation score': 4}", STOPS, 4, 0),
        ("4", STOPS, STOPS, 0),
        ("[4]", STOPS, STOPS, 0),
        ("{4}", STOPS, STOPS, 0),
        ("{'score': '4.8'}", STOPS, STOPS, 0),
        ("{'score': None}", STOPS, STOPS, 0),
        ("{'score': 9}", 9, 9, 9),
        ("", AGAIN, AGAIN, 0),
    ],
)
def test_score_of_one_axis(reply, vcg, lnext, lmms):
    def read(rule):
        try:
            return rule(reply)["score"]
        except JudgeError as error:
            return type(error)

    assert (read(rules.vcg_score), read(rules.lnext_score)) == (vcg, lnext)
    assert read(rules.lmms_score) == lmms


@pytest.mark.parametrize(
    ("reply", "rate"),
    [
        ("Answer: B. running", 1),
        ("Answer: B", 0),
        ("Answer: (B) running", 0),
        ("B: running", 0),
        ("Option B. running", 0),
        ("**Answer: B. running**", 0),
        ("Answer:\nB. running", 0),
        ("B. running", 1),
        ("Answer: B. running (not A. walking)", 0),
        ("Answer: B. running (by SpaceX.)", 1),
        ("Answer: None of the choices are correct", 0),
        ("Answer: B. running\nAnswer: C. sitting", 0),
        ("", -1),
    ],
)
def test_tempcompass_captioning(reply, rate):
    assert rules.tempcompass_caption(reply, "B. running") == rate


@pytest.mark.parametrize(
    ("reply", "rate"),
    [
        ("Correct. It would be Incorrect if", 1),
        ("Not Correct", 1),
        ("The prediction is Correct.", 1),
        ("It is Correct, not Incorrect", 0),
        ("Incorrect", 0),
        ("Incorrect. It would be Correct if", 0),
        ("correct", AGAIN),
        ("Yes", AGAIN),
        ("", AGAIN),
    ],
)
def test_tempcompass_fallback(reply, rate):
    if rate is AGAIN:
        with pytest.raises(AGAIN):
            rules.tempcompass_fallback(reply)
    else:
        assert rules.tempcompass_fallback(reply) == rate


KEYS = ("score_accuracy", "score_relevance")


@pytest.mark.parametrize(
    ("reply", "total"),
    [
        ("{'score_accuracy': 3.67, 'score_relevance': 5, 'total_score': 8.67}", 8.67),
        ('```json\n{\n "score_accuracy": 4,\n "score_relevance": 5,\n "total_score": 9\n}\n```', 9),
        ("{'score_accuracy': 4, 'score_relevance': 5}", 9),
        ("{'score_accuracy':4,'score_relevance':5,'total_score':9}", STOPS),
        ("{'score_accuracy': '4', 'score_relevance': '5', 'total_score': 9}", STOPS),
        ("{'score_accuracy': 4/5, 'score_relevance': 5, 'total_score': 9}", STOPS),
        ("The score_accuracy is high. {'score_accuracy': 4, 'score_relevance': 5, 't': 9}", 9),
        ("score_accuracy: I give 4. {'score_accuracy': 4, 'score_relevance': 5, 't': 9}", STOPS),
        ("Accuracy: 4, Relevance: 5", 0),
        ("Failed to obtain answer via API.", 0),
        ("{'score_accuracy': 4, 'total_score': 9}", 4),
        ("{'score_relevance': 5, 'total_score': 9}", 5),
    ],
)
def test_mlvu(reply, total):
    if total is STOPS:
        with pytest.raises(STOPS):
            rules.mlvu_official(reply, KEYS)
    else:
        assert rules.mlvu_official(reply, KEYS)["score"] == pytest.approx(total)


@pytest.mark.parametrize(
    ("reply", "score"),
    [("3", 3), (" 2 ", 2), ("0", 0), ("4", 4), ("-1", 0), ("3.", 0), ("2.0", 0),
     ("Score: 2", 0), ("2 - mostly", 0), ("03", 0), ("", 0),
     ("Failed to obtain answer via API.", 0)],
)  # fmt: skip
def test_mmbench_video_all(reply, score):
    assert rules.mmbench_video(reply)["score"] == score


@pytest.mark.parametrize(
    ("reply", "right"),
    [("0 (score out of 10)", 1), ("0. The prediction gives 1 of 2 items", 1), ("1", 1), ("0", 0)],
)
def test_lmms_binary_takes_any_one_for_right(reply, right):
    assert rules.lmms_binary(reply) == {"accuracy": float(right)}


@pytest.mark.parametrize(
    ("reply", "right"),
    [("0 (score out of 10)", 1),
     ("0. The prediction gives 1 of 2 items", 1), ("not correct", 1),
     ("CORRECT", 1), ("yes", 1), ("That is True.", 1), ("Incorrect", 0), ("NOT_ATTEMPTED", 0),
     ("not_attempted, 1 of 2", 0), ("0", 0), ("", 0)],
)  # fmt: skip
def test_lmms_evals_verifier_takes_not_correct_for_right(reply, right):
    assert rules.lmms_verifier(reply) == {"accuracy": float(right)}


@pytest.mark.parametrize(
    ("reply", "official", "lmms"),
    [
        ("{'pred': 'correct', 'score': 4, 'reason': 'same'}", (1, 4), (1, 4)),
        ("{'pred': 'Correct', 'score': 4, 'reason': 'same'}", (1, 4), (0, 4)),
        ("{'pred': 'correct', 'score': 4, 'reason': 'It's the same'}", (1, 4), (0, 0)),
        ("{'pred': 'correct', 'score': 4, 'reason': 'It's 'reason': 'x'}", (1, 4), (0, 0)),
        ("{'pred': 'correct', 'score': 4}", (1, 4), (1, 4)),
        ("{'pred': 'correct'}", STOPS, (1, 0)),
        ("{'pred': 'incorrect', 'score': 1, 'reason': 'x'}", (0, 1), (0, 1)),
        ("{'pred': 'partially correct', 'score': 2, 'reason': 'x'}", (None, 2), (0, 2)),
        ("I am sorry", AGAIN, (0, 0)),
    ],
)
def test_cvrr(reply, official, lmms):
    assert outcome(rules.cvrr_official, reply) == official
    assert outcome(rules.cvrr_lmms, reply) == lmms


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("Sure: {'pred': 'Correct', 'score': 4.8}", (1, 4)),
        ("{'pred': 'incorrect',\n'score': '2'} {'pred': 'correct', 'score': 5}", (0, 2)),
        ("{'pred': 'partially correct', 'score': 3}", (0, 3)),
        ("{'score': 3}", (0, 3)),
        ("{'pred': 'correct'}", (1, 0)),
        ("{'pred': 'correct', 'score': 'N/A'}", rules.Dropped),
        ("{correct, 4}", rules.Dropped),
        ("{4}", rules.Dropped),
        ("correct, 4", rules.Dropped),
    ],
)
def test_egotempo_reads_the_first_braces(reply, found):
    assert outcome(rules.egotempo, reply) == found


def test_tarsier_drops_what_is_not_exact():
    assert outcome(rules.tarsier_yes_no, "{'pred': 'yes', 'score': 4.5}") == (1, 4.5)
    assert outcome(rules.tarsier_yes_no, "{'pred': 'no', 'score': 0}") == (0, 0)
    assert outcome(rules.tarsier_yes_no, "{'pred': 'yes', 'score': '5'}") == (1, 5)
    assert outcome(rules.tarsier_yes_no, "{'pred': 'no', 'score': -0.5}") is rules.Dropped
    for reply in ("{'pred': 'Yes', 'score': 4}", "{'pred': 'no', 'score': 6}", "no", "{}"):
        assert outcome(rules.tarsier_yes_no, reply) is rules.Dropped


def test_videoevalpro_takes_answer_for_the_letter_a_and_a_failure_for_right():
    assert rules.videoevalpro("Answer: C") == {"accuracy": 1.0}
    assert rules.videoevalpro("") == {"accuracy": 1.0}
    assert rules.videoevalpro("B") == {"accuracy": 0.0}


READABLE = [
    ("{'pred': 'yes', 'score': 4.8}", True, 4.8, "ok"),
    ('{"pred": "no", "score": 2}', False, 2, "ok"),
    (FENCED, True, 4, "repaired"),
    ("Sure: {'pred': 'yes', 'score': 4}", True, 4, "repaired"),
    ("{'pred': yes, 'score': 4}", True, 4, "repaired"),
    ("{'pred': True, 'score': 4}", True, 4, "ok"),
    ("{''pred': 'yes', ''score': 4}", True, 4, "repaired"),
    ("{“pred”: “no”, “score”: “1/5”}", False, 1, "repaired"),
    ("pred: yes, score: 4", True, 4, "repaired"),
    ("yes, 4", True, 4, "repaired"),
    ("No, 2", False, 2, "repaired"),
    ("Verdict: yes, score: 4", True, 4, "repaired"),
    ("Yes. Score: 4 out of 5", True, 4, "repaired"),
    ("<think>score: 1 maybe</think>{'pred': 'no', 'score': 0}", False, 0, "repaired"),
    ("{'pred': 'incorrect', 'score': 2, 'reason': 'It's wrong, score: low'}", False, 2, "repaired"),
    ("{'pred': 'not correct', 'score': 1}", False, 1, "repaired"),
    ("{'pred': 'yes', 'score': 4", True, 4, "repaired"),
]


@pytest.mark.parametrize(("reply", "right", "score", "status"), READABLE)
def test_ours_reads_what_a_careful_human_would(reply, right, score, status):
    assert verdict(reply) == (right, status)
    assert rating(reply)[0] == score


@pytest.mark.parametrize(
    "reply",
    ["", "{'pred': 'cannot say', 'score': 2}", "yes and no", "{'pred': 'partially correct'}",
     "'pred': 'yes' … 'pred': 'no'", "4"],
)  # fmt: skip
def test_ours_does_not_guess_a_verdict(reply):
    with pytest.raises(JudgeError):
        verdict(reply)


@pytest.mark.parametrize(
    "reply",
    ["{'score': 7}", "{'score': -1}", "{'score': None}", "{'score': 'N/A'}", "4 or 5", "",
     "{'score': '4/10'}", "{'pred': 'yes'}"],
)  # fmt: skip
def test_ours_does_not_guess_a_score(reply):
    with pytest.raises(JudgeError):
        rating(reply)


@pytest.mark.parametrize(
    ("reply", "score"),
    [
        ("{'Overall_Score': 4}", 4),
        ("It gets {'temporal score': '3/5'} from me, of 2 tries", 3),
        ("{'first score': 1} no: {'final score': 2}", 2),  # the last of them
        ("{'quality': 4}", 4),  # the only number
        ("{'quality': 4, 'length': 12}", JudgeError),
        ("of 2 tries {'quality': 4}", JudgeError),
        ("{4}", 4),
        ("2 tries: {4}", 4),
        ("2 tries: {4, 3}", JudgeError),
        ("I'm sorry, but of 2 answers I cannot judge 1.", JudgeRefused),
    ],
)
def test_a_score_under_another_key_or_the_only_number(reply, score):
    if isinstance(score, type):
        with pytest.raises(score) as caught:
            rating(reply)
        assert type(caught.value) is score
    else:
        assert rating(reply) == (score, "repaired")


def test_why_a_reply_has_no_score_is_said():
    for reply, why in (("a colour", "no score"), ("4 or 5", "several numbers")):
        with pytest.raises(JudgeError, match=rf"cannot be read \({why}\): '{reply}'"):
            rating(reply)


@pytest.mark.parametrize(
    ("reply", "plain"), [("{'score': 4}", True), (" yes ", True), ("4", True), ("yes, 4", False)]
)
def test_what_was_asked_for_is_told_from_more(reply, plain):
    assert as_asked(reply) is plain


def test_a_refusal_is_told_from_nonsense():
    with pytest.raises(JudgeRefused):
        rating("I'm sorry, but I cannot assist with that.")
    assert fields("{'Pred': 'yes'}", ("pred",)).values == {"pred": "yes"}
