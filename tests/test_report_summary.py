"""From records to summary.json, and back from a run folder."""

import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import JournalError, RequestError
from harness.metrics import Mean
from harness.report.diagnostics import diagnosed
from harness.report.finding import run_named
from harness.report.runs import Run, find, load
from harness.report.summary import Summary, summarise
from harness.run.conclusion import complaints
from harness.scoring.choice import ChoiceScorer
from tests.runs import gold, record, records, right, write, wrong

NAMES = {
    "task": "demo", "model": "m", "frames": 8, "metrics": (Mean("accuracy"),),
    "scorer": ChoiceScorer(),
}  # fmt: skip


def test_counts_and_accuracies_by_hand():
    answers = [
        record(0, right(0)), record(1, wrong(1)), record(2, "no idea"),
        record(3, right(3)), record(4, None), record(5, right(5)),
    ]  # fmt: skip
    made = summarise(answers, **NAMES, expected=6)
    assert made.seconds == 5 * 0.25
    assert (made.scored, made.unparsed, made.failed, made.n) == (4, 1, 1, 5)
    assert made.main.estimate.value == pytest.approx(3 / 5)
    assert made.main.bounds == (pytest.approx(3 / 6), pytest.approx(4 / 6))
    assert made.main.chance == pytest.approx(0.25)
    assert not made.complete
    assert made.part("duration")["short"].n == 3
    assert made.part("duration")["short"].value == pytest.approx(1 / 3)
    assert list(made.by["duration"]) == ["short", "medium"]


def test_every_status_is_counted_and_only_truncation_leaves_a_run_complete():
    answers = records(12)
    cut = replace(answers[0], status="truncated", score=None)
    late = replace(answers[1], status="unscored", score=None)
    made = summarise([cut, *answers[1:]], **NAMES, expected=12)
    assert (made.truncated, made.complete) == (1, True)
    made = summarise([answers[0], late, *answers[2:]], **NAMES, expected=12)
    assert (made.unscored, made.complete) == (1, False)
    assert not summarise(answers[1:], **NAMES, expected=12).complete


def test_the_summary_does_not_depend_on_the_order_of_records():
    answers = records()
    shuffled = random.Random(1).sample(answers, len(answers))
    assert summarise(answers, **NAMES) == summarise(shuffled, **NAMES)


def test_a_summary_is_json_whatever_was_answered_and_reads_back():
    for answers in ([], [record(0, None)], [record(0, right(0))], [record(0, "?")]):
        made = summarise(answers, **NAMES, expected=1).to_json()
        assert json.loads(json.dumps(made, allow_nan=False)) == made
        assert made["metrics"]["accuracy"]["ci95"] is None
    metrics = (Mean("accuracy", "score"), Mean("accuracy", macro=("task_type",)))
    made = summarise(
        rotated() + repeated(), **NAMES | {"metrics": metrics}, expected=180, judge={"model": "j"}
    )
    assert Summary.from_json(json.loads(json.dumps(made.to_json()))) == made


def test_a_summary_holds_every_metric_of_every_part():
    macro = Mean("accuracy", macro=("task_type",))
    metrics = (macro, Mean("accuracy", "answered", counted="answered"))
    plain = summarise(records(), **NAMES | {"metrics": metrics}).to_json()
    assert plain["headline"] == "accuracy"
    assert set(plain["metrics"]) == {"accuracy", "answered"}
    part = plain["by"]["duration"]["short"]["answered"]
    assert set(part) == {"value", "ci95", "n", "clusters"}
    assert part["n"] == 60


def test_hidden_labels_are_neither_right_nor_wrong():
    answers = [record(i, right(i), question={"target": None}) for i in range(4)]
    made = summarise(answers, **NAMES)
    assert (made.n, made.unparsed, made.unlabelled) == (0, 0, 4)
    (line,) = diagnosed(made)
    assert "labels are hidden" in line
    assert "harness export" in line
    assert math.isnan(made.main.estimate.value)


def test_subtitle_coverage_is_counted():
    answers = [replace(r, subtitles=i % 2) for i, r in enumerate(records(10))]
    assert summarise(answers, **NAMES).subtitles == {"questions": 10, "with": 5}
    assert summarise(records(10), **NAMES).subtitles is None


def rotated():
    """One question answered by its text each time, one by the letter A each time."""
    options, turned = ("red car", "blue truck"), ("blue truck", "red car")
    once = {"options": options, "target": "A"}
    again = {"options": turned, "target": "B", "rotation": 1}
    return [
        record(0, "A", question={"id": "q1", **once}),
        record(0, "B", question={"id": "q1", **again}),
        record(3, "A", question={"id": "q2", **once}),
        record(3, "A", question={"id": "q2", **again}),
    ]


def test_rotated_options_show_consistency_and_position_bias():
    made = summarise(rotated(), **NAMES)
    found = made.consistency
    assert made.n == 2  # questions, not askings
    assert made.main.estimate.value == pytest.approx(3 / 4)
    assert found.questions == 2
    assert found.consistent.value == 0.5
    assert found.accuracy.value == 0.5
    assert found.accuracy.clusters == 2
    assert found.chosen == {"A": 0.75, "B": 0.25}
    assert found.right == {"A": 0.5, "B": 0.5}
    assert found.bias == 0.25
    assert summarise(records(6), **NAMES).consistency is None


def test_a_question_that_failed_in_one_rotation_is_not_consistent_or_inconsistent():
    answers = rotated()
    answers[1] = replace(answers[1], status="failed", score=None, response=None)
    assert summarise(answers, **NAMES).consistency.questions == 1


def repeated():
    """Three askings each: q1 right twice, q2 never, q3 always."""
    said = {"q1": [right(0), right(0), wrong(0)], "q2": [wrong(1)] * 3, "q3": [right(3)] * 3}
    places = {"q1": 0, "q2": 1, "q3": 3}
    return [
        record(places[id], text, question={"id": id, "repeat": n})
        for id, texts in said.items()
        for n, text in enumerate(texts)
    ]


def test_repeats_by_hand():
    made = summarise(repeated(), **NAMES)
    found = made.repeats
    assert (made.n, made.clusters) == (3, 2)
    assert (found.questions, found.times) == (3, 3)
    assert found.mean.value == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert found.mean == made.main.estimate
    assert found.variance == pytest.approx((1 / 3 + 0 + 0) / 3)
    assert found.majority.value == pytest.approx(2 / 3)
    assert found.best.value == pytest.approx(2 / 3)
    assert summarise(records(6), **NAMES).repeats is None


def test_a_majority_that_is_tied_is_worth_the_mean():
    answers = repeated()[:2]
    answers[1] = record(0, wrong(0), question={"id": "q1", "repeat": 1})
    assert summarise(answers, **NAMES).repeats.majority.value == 0.5


def test_a_deleted_summary_is_made_again(tmp_path):
    run = write(tmp_path, records())
    (run.folder / "summary.json").unlink()
    again = load(run.folder)
    assert again.summary.metrics == run.summary.metrics
    assert again.summary.by == run.summary.by
    assert again.complete


@pytest.mark.parametrize("damage", ["{", "[]", '{"metrics": {}}', "null", '{"headline": NaN}'])
def test_a_damaged_summary_is_made_again(tmp_path, damage):
    run = write(tmp_path, records())
    (run.folder / "summary.json").write_text(damage)
    assert load(run.folder).summary.main == run.summary.main


def test_a_failed_start_is_no_run(tmp_path):
    run = write(tmp_path, [], expected=3)
    (run.folder / "records-0.jsonl").unlink(missing_ok=True)
    assert find(tmp_path) == ([], [])
    write(tmp_path, records(3), frames=16)
    assert len(find(tmp_path)[0]) == 1


def test_damaged_runs_are_named_and_cost_only_themselves(tmp_path):
    good = write(tmp_path, records(), model="good")
    bad = write(tmp_path, records(), model="bad")
    (bad.folder / "summary.json").unlink()
    path = bad.folder / "records-0.jsonl"
    path.write_text("not a record\n" + path.read_text())
    worse = write(tmp_path, records(), model="worse")
    (worse.folder / "request.json").write_text('{"task": "../../etc", "model": "m\\u0000"}')
    runs, complaints = find(tmp_path)
    assert [run.model for run in runs] == [good.model]
    assert len(complaints) == 2
    assert "records-0.jsonl:1: damaged record" in complaints[0]
    assert "'../../etc'" in complaints[1]


def test_a_score_that_is_no_number_is_refused(tmp_path):
    run = write(tmp_path, records(6))
    path = run.folder / "records-0.jsonl"
    path.write_text(path.read_text().replace('"accuracy": 1.0', '"accuracy": 1e999', 1))
    with pytest.raises(JournalError, match="no finite number"):
        _ = load(run.folder).records


def test_a_run_is_found_by_folder_model_or_beginning_of_its_id(tmp_path):
    run = write(tmp_path, records(6))
    listed = f"{run.task}/{run.model}/{run.id}"  # as messages name a run
    for name in (run.folder, run.folder.parent, run.folder / "request.json", run.id[:6], listed):
        assert run_named(name, tmp_path).folder == run.folder
    write(tmp_path, records(6), frames=16)
    with pytest.raises(JournalError, match="2 runs; name one of them:\n"):
        run_named(run.folder.parent, tmp_path)
    (tmp_path / "notes.txt").write_text("beside the runs, and of none")
    for nothing in ("nothing", tmp_path / "notes.txt"):
        with pytest.raises(RequestError, match="no such run"):
            run_named(nothing, tmp_path)


def test_listed_runs_are_told_apart_by_what_they_differ_in(tmp_path):
    """Not by what only some of them have, as of another version; by the command line's names."""
    old = {"temperature": 0.0}
    new = {"temperature": 0.0, "min_p": 0.0}
    prompt = {"prompt": {"template": "a"}}
    made = [
        write(tmp_path, records(6), generation=old, protocol=prompt),
        write(tmp_path, records(6), generation=new | {"temperature": 0.5}, protocol=prompt),
        write(tmp_path, records(6), generation=new, protocol={"prompt": {"template": "b"}}),
    ]
    with pytest.raises(JournalError) as error:
        run_named("tiny_video", tmp_path)
    said = dict(line.strip().split("  ") for line in str(error.value).splitlines()[1:])
    told = ["a, generation.temperature=0", "a, generation.temperature=0.5",
            "b, generation.temperature=0"]  # fmt: skip
    assert said == {
        f"{run.task}/{run.model}/{run.id}": f"8 frames, whole; task.prompt.template={words}"
        for run, words in zip(made, told, strict=True)
    }


def test_runs_that_differ_in_what_only_one_has_are_told_apart_by_that(tmp_path):
    write(tmp_path, records(6))
    write(tmp_path, records(6), novelty=3)
    with pytest.raises(JournalError, match="8 frames, whole; novelty=3"):
        run_named("tiny_video", tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("protocol", "x"),
        ("settings", [1]),
        ("settings.task", "x"),
        ("settings.model", "x"),
        ("protocol.metrics", {}),
        ("protocol.metrics", ["x"]),
        ("protocol.scorer", "x"),
        ("protocol.breakdowns", 3),
        ("backend", "x"),
        ("environment", "x"),
        ("environment.started", "tomorrow"),
        ("frames", "x"),
        ("questions", True),
        ("judge", "x"),
    ],
)
def test_a_request_of_another_shape_is_said_where_it_is_read(key, value, tmp_path):
    run = write(tmp_path, records(6))
    request = json.loads((run.folder / "request.json").read_text())
    *path, last = key.split(".")
    inner = request
    for name in path:
        inner = inner.setdefault(name, {})
    inner[last] = value
    (run.folder / "request.json").write_text(json.dumps(request))
    found, complaints = find(tmp_path)
    assert not found
    assert complaints == [
        f"{run.folder / 'request.json'}: {key} is "
        f"{value[0] if value == ['x'] else value!r}, which this harness never writes".replace(
            " x,", " 'x',"
        )
    ]


def test_a_run_without_metrics_says_what_to_do(tmp_path):
    run = write(tmp_path, records(6))
    request = json.loads((run.folder / "request.json").read_text())
    request["protocol"]["metrics"] = []
    (run.folder / "request.json").write_text(json.dumps(request))
    with pytest.raises(JournalError, match="says nothing of the task's metrics"):
        _ = load(run.folder).metrics


def test_gold_letters_of_the_fixture_are_balanced():
    letters = [gold(i) for i in range(180)]
    assert all(math.isclose(letters.count(x) / 180, 0.25, abs_tol=0.01) for x in "ABCD")


def test_what_has_to_be_said_beside_a_number():
    assert diagnosed(summarise(records(60), **NAMES)) == []
    (line,) = diagnosed(summarise(rotated(), **NAMES))
    assert line.startswith("2 questions asked with their options in several orders: 50.0 ")
    assert line.endswith("25.0 points from the right ones (position bias)")
    (line,) = diagnosed(summarise(repeated(), **NAMES))
    assert "3 questions asked 3 times: mean 55.6 " in line
    assert "pass@3" in line
    cut = [replace(r, status="truncated", score=None) for r in records(60)[:4]]
    (line,) = diagnosed(summarise([*cut, *records(60)[4:]], **NAMES))
    assert line.startswith("4 of 60 responses were cut off")
    assert diagnosed(summarise([*cut[:3], *records(60)[3:]], **NAMES)) == []


def test_degenerate_responses_are_counted_and_thinking_alone_is_none():
    answers = records(6)
    said = ("!!!!", "the the the the", "", "A")
    answers[:4] = [record(i, text) for i, text in enumerate(said)]
    assert summarise(answers, **NAMES).degenerate == 3
    cut = replace(answers[2], response=replace(answers[2].response, thinking="Well, it is"))
    assert summarise([*answers[:2], cut, *answers[3:]], **NAMES).degenerate == 2


def test_what_is_said_of_degenerate_responses_claims_no_cause():
    answers = [record(0, "!!!!!!"), *(record(i, right(i)) for i in range(1, 6))]
    (line,) = complaints(answers, summarise(answers, **NAMES), False, Run(Path("run"), {}))
    assert line.startswith("1 of 6 questions were answered with nothing, or with one character")
    assert "harness view" in line
    assert "do not use" not in line
    assert "exit code 1" in line
    assert line.endswith("allow_failures=true accepts them")
    assert not list(complaints(answers, summarise(answers, **NAMES), True, Run(Path("run"), {})))


def test_a_cut_off_run_says_so_once_in_the_same_words():
    cut = [replace(r, status="truncated", score=None) for r in records(60)[:4]]
    made = summarise([*cut, *records(60)[4:]], **NAMES)
    (line,) = diagnosed(made)
    (said,) = complaints(cut, made, False, Run(Path("run"), {}))
    assert said.startswith(line)
    assert said.endswith("exit code 1")


def test_what_an_unbounded_metric_leaves_out_is_said():
    answers = [*records(6), record(6, "no idea"), record(7, " ")]
    for metric, count in (
        (Mean("accuracy", low=None), 2),
        (Mean("accuracy", low=None, counted="nonempty"), 1),
        (Mean("accuracy", low=None, counted="answered"), 0),
        (Mean("accuracy", low=None, higher_is_better=False), 0),
        (Mean("accuracy"), 0),
    ):
        made = summarise(answers, **NAMES | {"metrics": [metric]})
        assert made.main.left_out == count
        plain = made.to_json()
        assert Summary.from_json(plain).main.left_out == count
        said = [line for line in diagnosed(made) if "left out" in line]
        assert len(said) == bool(count)
    (line,) = diagnosed(summarise(answers, **NAMES | {"metrics": [Mean("accuracy", low=None)]}))
    assert line.startswith(
        "accuracy is over the 6 questions whose responses could be read: 2 unpar"
    )
