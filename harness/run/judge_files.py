"""A run's own file of what one judge said about it: each response's prompts, replies and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from harness.identity import describe, digest
from harness.run.judge_case import Judgement
from harness.types import JSON, Failure, Generation, Model

JUDGEMENTS = "judged-"
"""How the files begin in which a run folder keeps its judges' replies."""


def judgement_file(run: Path, judge: Model, generation: Generation) -> Path:
    """Where a run folder keeps what one judge said under these settings."""
    head = {"judge": dict(judge.identity()), "settings": describe(generation)}
    return run / f"{JUDGEMENTS}{digest(head, 12)}.jsonl"


def write_judgements(
    run: Path, found: Mapping[str, Judgement], judge: Model, generation: Generation
) -> Path:
    """Writes the file, whole or not at all: first the judge and its settings, then a line a
    question (``found`` is by record key) with its values, replies and how they had to be read."""
    file = judgement_file(run, judge, generation)
    partial = file.with_name(f".{file.name}.partial")
    with partial.open("w", encoding="utf-8") as out:
        head = {"judge": dict(judge.identity()), "settings": describe(generation)}
        out.write(json.dumps(head, ensure_ascii=False) + "\n")
        for key, judgement in found.items():
            out.write(json.dumps(_line(key, judgement), ensure_ascii=False) + "\n")
    partial.replace(file)
    return file


def _line(key: str, judgement: Judgement) -> dict[str, JSON]:
    line: dict[str, JSON] = {
        "question": key,
        "prompts": judgement.prompts,
        "replies": judgement.replies,
        "parse": judgement.parse,
    }
    if isinstance(judgement.outcome, Failure):
        return {**line, "reason": judgement.outcome.reason}
    return {**line, "values": dict(judgement.outcome.values)}
