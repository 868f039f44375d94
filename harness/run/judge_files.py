"""A run's own file of what one judge said about it: each response's prompts, replies and values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.identity import describe, digest
from harness.run.journal import write_atomically
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
    question (``found`` is by record key) with its values, replies and how they had to be read.
    Raises JournalError when the disk refuses."""
    file = judgement_file(run, judge, generation)
    head = {"judge": dict(judge.identity()), "settings": describe(generation)}
    lines = [head, *(_line(key, judgement) for key, judgement in found.items())]
    write_atomically(file, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return file


def judge_name(request: Mapping[str, Any]) -> str:
    """What the judge of a run is called, by its request: as a server names it, by its checkpoint
    (of a folder the last part), else by its class: ``WordOverlap``."""
    identity, settings = request.get("judge"), request.get("settings")
    asked = settings.get("judge") if isinstance(settings, Mapping) else None
    for said in (asked, identity):
        for key in ("name", "model", "checkpoint", "path", "repo"):
            if isinstance(said, Mapping) and isinstance(name := said.get(key), str) and name:
                local = name.startswith((".", "/", "~"))
                return Path(name).name if local else name
    if isinstance(identity, Mapping) and identity.get("rule"):
        return str(identity["rule"])
    target = str(asked.get("_target_", "")) if isinstance(asked, Mapping) else ""
    return target.rpartition(".")[2] or "unnamed"


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
