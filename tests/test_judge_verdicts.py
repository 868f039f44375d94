"""People's verdicts on a judged run, and how far judges agree with them and with each other."""

from __future__ import annotations

import json

import pytest

from harness.errors import JournalError, RequestError
from harness.run.judge_files import write_judgements
from harness.run.judge_verdicts import (
    agreements,
    corrected,
    label,
    labels,
    to_label,
    verdicts,
)
from harness.run.judging import GENERATION, judgements, scored
from harness.scoring.judged import Axis, RatingScorer, YesNoScorer
from tests.test_judging import Judge, record

SCORER = YesNoScorer("activitynetqa_user", "activitynetqa_system")


def judged(tmp_path, judge, said):
    """Twenty records scored by ``judge``, its replies kept in the run's folder."""
    run = tmp_path / "run"
    run.mkdir(exist_ok=True)
    records = [record(str(n), said(n), gold=f"colour {n}") for n in range(20)]
    found = judgements(judge, SCORER, records, tmp_path / "calls")
    write_judgements(run, found.by_key, judge, GENERATION)
    return run, [scored(r, found.scores[r.key]) for r in records]


def half_right(n):
    return f"colour {n}" if n % 2 else "another"


def test_two_judges_of_one_run_are_compared(tmp_path):
    run, records = judged(tmp_path, Judge("strict"), half_right)
    judged(tmp_path, Judge("kind", reply="{'pred': 'yes', 'score': 5}"), half_right)
    found = verdicts(run)
    assert sorted(name.split(" ")[0] for name in found) == ["kind", "strict"]
    (pair,) = agreements(found, "accuracy", {r.key: r.video for r in records})
    assert pair.same == 0.5
    assert pair.kappa.value == pytest.approx(0.0)
    assert pair.kappa.n == 20


def answers(*words):
    """A person who types these, one after another."""
    left = list(words)
    return lambda prompt: left.pop(0)


def test_a_person_is_asked_without_seeing_the_judges_verdict(tmp_path):
    run, records = judged(tmp_path, Judge(), half_right)
    told = []
    file = run / "labels.jsonl"
    assert label(records[:4], SCORER, file, answers("y", "maybe", "n", "s", "q"), told.append) == 2
    assert labels(file) == {"0": {"accuracy": 1.0}, "1": {"accuracy": 0.0}}
    assert "'maybe' is none of these" in told
    assert "what colour is 0\nright:    colour 0\nresponse: another" in told[0]
    assert not any("yes" in line for line in told)


def test_what_is_answered_is_not_asked_again(tmp_path):
    run, records = judged(tmp_path, Judge(), half_right)
    file = run / "labels.jsonl"
    label(records[:2], SCORER, file, answers("y", "q"), lambda line: None)
    told = []
    assert label(records[:2], SCORER, file, answers("n"), told.append) == 1
    assert told[0].startswith("\n[2/2] what colour is 1")


def test_ratings_are_asked_within_their_bounds(tmp_path):
    scorer = RatingScorer({"all": (Axis("detail", "vdd_llavanext_user"),)})
    file = tmp_path / "labels.jsonl"
    told = []
    assert label([record("a", "x")], scorer, file, answers("7", "4"), told.append) == 1
    assert "'7' is none of these" in told
    assert labels(file) == {"a": {"detail": 4.0}}


def test_responses_to_label_are_drawn_at_random_from_the_scored_ones(tmp_path):
    _, records = judged(tmp_path, Judge(), half_right)
    records.append(record("x", "unscored"))
    drawn = [r.key for r in to_label(records, 5)]
    assert len(set(drawn)) == 5
    assert drawn == [r.key for r in to_label(records, 5)]
    assert drawn != [r.key for r in to_label(records, 5, seed=1)]
    assert "x" not in {r.key for r in to_label(records, 50)}


def test_the_judged_mean_is_corrected_by_people(tmp_path):
    kind = Judge("kind", reply="{'pred': 'yes', 'score': 5}")
    run, records = judged(tmp_path, kind, half_right)
    (run / "labels.jsonl").write_text(
        "".join(
            json.dumps({"question": str(n), "values": {"accuracy": float(n % 2)}}) + "\n"
            for n in range(10)
        )
    )
    found = corrected(records, verdicts(run)["people"], "accuracy")
    assert found.value == pytest.approx(0.5)
    assert found.ci95[0] < 0.5 < found.ci95[1] < 1.0
    with pytest.raises(RequestError, match="no human verdicts"):
        corrected(records, {}, "accuracy")


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "labels.jsonl").write_text('{"question": "a", "values": {}}\nnonsense\n')
    with pytest.raises(JournalError, match=r"labels\.jsonl: line 2 is not readable"):
        verdicts(tmp_path)


def test_a_verdict_on_another_response_is_passed_over(tmp_path):
    from dataclasses import replace

    records = [record("a", "red"), record("b", "blue")]
    file = tmp_path / "labels.jsonl"
    label(records, SCORER, file, ask=lambda _: "1", tell=lambda _: None)
    assert set(labels(file, records)) == {"a", "b"}
    other = replace(records[0], response=replace(records[0].response, text="green"))
    assert set(labels(file, [other, records[1]])) == {"b"}


def test_a_file_of_verdicts_that_is_none_is_said_in_one_line(tmp_path):
    with pytest.raises(JournalError, match="cannot be read"):
        labels(tmp_path / "none.jsonl")
    (tmp_path / "odd.jsonl").write_text('{"question": "a"}\n')
    with pytest.raises(JournalError, match="line 1 needs a question and its values"):
        labels(tmp_path / "odd.jsonl")
    for value in ('"yes"', "NaN", "true"):
        (tmp_path / "odd.jsonl").write_text(f'{{"question": "a", "values": {{"v": {value}}}}}\n')
        with pytest.raises(JournalError, match=r"line 1: its v is .*, and no number"):
            labels(tmp_path / "odd.jsonl")


def test_an_empty_file_of_a_judge_is_said_in_one_line(tmp_path):
    (tmp_path / "judged-0.jsonl").write_text("")
    with pytest.raises(JournalError, match="its first line names no judge"):
        verdicts(tmp_path)


@pytest.mark.parametrize(
    ("values", "said"),
    [("[1]", "values are .* not numbers"), ("null", "not numbers"), ('{"v": "yes"}', "its v is")],
)
def test_a_judges_values_that_are_none_are_said_in_one_line(tmp_path, values, said):
    (tmp_path / "judged-abc.jsonl").write_text(
        f'{{"judge": {{"name": "j"}}}}\n{{"question": "a", "values": {values}}}\n'
    )
    with pytest.raises(JournalError, match=rf"judged-abc\.jsonl: line 2: .*{said}"):
        verdicts(tmp_path)
