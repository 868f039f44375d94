"""What published forms say of a run, by what its request holds; their refusals to the word."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harness.errors import RequestError
from harness.metrics import GroupScore, Mean
from harness.report import export, serving
from harness.report.publish import every_eval, facts, hub
from harness.report.runs import Run
from harness.types import Record
from tests.runs import record, right, scored, write, wrong


def run_with(folder: Path, **request: Any) -> Run:
    made = write(folder, [record(i, right(i)) for i in range(4)])
    return Run(made.folder, {**made.request, **request})


@pytest.mark.parametrize(
    ("fact", "request_", "said"),
    [
        (facts.data_set, {}, ""),
        (facts.data_set, {"data": {"repo": "o/n"}}, "o/n"),
        (facts.data_set, {"data": None, "settings": None}, ""),
        (facts.data_set, {"data": {"repo": "demo"}}, ""),
        (facts.data_set, {"settings": {"task": {"source": {"repo": "a/b"}}},
                          "data": {"repo": "o/n"}}, "a/b"),
        (facts.data_set, {"settings": {"task": "x"}, "data": {"repo": "o/n"}}, "o/n"),
        (facts.data_set, {"settings": {"task": {"source": "x"}}, "data": {"repo": "o/n"}}, "o/n"),
        (facts.checkpoint, {}, "tiny_video"),
        (facts.checkpoint, {"backend": None, "settings": None}, "tiny_video"),
        (facts.checkpoint, {"backend": {"checkpoint": "o/m"}}, "o/m"),
        (facts.checkpoint, {"backend": {"checkpoint": "/m"}}, "tiny_video"),
        (facts.checkpoint, {"backend": {"checkpoint": "./m"}}, "tiny_video"),
        (facts.checkpoint, {"backend": {"checkpoint": "~/m"}}, "tiny_video"),
        (facts.checkpoint, {"backend": {"checkpoint": "a/b/c"}}, "tiny_video"),
        (facts.checkpoint, {"backend": {}, "settings": {"backend": {"checkpoint": "o/m"}}}, "o/m"),
        (facts.checkpoint, {"backend": {}, "settings": {"backend": {"model": "gpt-x"}}}, "gpt-x"),
        (facts.checkpoint, {"backend": {}, "settings": {"backend": {"model": "/srv/m"}}},
         "tiny_video"),
        (facts.checkpoint, {"backend": {}, "settings": {"backend": {"model": ""}}}, "tiny_video"),
        (facts.judge_model, {}, ""),
        (facts.judge_model, {"judge": {"rule": "word overlap"}}, ""),
        (facts.judge_model, {"judge": {"checkpoint": "o/j", "commit": "1"}}, "o/j"),
        (facts.judge_model, {"judge": {"served": {"id": "x"}},
                             "settings": {"judge": {"model": "j"}}}, "j"),
        (facts.unusual, {}, {}),
        (facts.unusual, {"control": "blank", "limit": 3}, {"control": "blank", "limit": 3}),
        (facts.unusual, {"permute_options": 4, "repeats": 2},
         {"permute_options": 4, "repeats": 2}),
        (facts.started, {"environment": {"started": "2026-01-02T03:04:05+00:00"}},
         datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_a_fact_of_a_run(
    fact: Callable[[Run], object], request_: dict[str, Any], said: object, tmp_path: Path
) -> None:
    assert fact(run_with(tmp_path, **request_)) == said


def test_a_run_that_says_no_time_was_begun_when_its_request_was_written(tmp_path: Path) -> None:
    run = run_with(tmp_path, environment=None)
    written = (run.folder / "request.json").stat().st_mtime
    assert facts.started(run) == datetime.fromtimestamp(written, UTC)


@pytest.mark.parametrize(
    ("target", "texts"),
    [(None, []), ("A", ["A"]), (["a", "b"], ["a", "b"]), (3, ["3"]), ([[1, 2.5]], ["[1, 2.5]"])],
)
def test_right_answers_as_texts(target: Any, texts: list[str]) -> None:
    assert facts.targets(target) == texts


def test_a_line_of_json_is_one_line_for_every_reader() -> None:
    said = "a\u2028b\u2029c\x85d\x7f\ud800é\n"
    line = facts.json_line({"said": said})
    assert line.splitlines() == [line.removesuffix("\n")]
    assert json.loads(line) == {"said": said.replace("\ud800", "?")}
    assert "é" in line
    with pytest.raises(ValueError, match="not JSON compliant"):
        facts.json_line({"score": float("nan")})


@dataclass(frozen=True)
class Last:
    """A metric that is no mean."""

    name: str = "accuracy"
    unit: str = "%"
    higher_is_better: bool = True


UNREAD = record(1, "I cannot tell.")


@pytest.mark.parametrize(
    ("metric", "found", "worth", "best"),
    [
        (Mean("accuracy"), record(0, right(0)), 1.0, 1.0),
        (Mean("accuracy"), UNREAD, 0.0, 1.0),
        (Mean("accuracy", counted="answered"), UNREAD, None, 1.0),
        (Mean("accuracy", macro=("nowhere",)), record(0, wrong(0)), 0.0, 1.0),
        (Mean("accuracy", high=5.0), scored(record(0, "x"), 4.0), 4.0, 5.0),
        (Mean("accuracy", high=5.0, higher_is_better=False), UNREAD, 5.0, 0.0),
        (Mean("accuracy", high=None, low=None), UNREAD, None, None),
        (GroupScore(), record(0, right(0)), 1.0, 1.0),
        (GroupScore(), UNREAD, 0.0, 1.0),
        (GroupScore(), record(0, None), None, 1.0),
        (Last(), record(0, right(0)), 1.0, None),
        (Last(), UNREAD, None, None),
    ],
)  # fmt: skip
def test_what_a_record_adds_to_the_headline(
    metric: Any, found: Record, worth: float | None, best: float | None, tmp_path: Path
) -> None:
    run = run_with(tmp_path)
    vars(run)["metrics"] = (metric,)
    assert (facts.worth(run)(found), facts.best(run)) == (worth, best)


BOARD = {"tasks": [{"id": "test"}]}


@pytest.mark.parametrize(
    ("asked", "board", "told", "said"),
    [
        ({}, BOARD, {}, "{}: the data set is not known; name it with --dataset"),
        ({"control": "blank"}, BOARD, {}, "{}: control=blank is a diagnosis or a part; a model's "
         "repository takes a run of the whole benchmark"),
        ({"limit": 2}, BOARD, {}, "{}: limit=2 is a diagnosis or a part; a model's repository "
         "takes a run of the whole benchmark"),
        ({"expected": 9}, BOARD, {}, "{}: incomplete; run the request again, then publish it"),
        ({}, {"tasks": [{}, 3]}, {"dataset": "a/b"},
         "a/b: its eval.yaml names no task; it takes no results"),
        ({}, {"tasks": [{"id": 1}, {"id": "y"}]}, {"dataset": "a/b"},
         "a/b: its eval.yaml has several tasks; write --task-id 1 or y"),
        ({}, BOARD, {"dataset": "a/b", "task_id": "x"},
         "a/b: its eval.yaml has no task 'x'; write --task-id test"),
    ],
)  # fmt: skip
def test_what_the_hub_does_not_take(
    asked: dict[str, Any], board: dict[str, Any], told: dict[str, str], said: str, tmp_path: Path
) -> None:
    run = write(tmp_path, [record(i, right(i)) for i in range(6)], **asked)
    with pytest.raises(RequestError) as refused:
        hub.entry(run, board, **told)
    assert str(refused.value) == said.format(run.folder)


def test_a_headline_that_is_not_known_is_no_entry(tmp_path: Path) -> None:
    hidden = [record(i, right(i), question={"target": None}) for i in range(6)]
    run = write(tmp_path, hidden)
    assert run.complete
    with pytest.raises(RequestError) as refused:
        hub.entry(run, BOARD, dataset="a/b")
    assert str(refused.value) == (
        f"{run.folder}: its accuracy is not known (no answer counts, or labels are hidden); a "
        "model's repository takes a number"
    )


def test_forms_of_an_imported_run_say_what_is_not_known(tmp_path: Path) -> None:
    run = run_with(tmp_path, backend={"imported": "a.json"}, frames=None, sampling=None)
    path, without = every_eval.write(run, tmp_path, organization="us")
    made = json.loads(path.read_text())
    assert without == 0
    assert made["source_metadata"]["evaluator_relationship"] == "third_party"
    assert made["eval_library"]["version"] == "unknown"
    assert made["model_info"]["additional_details"] == {
        "deployment_type": "unknown", "model_availability": "unknown",
        "settings": '{"imported": "a.json"}',
    }  # fmt: skip
    assert made["evaluation_results"][0]["generation_config"]["additional_details"] == {}
    assert path.parent == tmp_path / "data/demo/unknown/tiny_video"


@pytest.mark.parametrize(
    ("name", "kept"),
    [("a b/ü", "a_b"), ("..", "unknown"), ("x.y-z", "x.y-z")],
)
def test_a_name_as_a_portable_path(name: str, kept: str) -> None:
    assert every_eval._portable(name) == kept


@pytest.mark.parametrize(
    ("backend", "said"),
    [({"vllm": "0.11"}, "vllm 0.11"), ({"dialect": "sglang"}, "sglang"), ({"dialect": None}, ""),
     ({}, ""), (None, ""), ("x", "")],
)  # fmt: skip
def test_what_served_a_model(backend: object, said: str, tmp_path: Path) -> None:
    assert serving.served_by(run_with(tmp_path, backend=backend)) == said


EXAMINED = {"questions": 20, "flips": 1, "failed": 4, "largest": 0.25, "sound": True}


@pytest.mark.parametrize(
    ("changed", "read", "said"),
    [
        ({}, serving.Examined(20, 1, 4, 0.25, True), "6.2% of 16"),
        ({"sound": False, "largest": None}, serving.Examined(20, 1, 4, None, False),
         "6.2% of 16, not the same"),
        ({"failed": 20, "flips": 0}, serving.Examined(20, 0, 20, 0.25, True), "?% of 0"),
        ({"flips": "many"}, None, "None"),
        ({"flips": None}, None, "None"),
    ],
)  # fmt: skip
def test_what_the_doctor_found(
    changed: dict[str, Any], read: serving.Examined | None, said: str, tmp_path: Path
) -> None:
    run = run_with(tmp_path)
    (run.folder / "doctor.json").write_text(json.dumps({"served": EXAMINED | changed}))
    assert serving.examined(run) == read
    assert str(serving.examined(run)) == said
    (run.folder / "doctor.json").write_text(json.dumps({"other": 1}))
    assert serving.examined(run) is None


def test_the_exports_rows(tmp_path: Path) -> None:
    answers = [record(1, "The best answer is D."), record(2, None), record(3, None)]
    first, second = export.videomme(write(tmp_path, answers, task="videomme"))
    options = ["A. red car", "B. blue truck", "C. green bus", "D. yellow van"]
    assert first == {
        "video_id": "000", "duration": "short", "domain": "Knowledge", "sub_category": "Law",
        "missing": False,
        "questions": [
            {"question_id": "000-2", "task_type": "Direction", "question": "What is number 1?",
             "options": options, "answer": "D", "response": "The best answer is D."},
            {"question_id": "000-3", "task_type": "Order", "question": "What is number 2?",
             "options": options, "answer": "C", "response": ""},
        ],
    }  # fmt: skip
    assert (second["video_id"], second["duration"], second["missing"]) == ("001", "medium", True)


@pytest.mark.parametrize(
    ("form", "asked", "said"),
    [
        (export.videomme, {"control": "blank"}, "control=blank is a diagnosis, no result"),
        (export.egoschema, {}, "a run of demo; export egoschema takes a run of egoschema"),
    ],
)
def test_what_is_not_exported(
    form: Callable[[Run], object], asked: dict[str, Any], said: str, tmp_path: Path
) -> None:
    run = write(tmp_path, [record(0, "A")], **asked)
    with pytest.raises(RequestError) as refused:
        form(run)
    assert str(refused.value) == f"{run.folder}: {said}"
