"""Runs and records as this harness wrote them before format 2, read as today's.

A record held one ``score``, ``gold``, ``response`` as text and groups as texts (" | " between
several values, "@1" after a rotated question's id); a request held its protocol's ``reader``,
``denominator`` and ``aggregate``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import JournalError
from harness.metrics import GroupScore, Mean
from harness.run.folder import record_files
from harness.scoring.choice import ChoiceScorer
from harness.types import JSON, Metric, Question, Record, Response, Score

_ROTATED = re.compile(r"(.+)@(\d+)")
_STATUS = {"scored": "scored", "unread": "unparsed", "failed": "failed"}
_SEPARATOR = " | "


def is_old(request: Mapping[str, Any]) -> bool:
    """Whether a request.json was written before format 2."""
    protocol = request.get("protocol")
    return isinstance(protocol, Mapping) and "scorer" not in protocol and "decoding" in request


def scorer(protocol: Mapping[str, Any]) -> ChoiceScorer:
    """The scorer of an old protocol. Raises RequestError for a reader that is no more."""
    return ChoiceScorer(str(protocol.get("reader") or "default"))


def metrics(protocol: Mapping[str, Any]) -> tuple[Metric, ...]:
    """The metrics of an old protocol. Raises JournalError for an aggregate that is no more."""
    kind, _, group = str(protocol.get("aggregate") or "micro").partition(":")
    counted: Any = protocol.get("denominator") or "all"
    if kind == "videomme_v2":
        return (GroupScore(), Mean("accuracy"))
    if kind not in ("micro", "macro") or counted not in ("all", "answered", "nonempty"):
        raise JournalError(
            f"aggregate {kind!r} over {counted!r} is no rule of this harness any more; run the "
            "request again"
        )
    return (Mean("accuracy", macro=(group,) if kind == "macro" else (), counted=counted),)


def records(folder: Path) -> list[Record]:
    """Every record of an old run; the last line of a question wins, an answer over a failure.

    Raises JournalError for a damaged line that is not the last.
    """
    latest: dict[str, Record] = {}
    for path in record_files(folder):
        lines = path.read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines[:-1], start=1):
            try:
                found = record(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                if number == len(lines) - 1:
                    break
                raise JournalError(
                    f"{path}:{number}: damaged record ({error}); delete the line"
                ) from error
            known = latest.get(found.key)
            if known is None or known.status == "failed" or found.status != "failed":
                latest[found.key] = found
    return list(latest.values())


def record(old: Mapping[str, Any]) -> Record:
    """One record. Raises KeyError, TypeError or ValueError for what was never one."""
    found = {name: groups(value) for name, value in old["groups"].items()}
    asked = question(str(old["question"]), tuple(old.get("options") or ()), old["gold"], found)
    text, score, answer = old["response"], old["score"], old.get("answer")
    finish, seconds = str(old.get("finish") or "stop"), float(old.get("seconds") or 0.0)
    values = {} if score is None else {"accuracy": float(score)}
    status = _STATUS[old["status"]]
    return Record(
        asked,
        str(old["video"]),
        str(old["prompt"]),
        tuple(old["frames"]),
        tuple(old["times"]),
        None if text is None else Response(asked.key, text, finish=finish, seconds=seconds),
        None if text is None else Score(values, answer),
        status,  # type: ignore[arg-type]  # a value of _STATUS
        old.get("reason"),
        "model" if status == "failed" else None,
        old.get("subtitles"),
    )


def question(
    name: str, options: tuple[str, ...], target: JSON, groups: Mapping[str, tuple[str, ...]]
) -> Question:
    """A question by its old name, which ended in "@1" when its options were rotated by one. Its
    text was never kept apart from its prompt."""
    rotated = _ROTATED.fullmatch(name)
    id, rotation = (rotated[1], int(rotated[2])) if rotated else (name, 0)
    return Question(id, "", options, target, groups, rotation=rotation)


def groups(value: str) -> tuple[str, ...]:
    """The values of a group that was one text: "ER | KIR" was in both, "" in none."""
    return tuple(value.split(_SEPARATOR)) if value else ()
