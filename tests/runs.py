"""Run folders for tests, written by the real journal, with the answers a test wants."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.identity import describe, digest
from harness.metrics import Mean
from harness.report.runs import Run, load
from harness.run.journal import Appender, Journal
from harness.scoring.choice import ChoiceScorer
from harness.types import Question, Record, Response, Score

OPTIONS = ("red car", "blue truck", "green bus", "yellow van")
DURATIONS = ("short", "medium", "long")
TYPES = ("Counting", "Direction", "Order")
TEMPLATE = "{subtitles}Select the best answer.\n{question}\n{options}\nThe best answer is:"


def gold(i: int) -> str:
    return "ABCD"[(i * 7) % 4]


def record(
    i: int,
    response: str | None,
    extractor: str = "videomme",
    *,
    question: dict[str, Any] | None = None,
    **changes: Any,
) -> Record:
    """Question ``i``: video i // 3 has three, one of each type. None is a failure. ``question``
    changes the question's fields, the rest the record's."""
    video = i // 3
    asked = Question(
        f"{video:03d}-{i % 3 + 1}",
        f"What is number {i}?",
        OPTIONS,
        gold(i),
        {
            "duration": (DURATIONS[video % 3],),
            "domain": ("Knowledge",),
            "sub_category": ("Law",),
            "task_type": (TYPES[i % 3],),
        },
    )
    asked = replace(asked, **(question or {}))
    answer = None if response is None else Response(asked.key, response, seconds=0.25)
    score = None if answer is None else ChoiceScorer(extractor).score(asked, answer)
    made = Record(
        asked,
        f"video{video:03d}",
        f"user: <video>Select the best answer.\nWhat is number {i}?\n"
        + "\n".join(f"{a}. {b}" for a, b in zip("ABCD", OPTIONS, strict=True))
        + "\nThe best answer is:",
        (0, 10),
        (0.0, 1.0),
        answer,
        score,
        "failed" if score is None else "scored" if score.values else "unparsed",
        "a damaged video" if response is None else None,
        "video" if response is None else None,
    )
    return replace(made, **changes)


def scored(found: Record, value: float, answer: str | None = "X") -> Record:
    """The record with another score."""
    return replace(found, score=Score({"accuracy": value}, answer), status="scored")


def right(i: int) -> str:
    return gold(i)


def wrong(i: int) -> str:
    return "ABCD"[("ABCD".index(gold(i)) + 1) % 4]


def records(n: int = 180, share: float = 0.8, salt: int = 0) -> list[Record]:
    """``n`` answers of which about ``share`` are right, the same for the same ``salt``."""
    return [
        record(i, right(i) if (i * 37 + salt * 11) % 100 < 100 * share else wrong(i))
        for i in range(n)
    ]


def protocol(name: str = "demo", extractor: str = "videomme", **metric: Any) -> dict[str, Any]:
    """A task as request.json describes it."""
    return {
        "_target_": "harness.task.Task",
        "name": name,
        "protocol": "official",
        "prompt": {"_target_": "harness.prompts.PromptTemplate", "template": TEMPLATE},
        "scorer": describe(ChoiceScorer(extractor)),
        "metrics": [describe(Mean("accuracy", **metric))],
        "breakdowns": ["duration", "task_type"],
    }


def write(
    results: Path,
    answers: list[Record],
    *,
    model: str = "tiny_video",
    task: str = "demo",
    extractor: str = "videomme",
    metric: dict[str, Any] | None = None,
    **asked: Any,
) -> Run:
    """A finished run folder, as the loop writes it."""
    described = protocol(task.partition("/")[0], extractor, **(metric or {}))
    described |= asked.pop("protocol", {})
    expected = asked.pop("expected", len(answers))
    identity = {
        "task": task,
        "protocol": described,
        "data": {"repo": "demo"},
        "model": model,
        "backend": {"checkpoint": model},
        "sampling": {"frames": 8},
        "limit": None,
        "control": "none",
        "permute_options": 1,
        "frames": 8,
    } | asked
    id = digest(identity)
    request = {"id": id, **identity, "questions": expected}
    request |= {"settings": {}, "environment": {}}
    folder = results / task / model / id
    with Journal(folder, request), Appender(folder) as appender:
        for answer in answers:
            appender.append(answer)
    run = Run(folder, request)
    summary = replace(run.summarised(answers), seconds=12.5)
    (folder / "summary.json").write_text(json.dumps(summary.to_json(), allow_nan=False))
    return load(folder)
