"""The judge stage: kept replies, failures that are no zeros, rounds, pairs, controls."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import pytest

from harness.errors import JournalError
from harness.run.judge_calls import Calls
from harness.run.judge_controls import judge_controls, missing
from harness.run.judging import (
    GENERATION,
    judge_responses,
    judgements,
    scored,
)
from harness.scoring.judged import Axis, RatingScorer, YesNoScorer
from harness.types import Failure, Generation, Question, Record, Response, Score

ACTIVITYNET = YesNoScorer("activitynetqa_user", "activitynetqa_system")
PAIRS = RatingScorer(
    {"all": (Axis("consistency", "vcgbench_consistency_user", "vcgbench_consistency_system"),)}
)


@dataclass
class Judge:
    """Says yes when the prediction is the right answer; counts what it is asked."""

    name: str = "judge"
    reply: str = ""
    fails: int = 0
    seen: list = field(default_factory=list)

    def identity(self):
        return {"name": self.name}

    def generate(self, samples, generation):
        for sample in samples:
            assert sample.frames is None
            for prompt in sample.prompts:
                self.seen.append(prompt.text)
                if self.fails:
                    self.fails -= 1
                    yield Failure(prompt.key, "model", "busy")
                    continue
                yield Response(prompt.key, self.reply or self._say(prompt.text))

    def _say(self, text):
        gold = text.split("Correct Answer: ")[1].split("\n")[0]
        said = text.split("Predicted Answer: ")[1].split("\n")[0]
        right = gold == said
        return str({"pred": "yes" if right else "no", "score": 5 if right else 0})


def record(id, said, gold="red", status="unscored", **metadata):
    question = Question(id, f"what colour is {id}", target=gold, metadata=metadata)
    return Record(question, f"video {id}", "", response=Response(id, said), status=status)


def test_a_response_is_scored_and_a_second_scoring_asks_nothing(tmp_path):
    records = [record("a", "red"), record("b", "blue"), record("c", "red")]
    judge = Judge()
    lines = []
    scores = judge_responses(judge, ACTIVITYNET, records, tmp_path, lines.append)
    assert [scores[key].values for key in "abc"] == [
        {"accuracy": 1.0, "score": 5.0},
        {"accuracy": 0.0, "score": 0.0},
        {"accuracy": 1.0, "score": 5.0},
    ]
    assert len(judge.seen) == 3
    assert lines == ["judge: 3 calls, 0 already kept"]
    again = Judge()
    assert judge_responses(again, ACTIVITYNET, records, tmp_path) == scores
    assert again.seen == []


def test_another_judge_other_settings_and_another_answer_are_asked_anew(tmp_path):
    records = [record("a", "red")]
    judge_responses(Judge(), ACTIVITYNET, records, tmp_path)
    other, longer, changed = Judge("other"), Judge(), Judge()
    judge_responses(other, ACTIVITYNET, records, tmp_path)
    judge_responses(
        longer, ACTIVITYNET, records, tmp_path, generation=Generation(max_new_tokens=64)
    )
    judge_responses(changed, ACTIVITYNET, [record("a", "blue")], tmp_path)
    assert [len(judge.seen) for judge in (other, longer, changed)] == [1, 1, 1]


def test_the_same_prompt_is_asked_once_for_two_questions(tmp_path):
    first = record("a", "red")
    second = replace(first, question=replace(first.question, id="b"))
    judge = Judge()
    scores = judge_responses(judge, ACTIVITYNET, [first, second], tmp_path)
    assert len(judge.seen) == 1
    assert scores["a"] == scores["b"]


def test_a_failed_call_is_no_zero_and_is_made_again(tmp_path):
    records = [record("a", "red")]
    scores = judge_responses(Judge(fails=1), ACTIVITYNET, records, tmp_path)
    assert scores["a"] == Failure("a", "judge", "the judge failed: busy")
    after = scored(records[0], scores["a"])
    assert (after.status, after.score, after.stage) == ("unscored", None, "judge")
    again = judge_responses(Judge(), ACTIVITYNET, records, tmp_path)
    assert scored(records[0], again["a"]).status == "scored"


def test_a_reply_that_says_nothing_is_unscored_and_kept(tmp_path):
    judge = Judge(reply="The answers are about colours.")
    found = judgements(judge, ACTIVITYNET, [record("a", "red")], tmp_path)
    assert found.by_key["a"].parse == "failed"
    assert "no yes or no" in found.by_key["a"].outcome.reason
    assert not found.complete
    refused = Judge("b", reply="I'm sorry, I cannot assist with that.")
    assert (
        judgements(refused, ACTIVITYNET, [record("a", "red")], tmp_path).by_key["a"].parse
        == "refused"
    )
    assert judgements(judge, ACTIVITYNET, [record("a", "red")], tmp_path).asked == 0


def test_two_in_a_hundred_may_be_without_a_verdict(tmp_path):
    records = [record(str(n), f"colour {n}") for n in range(100)]
    assert judgements(Judge(fails=2), ACTIVITYNET, records, tmp_path / "a").complete
    assert not judgements(Judge(fails=3), ACTIVITYNET, records, tmp_path / "b").complete


def test_failed_and_truncated_records_are_not_judged(tmp_path):
    records = [
        record("a", "red", status="truncated"),
        replace(record("b", "red", status="failed"), response=None),
    ]
    judge = Judge()
    assert judge_responses(judge, ACTIVITYNET, records, tmp_path) == {}
    assert judge.seen == []


def test_a_run_keeps_its_replies_and_how_they_were_read(tmp_path):
    judge = Judge(reply="```json\n{'pred': 'yes', 'score': 4}\n```")
    file = tmp_path / "judge.jsonl"
    judge_responses(judge, ACTIVITYNET, [record("a", "x")], tmp_path / "calls", file=file)
    first, line = map(json.loads, file.read_text().splitlines())
    assert first["judge"] == {"name": "judge"}
    assert line["question"] == "a"
    assert line["replies"] == [judge.reply]
    assert line["parse"] == "repaired"
    assert line["values"] == {"accuracy": 1.0, "score": 4.0}
    (kept,) = (tmp_path / "calls").glob("*.jsonl")
    head, call = map(json.loads, kept.read_text().splitlines())
    assert head["judge"] == {"name": "judge"}
    assert head["settings"]["max_new_tokens"] == GENERATION.max_new_tokens
    assert (call["prompt"], call["reply"]) == (line["prompts"][0], judge.reply)


def test_a_line_cut_off_by_a_crash_is_asked_again_and_hurts_no_other(tmp_path):
    records = [record("a", "red"), record("b", "blue")]
    judge_responses(Judge(), ACTIVITYNET, records, tmp_path)
    (file,) = tmp_path.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-20])
    judge = Judge()
    judge_responses(judge, ACTIVITYNET, records, tmp_path)
    assert len(judge.seen) == 1
    silent = Judge()
    judge_responses(silent, ACTIVITYNET, records, tmp_path)
    assert silent.seen == []


def test_a_judge_that_dies_keeps_what_it_said(tmp_path):
    class Dies(Judge):
        def generate(self, samples, generation):
            for number, answer in enumerate(super().generate(samples, generation)):
                if number == 2:
                    raise OSError("gone")
                yield answer

    records = [record(str(n), f"colour {n}") for n in range(5)]
    with pytest.raises(OSError, match="gone"):
        judge_responses(Dies(), ACTIVITYNET, records, tmp_path)
    judge = Judge()
    judge_responses(judge, ACTIVITYNET, records, tmp_path)
    assert len(judge.seen) == 3


def test_another_judges_file_is_refused(tmp_path):
    calls = Calls(tmp_path, {"name": "a"}, GENERATION)
    calls.file.write_text(json.dumps(calls.head | {"judge": {"name": "b"}}) + "\n")
    with pytest.raises(JournalError, match="another judge's replies"):
        Calls(tmp_path, {"name": "a"}, GENERATION)


def pair(**more):
    first = record("1", "one", pair="2", place=1, pair_question="what colour is 2", **more)
    return first, record("2", "two", pair="1", place=2, pair_question="what colour is 1")


def test_consistency_is_judged_with_both_responses(tmp_path):
    judge = Judge(reply="{'score': 3}")
    first, second = pair()
    scores = judge_responses(judge, PAIRS, [first, second], tmp_path)
    asked = judge.seen[0]
    assert "Question 1: what colour is 1\nQuestion 2: what colour is 2\n" in asked
    assert "Question 1: one\nPredicted Answer to Question 2: two" in asked
    assert len(judge.seen) == 1  # both questions of a pair share their verdict
    assert scores["1"].values == scores["2"].values == {"consistency": 3.0}


def test_the_blogs_own_column_shows_question_1_twice(tmp_path):
    judge = Judge(reply="{'score': 3}")
    first, second = pair()
    judge_responses(judge, replace(PAIRS, same_question=True), [first, second], tmp_path)
    assert "Question 1: what colour is 1\nQuestion 2: what colour is 1\n" in judge.seen[0]


def test_a_pair_without_its_other_response_is_unscored(tmp_path):
    first, second = pair()
    lost = replace(second, response=None, status="failed")
    scores = judge_responses(Judge(reply="{'score': 3}"), PAIRS, [first, lost], tmp_path)
    assert "other question of its pair has no response" in scores["1"].reason


def controlled(judge, tmp_path, n=160):
    records = [record(str(i), "red", gold=f"colour {i}") for i in range(n)]
    found = judge_responses(judge, ACTIVITYNET, records, tmp_path)
    done = [scored(r, found[r.key]) for r in records]
    before = len(judge.seen)
    controls = judge_controls(judge, ACTIVITYNET, done, tmp_path)
    return {c.kind: (c.n, c.passed, c.unread) for c in controls}, len(judge.seen) - before


def test_controls_of_a_good_judge_pass_and_cost_a_twentieth(tmp_path):
    controls, calls = controlled(Judge(), tmp_path)
    assert controls == dict.fromkeys(("gold", "shuffled", "blank", "repeat"), (2, 2, 0))
    assert calls == 8


def test_a_small_run_has_one_control_of_each_kind_and_a_smaller_one_says_what_is_missing(tmp_path):
    controls, calls = controlled(Judge(), tmp_path / "small", n=6)
    assert controls == dict.fromkeys(("gold", "shuffled", "blank", "repeat"), (1, 1, 0))
    assert calls == 4
    one = [record("1", "red", gold="red")]
    done = [scored(r, judge_responses(Judge(), ACTIVITYNET, one, tmp_path)[r.key]) for r in one]
    few = judge_controls(Judge(), ACTIVITYNET, done, tmp_path)
    assert [control.kind for control in few] == ["gold"]
    assert missing(ACTIVITYNET, few) == (
        "no shuffled, blank, repeat control: fewer than 4 responses can serve as one"
    )
    assert missing(object(), []).startswith("no controls: this scorer does not say")


def test_controls_find_a_judge_that_always_says_yes(tmp_path):
    controls, _ = controlled(Judge(reply="{'pred': 'yes', 'score': 5}"), tmp_path)
    assert controls == {
        "gold": (2, 2, 0),
        "shuffled": (2, 0, 0),
        "blank": (2, 0, 0),
        "repeat": (2, 2, 0),
    }


def test_a_response_too_short_to_judge_costs_no_call(tmp_path):
    judge = Judge(reply="{'score': 3}")
    scorer = RatingScorer({"all": (Axis("score", "vdd_llavanext_user"),)}, shortest=2)
    scores = judge_responses(judge, scorer, [record("a", "x")], tmp_path)
    assert scores["a"] == Score({"score": 0.0}, "x", "too short to judge")
    assert judge.seen == []
