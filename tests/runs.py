"""Run folders for tests, written by the real journal, with the answers a test wants."""

import json
from pathlib import Path
from typing import Any

from harness.run.journal import Appender, Journal
from harness.report.runs import Run, load
from harness.report.summary import summarise
from harness.run.request import run_id
from harness.scoring.extractors import READERS
from harness.types import Record

OPTIONS = ("red car", "blue truck", "green bus", "yellow van")
DURATIONS = ("short", "medium", "long")
TYPES = ("Counting", "Direction", "Order")
TEMPLATE = "{subtitles}Select the best answer.\n{question}\n{options}\nThe best answer is:"


def gold(i: int) -> str:
    return "ABCD"[(i * 7) % 4]


def record(i: int, response: str | None, reader: str = "videomme", **changes: Any) -> Record:
    """Question ``i``: video i // 3 has three, one of each type. None is a failure."""
    video = i // 3
    read = READERS[reader](response, OPTIONS) if response is not None else None
    values = {
        "question": f"{video:03d}-{i % 3 + 1}",
        "video": f"video{video:03d}",
        "prompt": (
            f"user: <video>Select the best answer.\nWhat is number {i}?\n"
            + "\n".join(f"{a}. {b}" for a, b in zip("ABCD", OPTIONS, strict=True))
            + "\nThe best answer is:"
        ),
        "frames": (0, 10),
        "times": (0.0, 1.0),
        "response": response,
        "finish": "stop" if response is not None else None,
        "answer": read,
        "score": None if read is None else float(read == gold(i)),
        "status": "failed" if response is None else "unread" if read is None else "scored",
        "reason": "a damaged video" if response is None else None,
        "seconds": 0.25,
        "options": OPTIONS,
        "gold": gold(i),
        "groups": {
            "duration": DURATIONS[video % 3],
            "domain": "Knowledge",
            "sub_category": "Law",
            "task_type": TYPES[i % 3],
        },
    }
    return Record(**{**values, **changes})


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


def write(
    results: Path,
    answers: list[Record],
    *,
    model: str = "tiny_video",
    task: str = "demo",
    **asked: Any,
) -> Run:
    """A finished run folder, as the runner writes it."""
    protocol = {
        "name": task.partition("/")[0],
        "protocol": "official",
        "template": TEMPLATE,
        "reader": "videomme",
        "denominator": "all",
        "aggregate": "micro",
        "breakdowns": ["duration", "task_type"],
        "subtitles": "none",
    } | asked.pop("protocol", {})
    expected = asked.pop("expected", len(answers))
    identity = {
        "task": task,
        "protocol": protocol,
        "data": {"repo": "demo"},
        "model": model,
        "backend": {"checkpoint": model},
        "sampling": {"frames": 8},
        "limit": None,
        "control": "none",
        "permute_options": 1,
        "frames": 8,
    } | asked
    request = {"id": run_id(identity), **identity, "questions": expected}
    request |= {"settings": {}, "environment": {}}
    folder = results / task / model / run_id(identity)
    with Journal(folder, request), Appender(folder) as appender:
        for answer in answers:
            appender.append(answer)
    summary = summarise(
        answers,
        task=task,
        model=model,
        frames=identity["frames"],
        denominator=protocol["denominator"],
        aggregate=protocol["aggregate"],
        breakdowns=protocol["breakdowns"],
        seconds=12.5,
        expected=expected,
    )
    (folder / "summary.json").write_text(json.dumps(summary, allow_nan=False))
    return load(folder)
