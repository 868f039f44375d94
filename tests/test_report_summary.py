"""From records to summary.json, and back from a run folder."""

import json
import math
import random
from dataclasses import replace

import pytest

from harness.errors import JournalError, RequestError
from harness.report.runs import find, load, resolve
from harness.report.summary import summarise
from tests.runs import gold, record, records, right, write, wrong

NAMES = {"task": "demo", "model": "m", "frames": 8}


def test_counts_and_accuracies_by_hand():
    answers = [
        record(0, right(0)), record(1, wrong(1)), record(2, "no idea"),
        record(3, right(3)), record(4, None), record(5, right(5)),
    ]  # fmt: skip
    made = summarise(answers, **NAMES, seconds=3.0, expected=6)
    assert (made["scored"], made["unread"], made["failed"], made["n"]) == (4, 1, 1, 5)
    assert made["accuracy"] == pytest.approx(3 / 5)
    assert made["bounds"] == {"low": pytest.approx(3 / 6), "high": pytest.approx(4 / 6)}
    assert made["chance"] == pytest.approx(0.25)
    assert not made["complete"]
    assert made["by"]["duration"]["short"]["n"] == 3
    assert made["by"]["duration"]["short"]["accuracy"] == pytest.approx(1 / 3)
    assert list(made["by"]["duration"]) == ["short", "medium"]
    answered = summarise(answers, **NAMES, denominator="answered", expected=6)
    assert answered["accuracy"] == pytest.approx(3 / 4)


def test_the_summary_does_not_depend_on_the_order_of_records():
    answers = records()
    shuffled = random.Random(1).sample(answers, len(answers))
    assert summarise(answers, **NAMES) == summarise(shuffled, **NAMES)


def test_a_summary_is_json_whatever_was_answered():
    for answers in ([], [record(0, None)], [record(0, right(0))], [record(0, "?")]):
        made = summarise(answers, **NAMES, expected=1)
        assert json.loads(json.dumps(made, allow_nan=False)) == made
        assert made["half_width"] is None


def test_a_question_in_two_values_of_a_group_counts_in_both():
    answers = [record(i, right(i), groups={"skill": "ER | KIR"}) for i in range(6)]
    answers += [record(i, wrong(i), groups={"skill": "ER"}) for i in range(6, 12)]
    made = summarise(answers, **NAMES, aggregate="macro:skill")
    assert made["by"]["skill"]["ER"]["n"] == 12
    assert made["accuracy"] == pytest.approx((6 / 12 + 6 / 6) / 2)
    assert made["n"] == 12


def test_hidden_labels_are_neither_right_nor_wrong():
    answers = [record(i, "B", gold=None, score=None, status="unread") for i in range(4)]
    made = summarise(answers, **NAMES)
    assert (made["n"], made["unread"], made["unlabelled"], made["accuracy"]) == (0, 0, 4, None)


def test_unknown_rules_are_refused():
    with pytest.raises(RequestError, match="denominator=most: unknown"):
        summarise(records(6), **NAMES, denominator="most")
    with pytest.raises(RequestError, match="aggregate=median: unknown"):
        summarise(records(6), **NAMES, aggregate="median")


def test_subtitle_coverage_is_counted():
    answers = [replace(r, subtitles=i % 2) for i, r in enumerate(records(10))]
    assert summarise(answers, **NAMES)["subtitles"] == {"questions": 10, "with": 5}
    assert summarise(records(10), **NAMES)["subtitles"] is None


def test_rotated_options_show_consistency_and_position_bias():
    """One question answered by its text each time, one by the letter A each time."""
    options = ("red car", "blue truck")
    turned = ("blue truck", "red car")
    base = {"score": 1.0, "status": "scored"}
    answers = [
        record(0, "A", question="q1", options=options, answer="A", gold="A", **base),
        record(0, "B", question="q1@1", options=turned, answer="B", gold="B", **base),
        record(1, "A", question="q2", options=options, answer="A", gold="A", **base),
        record(1, "A", question="q2@1", options=turned, answer="A", gold="B", **base),
    ]
    found = summarise(answers, **NAMES)["consistency"]
    assert found["questions"] == 2
    assert found["consistent"] == 0.5
    assert found["chosen"] == {"A": 0.75, "B": 0.25}
    assert found["gold"] == {"A": 0.5, "B": 0.5}
    assert summarise(records(6), **NAMES)["consistency"] is None


def test_a_deleted_summary_is_made_again(tmp_path):
    run = write(tmp_path, records())
    (run.folder / "summary.json").unlink()
    again = load(run.folder)
    assert again.summary["accuracy"] == run.summary["accuracy"]
    assert again.summary["by"] == run.summary["by"]
    assert again.complete


def test_damaged_runs_are_named_and_cost_only_themselves(tmp_path):
    good = write(tmp_path, records(), model="good")
    bad = write(tmp_path, records(), model="bad")
    path = bad.folder / "summary.json"
    path.write_text(path.read_text().replace(str(bad.summary["accuracy"]), "NaN"))
    worse = write(tmp_path, records(), model="worse")
    (worse.folder / "request.json").write_text('{"task": "../../etc", "model": "m\\u0000"}')
    runs, complaints = find(tmp_path)
    assert [run.model for run in runs] == [good.model]
    assert len(complaints) == 2
    assert "NaN is not JSON" in complaints[0]
    assert "'../../etc'" in complaints[1]


def test_a_score_that_is_no_number_is_refused(tmp_path):
    run = write(tmp_path, records(6))
    path = run.folder / "records-0.jsonl"
    path.write_text(path.read_text().replace('"score": 1.0', '"score": 1e999', 1))
    with pytest.raises(JournalError, match="no finite number"):
        _ = load(run.folder).records


def test_a_run_is_found_by_folder_model_or_beginning_of_its_id(tmp_path):
    run = write(tmp_path, records(6))
    for name in (run.folder, run.folder.parent, run.folder / "request.json", run.id[:6]):
        assert resolve(name, tmp_path).folder == run.folder
    write(tmp_path, records(6), frames=16)
    with pytest.raises(JournalError, match="2 runs of that name"):
        resolve(run.folder.parent, tmp_path)
    with pytest.raises(JournalError, match="no run"):
        resolve("nothing", tmp_path)


def test_gold_letters_of_the_fixture_are_balanced():
    letters = [gold(i) for i in range(180)]
    assert all(math.isclose(letters.count(x) / 180, 0.25, abs_tol=0.01) for x in "ABCD")
