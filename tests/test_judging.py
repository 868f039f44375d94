"""The judge stage: kept replies, failures that are no zeros, rounds, pairs, controls."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field, replace

import pytest

from harness.errors import JournalError, ModelError
from harness.run.judge_calls import Calls
from harness.run.judge_controls import judge_controls, missing
from harness.run.judge_files import write_judgements
from harness.run.judging import GENERATION, judgements, scored
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
    scores = judgements(judge, ACTIVITYNET, records, tmp_path, lines.append).scores
    assert [scores[key].values for key in "abc"] == [
        {"accuracy": 1.0, "score": 5.0},
        {"accuracy": 0.0, "score": 0.0},
        {"accuracy": 1.0, "score": 5.0},
    ]
    assert len(judge.seen) == 3
    assert lines == ["judge: 3 calls, 0 already kept"]
    again = Judge()
    assert judgements(again, ACTIVITYNET, records, tmp_path).scores == scores
    assert again.seen == []


def test_another_judge_other_settings_and_another_answer_are_asked_anew(tmp_path):
    records = [record("a", "red")]
    judgements(Judge(), ACTIVITYNET, records, tmp_path)
    other, longer, changed = Judge("other"), Judge(), Judge()
    judgements(other, ACTIVITYNET, records, tmp_path)
    judgements(longer, ACTIVITYNET, records, tmp_path, generation=Generation(max_new_tokens=64))
    judgements(changed, ACTIVITYNET, [record("a", "blue")], tmp_path)
    assert [len(judge.seen) for judge in (other, longer, changed)] == [1, 1, 1]


def test_the_same_prompt_is_asked_once_for_two_questions(tmp_path):
    first = record("a", "red")
    second = replace(first, question=replace(first.question, id="b"))
    judge = Judge()
    scores = judgements(judge, ACTIVITYNET, [first, second], tmp_path).scores
    assert len(judge.seen) == 1
    assert scores["a"] == scores["b"]


def test_a_failed_call_is_no_zero_and_is_made_again(tmp_path):
    records = [record("a", "red")]
    scores = judgements(Judge(fails=1), ACTIVITYNET, records, tmp_path).scores
    assert scores["a"] == Failure("a", "judge", "the judge failed: busy")
    after = scored(records[0], scores["a"])
    assert (after.status, after.score, after.stage) == ("unscored", None, "judge")
    again = judgements(Judge(), ACTIVITYNET, records, tmp_path).scores
    assert scored(records[0], again["a"]).status == "scored"


def test_a_reply_that_says_nothing_is_unscored(tmp_path):
    judge = Judge(reply="The answers are about colours.")
    found = judgements(judge, ACTIVITYNET, [record("a", "red")], tmp_path)
    assert found.by_key["a"].parse == "failed"
    assert "no yes or no" in found.by_key["a"].outcome.reason
    refused = Judge("b", reply="I'm sorry, I cannot assist with that.")
    found = judgements(refused, ACTIVITYNET, [record("a", "red")], tmp_path)
    assert found.by_key["a"].parse == "refused"


YES, PROSE = "{'pred': 'yes', 'score': 4}", "They are both colours."


class Says(Judge):
    """Says these, one call after another; a Failure is a call that failed."""

    def __init__(self, *replies, finish="stop"):
        super().__init__()
        self.replies, self.finish = list(replies), finish

    def generate(self, samples, generation):
        for sample in samples:
            for prompt in sample.prompts:
                self.seen.append(prompt.text)
                yield Response(prompt.key, self.replies.pop(0), finish=self.finish)


def counts(found):
    return found.asked, found.again, found.kept


def kept_replies(folder):
    (file,) = folder.glob("*.jsonl")
    return [json.loads(line)["reply"] for line in file.read_text().splitlines()[1:]]


def test_what_could_not_be_read_is_asked_again_by_the_next_scoring_once(tmp_path):
    records = [record("a", "red"), record("b", "red", gold="blue")]
    first = Says(YES, PROSE)
    found = judgements(first, ACTIVITYNET, records, tmp_path)
    assert len(first.seen) == 2, "not twice in one scoring"
    assert counts(found) == (2, 0, 0)
    lines = []
    second = Says("Hard to say.")
    found = judgements(second, ACTIVITYNET, records, tmp_path, lines.append)
    assert counts(found) == (1, 1, 1)
    assert lines == ["judge: 1 call again: replies could not be read"]
    assert isinstance(found.scores["b"], Failure) or isinstance(found.scores["a"], Failure)
    third = Says(YES)
    found = judgements(third, ACTIVITYNET, records, tmp_path)
    assert counts(found) == (1, 1, 1)
    assert [found.scores[key].values["score"] for key in "ab"] == [4.0, 4.0]
    assert kept_replies(tmp_path) == [YES, PROSE, "Hard to say.", YES]
    silent = Says()
    assert judgements(silent, ACTIVITYNET, records, tmp_path).scores == found.scores
    assert silent.seen == []


def test_a_greedy_judge_that_repeats_itself_is_not_asked_for_ever(tmp_path):
    for calls in (1, 1, 0, 0):
        judge = Judge(reply=PROSE)
        found = judgements(judge, ACTIVITYNET, [record("a", "red")], tmp_path)
        assert len(judge.seen) == calls
        assert isinstance(found.scores["a"], Failure)
    warm = Generation(max_new_tokens=64, temperature=1.0)
    for _ in range(4):  # one that is drawn from may say something else the next time
        judge = Judge(reply=PROSE)
        judgements(judge, ACTIVITYNET, [record("a", "red")], tmp_path, generation=warm)
        assert len(judge.seen) == 1


def test_a_reply_that_was_cut_off_is_asked_for_again(tmp_path):
    found = judgements(Says(YES, finish="length"), ACTIVITYNET, [record("a", "x")], tmp_path)
    assert found.scores["a"].reason == "the judge's reply was cut off"
    found = judgements(Says(YES), ACTIVITYNET, [record("a", "x")], tmp_path)
    assert found.scores["a"].values == {"accuracy": 1.0, "score": 4.0}


def test_another_rule_reads_the_first_reply_that_it_can(tmp_path):
    """A run's score does not depend on which other rules were tried meanwhile."""
    records = [record("a", "red")]
    fenced = "```json\n{'pred': 'yes', 'score': 4}\n```"
    ours = judgements(Says(fenced), ACTIVITYNET, records, tmp_path).scores
    theirs = replace(ACTIVITYNET, rule="vcg")
    found = judgements(Says("{'pred': 'no', 'score': 1}"), theirs, records, tmp_path)
    assert found.scores["a"].values == {"accuracy": 0.0, "score": 1.0}
    assert judgements(Says(), ACTIVITYNET, records, tmp_path).scores == ours
    assert judgements(Says(), theirs, records, tmp_path).scores == found.scores


def test_a_rule_that_drops_a_reply_has_no_second_one(tmp_path):
    tarsier = replace(ACTIVITYNET, rule="tarsier")
    for calls in (1, 0):
        judge = Judge(reply="{'pred': 'maybe', 'score': 4}")
        assert isinstance(
            judgements(judge, tarsier, [record("a", "red")], tmp_path).scores["a"], Failure
        )
        assert len(judge.seen) == calls


def test_a_call_that_fails_the_second_time_leaves_the_first_reply(tmp_path):
    judgements(Judge(reply=PROSE), ACTIVITYNET, [record("a", "red")], tmp_path)
    found = judgements(Judge(fails=1), ACTIVITYNET, [record("a", "red")], tmp_path)
    assert found.by_key["a"].replies == (PROSE,)
    found = judgements(Judge(), ACTIVITYNET, [record("a", "red")], tmp_path)
    assert found.scores["a"].values["accuracy"] == 1.0


@pytest.mark.parametrize("rule", ["default", "vcg", "lmms", "tarsier", "cvrr", "cvrr_lmms"])
@pytest.mark.parametrize("number", ["1e999", "9" * 400, "NaN", "-1e999"])
def test_a_number_without_end_is_no_score_and_no_crash(tmp_path, rule, number):
    judge = Judge(reply=f"{{'pred': 'yes', 'score': {number}}}")
    scorer = replace(ACTIVITYNET, rule=rule)
    outcome = judgements(judge, scorer, [record("a", "red")], tmp_path).scores["a"]
    assert isinstance(outcome, Failure) or outcome.values["score"] == 0.0


def test_failed_and_truncated_records_are_not_judged(tmp_path):
    records = [
        record("a", "red", status="truncated"),
        replace(record("b", "red", status="failed"), response=None),
    ]
    judge = Judge()
    assert judgements(judge, ACTIVITYNET, records, tmp_path).scores == {}
    assert judge.seen == []


def test_a_run_keeps_its_replies_and_how_they_were_read(tmp_path):
    judge = Judge(reply="```json\n{'pred': 'yes', 'score': 4}\n```")
    found = judgements(judge, ACTIVITYNET, [record("a", "x")], tmp_path / "calls")
    file = write_judgements(tmp_path, found.by_key, judge, GENERATION)
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
    judgements(Judge(), ACTIVITYNET, records, tmp_path)
    (file,) = tmp_path.glob("*.jsonl")
    file.write_bytes(file.read_bytes()[:-20])
    judge = Judge()
    judgements(judge, ACTIVITYNET, records, tmp_path)
    assert len(judge.seen) == 1
    silent = Judge()
    judgements(silent, ACTIVITYNET, records, tmp_path)
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
        judgements(Dies(), ACTIVITYNET, records, tmp_path)
    judge = Judge()
    judgements(judge, ACTIVITYNET, records, tmp_path)
    assert len(judge.seen) == 3


class Gone(Judge):
    """A judge whose server cannot be reached."""

    def generate(self, samples, generation):
        raise ModelError("nobody answers at http://127.0.0.1:9")
        yield


def test_a_judge_that_cannot_be_had_costs_what_it_was_not_asked_yet(tmp_path):
    """The replies that are kept count as they did."""
    before = judgements(Judge(), ACTIVITYNET, [record("a", "red")], tmp_path).scores
    records = [record("a", "red"), record("b", "blue")]
    found = judgements(Gone(), ACTIVITYNET, records, tmp_path)
    assert found.scores["a"] == before["a"]
    assert found.scores["b"].reason == "no judge: nobody answers at http://127.0.0.1:9"
    assert counts(judgements(Judge(), ACTIVITYNET, records, tmp_path)) == (1, 0, 1)


def test_a_full_disk_is_said_in_one_line_and_the_torn_reply_is_asked_again(tmp_path):
    fill = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from harness.run.judging import judgements\n"
        "from tests.test_judging import ACTIVITYNET, Judge, record\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "records = [record(str(n), f'colour {n}') for n in range(9)]\n"
        "found = judgements(Judge(), ACTIVITYNET, records, Path(sys.argv[1]), print)\n"
        "print(sum(hasattr(s, 'reason') for s in found.scores.values()))\n"
    )
    command = [sys.executable, "-c", fill, str(tmp_path)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "cannot write" in said
    lost = int(said.split()[-1])
    assert 0 < lost < 9
    judge = Judge()
    records = [record(str(n), f"colour {n}") for n in range(9)]
    found = judgements(judge, ACTIVITYNET, records, tmp_path)
    assert len(judge.seen) == lost
    assert not any(isinstance(score, Failure) for score in found.scores.values())


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
    scores = judgements(judge, PAIRS, [first, second], tmp_path).scores
    asked = judge.seen[0]
    assert "Question 1: what colour is 1\nQuestion 2: what colour is 2\n" in asked
    assert "Question 1: one\nPredicted Answer to Question 2: two" in asked
    assert len(judge.seen) == 1  # both questions of a pair share their verdict
    assert scores["1"].values == scores["2"].values == {"consistency": 3.0}


def test_the_blogs_own_column_shows_question_1_twice(tmp_path):
    judge = Judge(reply="{'score': 3}")
    first, second = pair()
    judgements(judge, replace(PAIRS, same_question=True), [first, second], tmp_path)
    assert "Question 1: what colour is 1\nQuestion 2: what colour is 1\n" in judge.seen[0]


def test_a_pair_without_its_other_response_is_unscored(tmp_path):
    first, second = pair()
    lost = replace(second, response=None, status="failed")
    scores = judgements(Judge(reply="{'score': 3}"), PAIRS, [first, lost], tmp_path).scores
    assert "other question of its pair has no response" in scores["1"].reason


def controlled(judge, tmp_path, n=160):
    records = [record(str(i), "red", gold=f"colour {i}") for i in range(n)]
    found = judgements(judge, ACTIVITYNET, records, tmp_path).scores
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
    done = [scored(r, judgements(Judge(), ACTIVITYNET, one, tmp_path).scores[r.key]) for r in one]
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
    scores = judgements(judge, scorer, [record("a", "x")], tmp_path).scores
    assert scores["a"] == Score({"score": 0.0}, "x", "too short to judge")
    assert judge.seen == []
