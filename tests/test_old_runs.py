"""Runs as they were written before format 2: every field of a record, every rule of a protocol."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import JournalError, RequestError
from harness.metrics import GroupScore, Mean
from harness.report import migration
from harness.types import Metric, Question, Record, Response, Score

OLD: dict[str, Any] = {
    "question": "1-1", "options": ["red", "blue"], "gold": "A", "video": "v1",
    "groups": {"duration": "short", "capability": "ER | KIR", "domain": ""}, "prompt": "Which?",
    "frames": [0, 8], "times": [0.0, 0.5], "response": "A.", "score": 1, "answer": "A",
    "status": "scored",
}  # fmt: skip
ASKED = Question(
    "1-1", "", ("red", "blue"), "A",
    {"duration": ("short",), "capability": ("ER", "KIR"), "domain": ()},
)  # fmt: skip


def made(asked: Question = ASKED, **changed: Any) -> Record:
    told: dict[str, Any] = {
        "response": Response(asked.key, "A."),
        "score": Score({"accuracy": 1.0}, "A"),
        "status": "scored",
    }
    return Record(asked, "v1", "Which?", (0, 8), (0.0, 0.5), **(told | changed))


TURNED = Question("1@x", "", ("red", "blue"), "A", ASKED.groups, rotation=3)
FAILED = {"status": "failed", "response": None, "score": None, "answer": None, "reason": "torn"}


@pytest.mark.parametrize(
    ("changed", "read"),
    [
        ({}, made()),
        ({"question": "1@x@3"}, made(TURNED)),
        ({"finish": "length", "seconds": 2, "subtitles": 4},
         made(response=Response("1-1", "A.", finish="length", seconds=2.0), subtitles=4)),
        ({"finish": None, "seconds": None, "options": None, "groups": {}},
         made(Question("1-1", "", (), "A", {}))),
        ({"status": "unread", "score": None, "answer": None, "response": ""},
         made(response=Response("1-1", ""), score=Score({}, None), status="unparsed")),
        ({"score": 0, "answer": "B"}, made(score=Score({"accuracy": 0.0}, "B"))),
        (FAILED, made(response=None, score=None, status="failed", reason="torn", stage="model")),
    ],
)  # fmt: skip
def test_an_old_record_is_read_as_todays(changed: dict[str, Any], read: Record) -> None:
    assert migration.record(OLD | changed) == read


@pytest.mark.parametrize(
    ("protocol", "metrics"),
    [
        ({}, (Mean("accuracy"),)),
        ({"aggregate": "micro", "denominator": "answered"},
         (Mean("accuracy", counted="answered"),)),
        ({"aggregate": "macro:task", "denominator": "nonempty"},
         (Mean("accuracy", macro=("task",), counted="nonempty"),)),
        ({"aggregate": "videomme_v2"}, (GroupScore(), Mean("accuracy"))),
    ],
)  # fmt: skip
def test_an_old_protocols_metrics(protocol: dict[str, str], metrics: tuple[Metric, ...]) -> None:
    assert migration.metrics(protocol) == metrics


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        ({"aggregate": "median"}, "aggregate 'median' over 'all'"),
        ({"denominator": "some"}, "aggregate 'micro' over 'some'"),
    ],
)
def test_a_rule_that_is_no_more(protocol: dict[str, str], said: str) -> None:
    with pytest.raises(JournalError) as refused:
        migration.metrics(protocol)
    ending = " is no rule of this harness any more; run the request again"
    assert str(refused.value) == said + ending


def test_an_old_protocols_scorer() -> None:
    assert migration.scorer({}).extractor == "default"
    assert migration.scorer({"reader": "videomme"}).extractor == "videomme"
    with pytest.raises(RequestError):
        migration.scorer({"reader": "nobodys"})


@pytest.mark.parametrize(
    ("request_", "old"),
    [
        ({"protocol": {}, "decoding": {}}, True),
        ({"protocol": {"scorer": {}}, "decoding": {}}, False),
        ({"protocol": {}}, False),
        ({"protocol": None, "decoding": {}}, False),
        ({"decoding": {}}, False),
    ],
)
def test_what_an_old_request_is_known_by(request_: dict[str, Any], old: bool) -> None:
    assert migration.is_old(request_) is old


def _written(folder: Path, *lines: object) -> None:
    texts = [line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines]
    (folder / "records-0.jsonl").write_text("".join(texts), encoding="utf-8")


def test_the_last_line_of_a_question_wins_an_answer_over_a_failure(tmp_path: Path) -> None:
    _written(
        tmp_path, OLD | FAILED, OLD, OLD | FAILED | {"reason": "later"},
        OLD | {"question": "2"} | FAILED, OLD | {"question": "2", "reason": "again"} | FAILED,
        OLD | {"question": "3"}, OLD | {"question": "3", "answer": "B", "score": 0},
        '{"question": "torn',
    )  # fmt: skip
    found = {record.key: record for record in migration.records(tmp_path)}
    assert list(found) == ["1-1", "2", "3"]
    assert found["1-1"].status == "scored"
    assert found["2"].reason == "torn"
    assert found["3"].score == Score({"accuracy": 0.0}, "B")


def test_only_a_damaged_last_line_is_left_out(tmp_path: Path) -> None:
    _written(tmp_path, OLD, "{}\n")
    assert [record.key for record in migration.records(tmp_path)] == ["1-1"]
    _written(tmp_path, OLD, "{}\n", OLD | {"question": "2"})
    with pytest.raises(JournalError) as refused:
        migration.records(tmp_path)
    place = tmp_path / "records-0.jsonl"
    assert str(refused.value) == f"{place}:2: damaged record ('groups'); delete the line"
