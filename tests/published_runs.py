"""Fixed runs whose published forms are kept in tests/golden/published, made without a model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.identity import describe
from harness.metrics import Mean
from harness.report.runs import Run, load
from harness.scoring.judged import YesNoScorer
from harness.types import Record, Response, Score, Usage
from tests.runs import record, right, write, wrong

ENVIRONMENT = {
    "started": "2026-01-02T03:04:05+00:00",
    "packages": {"video-eval-harness": "1.2.3"},
}
GENERATION = {"max_new_tokens": 16, "temperature": 0.0, "top_p": 1.0, "top_k": 0, "seed": 0}
MACRO = {"macro": ("duration",), "counted": "answered"}


def _told(run: Run, environment: dict[str, Any], **settings: Any) -> Run:
    """The run with what its request says beside the identity."""
    request = {**run.request, "settings": settings, "environment": environment}
    (run.folder / "request.json").write_text(json.dumps(request))
    summary = run.folder / "summary.json"
    measured = {"waited": 2.5, "energy": 90.5}
    summary.write_text(json.dumps(json.loads(summary.read_text()) | measured))
    return load(run.folder)


def _used(found: Record, read: int | None, written: int | None, cached: int | None) -> Record:
    assert found.response is not None
    return replace(found, response=replace(found.response, usage=Usage(read, written, cached)))


def choice(folder: Path) -> Run:
    """Multiple choice with groups; one answer each truncated, failed, unscored and unparsed."""
    answers = [record(i, right(i) if i % 3 else wrong(i)) for i in range(12)]
    answers[0] = _used(answers[0], 700, 2, 512)
    answers[1] = _used(answers[1], 700, None, None)
    cut = Response("001-1", "The video shows", finish="length", seconds=0.5)
    answers[3] = replace(answers[3], response=cut, score=None, status="truncated",
                         reason="cut off after 16 tokens")  # fmt: skip
    answers[4] = record(4, "I cannot tell. \u2028 \ud800")
    answers[5] = record(5, None)
    answers[6] = replace(answers[6], score=None, status="unscored", reason="its scorer raised")
    run = write(
        folder, answers, task="demo/short", model="model-7b", metric={"counted": "all"},
        backend={"checkpoint": "org/Model-7B", "commit": "abc", "dtype": "float16"},
        data={"repo": "owner/bench", "revision": "c0ffee"}, generation=GENERATION,
    )  # fmt: skip
    return _told(run, ENVIRONMENT)


def _judged(i: int, score: float | None, said: str = "It is red.", **question: Any) -> Record:
    """An open question: judged 0 to 5, right or not, and off by so many seconds."""
    found = record(i, said, question={"options": (), "target": "a red car"} | question)
    values = {} if score is None else {"score": score, "accuracy": float(score >= 3), "late": 1.5}
    if score is None:
        return replace(found, score=None, status="unscored", reason="judge: no verdict")
    told = Score(values, said, "the judge: {'pred': 'yes', 'score': 4}")
    return replace(found, score=told, status="scored")


def judged(folder: Path) -> Run:
    """Open answers of a served model under a judge: a score out of five, and two other metrics."""
    answers = [_judged(i, score) for i, score in enumerate((5.0, 1.0, 4.0, 3.5, None, 0.0))]
    answers[0] = _judged(0, 5.0, groups={"duration": ("short", "Q&A (long)")})
    answers[1] = _judged(1, 1.0, target=["red", "dark red"])
    answers[2] = _judged(2, 4.0, target=None)  # a judge may need no reference
    answers[3] = replace(
        answers[3], response=replace(answers[3].response or Response("", ""), thinking="Hm.")
    )
    metrics = [Mean("score", unit="", high=5.0), Mean("accuracy"),
               Mean("late", unit="s", high=None, higher_is_better=False)]  # fmt: skip
    scorer = YesNoScorer(system="activitynetqa_system", user="activitynetqa_user")
    run = write(
        folder, answers, task="open_qa", model="hosted", data={"rows": "sha256:ab"},
        backend={"served": {"id": "Org/Big-Model"}, "dialect": "openai"},
        judge={"served": {"id": "judge-1"}, "dialect": "openai"},
        protocol={"scorer": describe(scorer), "metrics": [describe(m) for m in metrics],
                  "breakdowns": ["duration"]},
    )  # fmt: skip
    return _told(run, ENVIRONMENT, backend={"model": "Org/Big-Model"}, judge={"model": "judge-1"})


def control(folder: Path) -> Run:
    """Blank frames, asked twice, a macro average, a server in process, two shards."""
    answers = [
        record(i, right(i) if (i + turn) % 4 else wrong(i), question={"repeat": turn})
        for i in range(9)
        for turn in (0, 1)
    ]
    run = write(
        folder, answers, model="tiny", metric=MACRO, control="blank", repeats=2, frames=16,
        backend={"checkpoint": "org/Model-7B", "vllm": "0.11.0"}, data={"repo": "demo"},
    )  # fmt: skip
    whole = run.folder / "records-0.jsonl"
    lines = whole.read_text().splitlines(keepends=True)
    whole.write_text("".join(lines[:7]))
    (run.folder / "records-1.jsonl").write_text("".join(lines[7:]))
    return _told(run, ENVIRONMENT)


def whole(folder: Path) -> Run:
    """A run of a whole benchmark, as the hub takes it."""
    answers = [record(i, right(i) if i % 3 else wrong(i)) for i in range(12)]
    run = write(
        folder, answers, model="model-7b", data={"repo": "owner/bench", "revision": "c0ffee"},
        judge={"rule": "word overlap", "threshold": 0.5},
    )  # fmt: skip
    return _told(run, ENVIRONMENT)


RUNS = {"choice": choice, "judged": judged, "control": control, "whole": whole}
