"""CG-Bench's modes: letters, clue intervals, the clue alone, open answers; its rules and sums."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import JudgeError, RequestError
from harness.run.judging import scored
from harness.scoring.extractors import EXTRACTORS, VERDICTS
from harness.scoring.interval_sets import (
    IntervalSetScorer,
    cgbench,
    merged,
    the_intervals,
    union_overlap,
)
from harness.types import Question, Record, Response, Score
from tasks.cgbench import AccuracyAtIoU, OpenScorer, clue_recovery
from tests.open_rows import ROWS
from tests.test_open_benchmarks import asked, task

FIVE = ("p", "q", "r", "s", "t")


def block(result: str) -> str:
    return f'```json\n{{"result": {result}}}\n```'


@pytest.mark.parametrize(
    ("first", "second", "iou"),
    [
        ([(0, 10)], [(0, 10)], 1.0),
        ([(0, 10)], [(5, 15)], 5 / 15),
        ([(0, 4), (2, 10)], [(0, 10)], 1.0),  # overlapping ones are one
        ([(0, 2), (8, 10)], [(0, 10)], 0.4),
        ([(20, 30)], [(0, 10)], 0.0),
        ([(0, 0.5)], [(0, 0.5)], 1.0),
        ([(3, 3)], [(3, 3)], 0.0),
        ([], [(0, 10)], 0.0),
    ],
)
def test_intervals_overlap_as_unions(first, second, iou):
    assert union_overlap(first, second) == pytest.approx(iou)
    assert merged([(4, 8), (0, 4), (9, 9)]) == [(0, 8), (9, 9)]  # those that touch are one


@pytest.mark.parametrize(
    ("text", "official", "ours"),
    [
        (block("[[8, 11]]"), [(8, 11)], [(8, 11)]),
        (block("[[1, 3], [20.5, 26]]"), [(1, 3), (20.5, 26)], [(1, 3), (20.5, 26)]),
        ("The clues are at 8 - 11 seconds.", [(8, 11)], [(8, 11)]),
        ("From 00:08 to 00:11.", [(0, 8), (0, 11)], [(8, 11)]),
        ("At 8, 11 and 20", None, [(8, 11)]),  # an odd count of numbers
        ("11 - 8", [(11, 8)], [(8, 11)]),
        ("8 - 8", [(8, 8)], None),
        (f"I see 2: {block('[[8, 11]]')}", [(8, 11)], [(8, 11)]),  # the block alone
        (f"From 1: {block('[8]')}", [(1, 8)], None),  # not of pairs: all numbers
        (block('"none"'), [], None),  # no numbers: none are paired
        ("I cannot tell.", [], None),
        ("", None, None),
        (block(str([[n, n + 1] for n in range(0, 14, 2)])), [(n, n + 1) for n in range(0, 14, 2)],
         [(n, n + 1) for n in range(0, 10, 2)]),  # the prompt allows five
    ],
)  # fmt: skip
def test_reading_intervals(text, official, ours):
    assert cgbench(text) == official
    assert the_intervals(text) == ours


def test_recall_is_the_mean_over_five_thresholds():
    question = Question("q", "?", target=[[0, 10]])
    found = IntervalSetScorer().score(question, Response("q", "0 - 3"))
    values = found.values
    assert found.answer == [[0.0, 3.0]]
    assert values["iou"] == pytest.approx(0.3)
    assert (values["rec@0.1"], values["rec@0.3"], values["rec@0.4"]) == (1, 1, 0)
    assert values["rec"] == pytest.approx(3 / 5)
    assert IntervalSetScorer().score(question, Response("q", "?")).values == {}
    hidden = Question("q", "?")
    assert IntervalSetScorer().score(hidden, Response("q", "0 - 3")) == Score({}, [[0.0, 3.0]])
    assert IntervalSetScorer().problem(hidden) is None
    assert IntervalSetScorer().problem(Question("q", "?", target=[[3, 9], [12, 15]])) is None
    assert "is no [[start, end], …]" in str(
        IntervalSetScorer().problem(Question("q", "?", target=[]))
    )
    assert "is no [[start, end], …]" in str(
        IntervalSetScorer().problem(Question("q", "?", target=[[3, 3]]))
    )
    with pytest.raises(RequestError, match="use one of default, cgbench"):
        IntervalSetScorer("mine")


@pytest.mark.parametrize(
    ("text", "right", "letter"),
    [
        (block('"E"'), True, "E"),
        (block("E"), True, "E"),  # a bare word is put in quotes
        (block('"A"'), False, "A"),
        (block('"e"'), False, None),
        ("E", True, "E"),
        ("It is not A, it is E.", True, "A"),  # right if it is among them
        ("A", False, "A"),
        ("the last one", False, None),
        ("", False, None),
    ],
)
def test_the_authors_rule_for_letters(text, right, letter):
    assert VERDICTS["cgbench"](text, FIVE, "E") is right
    assert EXTRACTORS["cgbench"](text, FIVE) == letter


def test_clues_are_asked_beside_the_letter_and_joined_by_question(tmp_path):
    found = asked("cgbench/clues", tmp_path)
    assert list(found) == ["5", "5_clues", "6", "6_clues"]
    assert found["6_clues"][1].target == [[1.0, 3.0], [20.0, 26.0]]
    assert (
        "Intervals exceeding five will NOT be considered valid.\nA total of 2"
        in found["5_clues"][2]
    )
    bench = task("cgbench/clues", tmp_path)
    replies = {"5": "E", "5_clues": "8 - 11", "6": "A", "6_clues": block("[[20, 23]]")}
    done = []
    for clip in bench.clips():
        for q in clip.questions:
            record = Record(q, clip.id, "", response=Response(q.key, replies[q.id]))
            done.append(scored(record, bench.scorer.score(q, record.response)))
    values = {metric.name: metric.estimate(done).value for metric in bench.metrics}
    iou = 3 / 8  # of 2 + 6 seconds
    assert values["mIoU"] == pytest.approx((1 + iou) / 2)
    assert values["rec@IoU"] == pytest.approx((5 / 5 + 3 / 5) / 2)
    assert values["acc@IoU"] == pytest.approx((5 / 5 + 3 / 5) / 2)
    assert values["long_acc"] == 1
    twice = [
        replace(r, question=replace(r.question, repeat=1), score=Score({"accuracy": 0.0}))
        for r in done
        if r.question.id == "5"
    ]
    for both in ([*done, *twice], [*twice, *done]):
        value = AccuracyAtIoU().estimate(both).value
        assert value == pytest.approx((0.5 * 5 / 5 + 3 / 5) / 2), "the mean of both askings"
    wrong = [r for r in done if r.question.id != "6"]
    q = next(r.question for r in done if r.question.id == "6")
    record = Record(q, "c", "", response=Response(q.key, "B"))
    wrong.append(scored(record, bench.scorer.score(q, record.response)))
    values = {metric.name: metric.estimate(wrong).value for metric in bench.metrics}
    assert (values["acc@IoU"], values["long_acc"]) == (0.5, 0.5)


def test_only_a_single_clue_can_be_shown_alone(tmp_path):
    found = asked("cgbench/clue_frames", tmp_path)
    assert {id: clip.segment for id, (clip, _, _) in found.items()} == {"5": (8.0, 11.0)}
    assert clue_recovery(0.3, 0.6) == 0.5
    assert clue_recovery(0.7, 0.6) == 1.0


def test_subtitles_and_frames_have_their_times(tmp_path):
    (tmp_path / "subtitles").mkdir()
    (tmp_path / "subtitles" / "c.srt").write_text(
        "1\n00:00:00,500 --> 00:00:02,250\nHello\n\n2\n00:00:09,000 --> 00:00:10,000\nBye\n"
    )
    text = asked("cgbench", tmp_path)["5"][2]
    assert "The subtitles of the video are as follows:\n\n[0.5, 2.25] Hello\n\nA total of 2" in text


@pytest.mark.parametrize(
    ("reply", "worth"),
    [(block("1"), 1.0), ("0", 0.0), ("The choice is 1.", 1.0), (block("2"), None), ("", None),
     ("0 or 1", None), ("3", None), ("10", None)],
)  # fmt: skip
def test_a_judge_that_wants_to_see_the_clue_gives_no_verdict(reply, worth):
    question = Question("q", "What?", target="p")
    response = Response("q", block('"a pear"'))
    if worth is None:
        with pytest.raises(JudgeError):
            OpenScorer().score_judged(question, response, [reply])
    else:
        found = OpenScorer().score_judged(question, response, [reply])
        assert (found.values, found.answer) == ({"accuracy": worth}, "a pear")
    (prompt,) = OpenScorer().judge_prompts(question, response)
    assert prompt.text.endswith("The model's prediction is 'a pear'\n\n")
    assert len(ROWS["cgbench"]) == 2


def test_the_words_are_the_authors(tmp_path):
    assert asked("cgbench", tmp_path)["5"][2] == (
        "You will be provided with sampled frames from a video, along with a multiple-choice "
        "question that includes a question and several answer options.\n"
        "Your task is to analyze the provided frames, infer the most plausible answer based on the "
        "visual information.\n"
        "If the video does not provide enough information, infer the answer based on the options "
        "available and still provide a result. Therefore, In all cases, an answer must be given.\n"
        "Only output the answer in the following format:\n\n"
        '```json\n{"result": "option"}\n```\n\n'
        'The "option" is the uppercase letter corresponding to your answer.\n\n'
        "A total of 2 frames are sampled. Their corresponding timestamps are:\n\n0.0, 1.0\n\n"
        "Question: Which?\n\nA:p\nB:q\nC:r\nD:s\nE:t\n\n"
    )
    assert asked("cgbench/open", tmp_path)["5"][2].endswith(
        "phrase, or sentence that directly responds to the question.\n\n"
        "A total of 2 frames are sampled. Their corresponding timestamps are:\n\n0.0, 1.0\n\n"
        "Question: Which?\n\n"
    )
