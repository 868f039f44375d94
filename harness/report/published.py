"""A run against the literature: every published value for its model and benchmark, not the nicest.

``results/published.csv`` holds the values as printed, one source a line. Its columns:

    model, benchmark   stable names: the checkpoint's name on the hub without its organisation and
                       "-hf", in lower case; the name in ``tasks/``
    split, metric      ``accuracy`` is the benchmark's headline as its authors add it up;
                       ``accuracy:<value>`` one value of a breakdown
    value, scale       as printed, and what a perfect score would be (100, 5, 3, …)
    frames, sampling   a number, or what else was printed ("1 fps"); empty: not stated
    subtitles          yes | no | empty: not stated
    prompt, reader, denominator   where the source's protocol is known
    trust              reported (by the model's authors) | board (by the benchmark's authors) |
                       reproduced (run again by others) | quoted | secondhand (read in notes about
                       the paper) | superseded (older annotations) | doubtful (see the note);
                       of rows that ``harness.report.hub_board`` reads: hub | hub, verified
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from harness.errors import DataError, RequestError
from harness.report import tables
from harness.report.runs import Run
from harness.types import Estimate

# in a wheel beside this module; in a checkout where people look for it
_PLACES = (
    Path(__file__).with_name("published.csv"),
    Path(__file__).parents[2] / "results" / "published.csv",
)

DRIFT = "a change of judge has moved identical answers from 35.2 to 43.6"
"""What is known of it: Video-ChatGPT's authors on ActivityNet-QA, their issue 28 (2023-07-26)."""


@dataclass(frozen=True)
class Published:
    """One printed number. Every field is text as in the file."""

    model: str
    params: str
    benchmark: str
    split: str
    metric: str
    value: str
    scale: str
    frames: str
    sampling: str
    subtitles: str
    prompt: str
    reader: str
    denominator: str
    judge: str
    trust: str
    source: str
    url: str
    printed_as: str
    note: str


@dataclass(frozen=True)
class Verdict:
    """A published value beside ours, both out of 100; ``consistent``: it lies in our interval
    (None: that is not known); ``differs`` names known protocol differences, ``unstated`` what the
    source does not say."""

    published: Published
    ours: Estimate
    consistent: bool | None
    differs: tuple[str, ...]
    unstated: tuple[str, ...]

    def __str__(self) -> str:
        found = self.published
        verdict = {True: "consistent", False: "not consistent", None: "no interval to compare"}[
            self.consistent
        ]
        said = f"{verdict} with {found.value} ({found.source}): {tables.interval(self.ours)}"
        if self.differs:
            said += f"; differs in {', '.join(self.differs)}"
        if self.unstated:
            said += f"; not stated there: {', '.join(self.unstated)}"
        if found.trust in ("doubtful", "superseded", "secondhand"):
            said += f" [{found.trust}: {found.note}]"
        return said


@cache
def published() -> tuple[Published, ...]:
    """The whole file. Raises DataError when it is missing or not what it should be."""
    path = next((place for place in _PLACES if place.is_file()), None)
    if path is None:
        raise DataError(f"{_PLACES[-1]}: missing; install again, or restore it from the repository")
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        names = [field.name for field in fields(Published)]
        if reader.fieldnames != names:
            raise DataError(f"{path}: its columns must be {','.join(names)}")
        return tuple(Published(**row) for row in reader)


def model_of(run: Run) -> str:
    """The published name of a run's model: that of its checkpoint, on the hub or in a folder."""
    settings = (run.request.get("settings") or {}).get("model") or {}
    backend = run.identity.get("backend") or {}
    checkpoint = str(backend.get("checkpoint") or settings.get("checkpoint") or run.model)
    return stable_name(checkpoint)


def stable_name(checkpoint: str) -> str:
    """A checkpoint's name without its organisation and "-hf", in lower case."""
    return checkpoint.rstrip("/").rsplit("/", 1)[-1].lower().removesuffix("-hf")


def against(run: Run, model: str | None = None, more: Sequence[Published] = ()) -> list[Verdict]:
    """The run beside every published value of its model and benchmark, and of ``more``.

    ``model`` overrides the checkpoint's name. Raises RequestError when nothing is published.
    """
    wanted, benchmark = model or model_of(run), benchmark_of(run)
    every = (*published(), *more)
    known = [p for p in every if p.model == wanted and p.benchmark == benchmark]
    if not known:
        models = sorted({p.model for p in every if p.benchmark == benchmark})
        raise RequestError(
            f"nothing is published for model {wanted!r} on {benchmark!r}; "
            + (f"--as may be one of {', '.join(models)}" if models else "no such benchmark there")
        )
    ours = _metrics(run)
    return [_verdict(run, p, ours[p.metric]) for p in known if p.metric in ours]


def benchmark_of(run: Run) -> str:
    """The benchmark's name, whatever the protocol."""
    return str(run.protocol.get("name") or run.task.partition("/")[0])


def markdown(run: Run, verdicts: Sequence[Verdict]) -> str:
    """The verdicts as a page."""
    cells = [
        {
            "metric": v.published.metric,
            "published": v.published.value,
            "ours": tables.interval(v.ours),
            "consistent": {True: "yes", False: "no", None: "?"}[v.consistent],
            "differs in": ", ".join(v.differs),
            "not stated": ", ".join(v.unstated),
            "split": v.published.split,
            "trust": v.published.trust,
            "source": v.published.source,
            "note": v.published.note,
        }
        for v in verdicts
    ]
    title = f"# {run.model} on {benchmark_of(run)}, beside everything published\n"
    return "\n".join([title, tables.markdown(cells), *(f"- {tables.cell(v)}" for v in verdicts)])


def rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """The verdicts in numbers and text, one row each."""
    return [
        {
            **vars(v.published),
            "ours": 100 * v.ours.value,
            "low": 100 * v.ours.ci95[0],
            "high": 100 * v.ours.ci95[1],
            "consistent": v.consistent,
            "differs": "; ".join(v.differs),
            "unstated": "; ".join(v.unstated),
        }
        for v in verdicts
    ]


def _metrics(run: Run) -> dict[str, Estimate]:
    """The run's numbers under the names that published.csv has for them. The headline is
    "accuracy" there, whatever its own name, and so are its parts."""
    summary = run.summary
    parts = {name: value.estimate for name, value in summary.metrics.items() if value.unit == "%"}
    if summary.main.unit == "%":
        parts["accuracy"] = summary.main.estimate
        for group in summary.by:
            for value, found in summary.part(group).items():
                parts.setdefault(f"accuracy:{value.lower().replace(' ', '_')}", found)
    return {name: found for name, found in parts.items() if not math.isnan(found.value)}


def _verdict(run: Run, found: Published, ours: Estimate) -> Verdict:
    low, high = ours.ci95
    theirs = {
        "frames": found.frames or found.sampling,
        "subtitles": found.subtitles,
        "prompt": found.prompt,
        "reader": found.reader,
        "denominator": found.denominator,
    }
    here = {
        "frames": "not known" if run.frames is None else str(run.frames),
        "subtitles": "yes" if _subtitles(run) else "no",
        "prompt": str(run.protocol.get("protocol", "official")),
        "reader": str(getattr(run.scorer, "extractor", type(run.scorer).__name__)),
        "denominator": str(getattr(run.metrics[0], "counted", "all")),
    }
    differs = [
        f"{key} ({theirs[key]} there, {value} here)"
        for key, value in here.items()
        if theirs[key] and theirs[key] != value
    ]
    differs += _unusual(run, found)
    return Verdict(
        published=found,
        ours=ours,
        consistent=None if math.isnan(low) else low <= float(found.value) / 100 <= high,
        differs=tuple(differs),
        unstated=tuple(key for key in here if not theirs[key]),
    )


def _subtitles(run: Run) -> bool:
    """Whether the protocol shows subtitles: its prompt's setting (once the task's own)."""
    prompt = run.protocol.get("prompt")
    settings = prompt if isinstance(prompt, Mapping) else run.protocol
    return settings.get("subtitles", "none") not in ("none", None)


def _unusual(run: Run, found: Published) -> list[str]:
    """What sets the run apart from any published one, whatever their protocol."""
    source = ((run.request.get("settings") or {}).get("task") or {}).get("source") or {}
    places = {str(source.get(key) or "").lower() for key in ("split", "config")}
    splits = {p.split for p in published() if p.benchmark == found.benchmark}
    split = next(iter(sorted(places & splits)), found.split)
    usual = {"limit": None, "control": "none", "permute_options": 1, "repeats": 1}
    unusual = [
        f"{key} ({run.identity[key]} here)"
        for key, value in usual.items()
        if run.identity.get(key, value) != value
    ]
    if split != found.split and found.split != "unknown":
        unusual.append(f"split ({found.split} there, {split} here)")
    judge = run.request.get("judge")
    if judge and found.judge:
        named = (str(judge[key]) for key in ("model", "checkpoint", "rule") if key in judge)
        name = next(named, "another one")
        unusual.append(f"another judge ({found.judge} there, {name} here; {DRIFT})")
    return unusual + ([] if run.complete else ["coverage (the run is incomplete)"])
