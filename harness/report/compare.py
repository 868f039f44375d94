"""Runs against each other on the questions both answered: paired, per part, per question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from harness import stats
from harness.errors import RequestError
from harness.run.journal import difference
from harness.report import tables
from harness.report.leaderboard import asked
from harness.report.runs import Run
from harness.report.summary import in_order, score_of
from harness.scoring.aggregate import members
from harness.stats import Paired
from harness.types import Record

OVERALL = "overall"


@dataclass(frozen=True)
class Difference:
    """One line: the second run minus the first, on one part of the questions.

    ``holm`` is ``paired.p`` adjusted: headlines among all compared runs, parts among all parts.
    """

    second: str
    part: str
    before: float
    after: float
    paired: Paired
    holm: float
    detectable: float


@dataclass(frozen=True)
class Flip:
    """A question on which two runs score differently."""

    second: str
    question: str
    video: str
    gold: str | None
    before: str | None
    after: str | None
    gained: bool


@dataclass(frozen=True)
class Comparison:
    """The first run against each other one. ``notes`` say what else differs between them."""

    first: str
    differences: tuple[Difference, ...]
    flips: tuple[Flip, ...]
    notes: tuple[str, ...]


def compare(runs: Sequence[Run]) -> Comparison:
    """The first of ``runs`` against each of the others.

    A question that either run failed on is left out; an unread answer is wrong. Raises
    RequestError when two runs share no question, or disagree on what is right.
    """
    first, *others = runs
    labels = _labels(runs)
    pairs = [(label, _pair(first, other)) for label, other in zip(labels[1:], others, strict=True)]
    aggregate = str(first.protocol.get("aggregate") or "micro")
    headlines = [_difference(label, OVERALL, pair, aggregate) for label, pair in pairs]
    parts = [d for label, pair in pairs for d in _parts(label, pair)]
    return Comparison(
        labels[0],
        (*_adjusted(headlines), *_adjusted(parts)),
        tuple(flip for label, pair in pairs for flip in _flips(label, pair)),
        tuple(note for run in others for note in _notes(first, run)),
    )


def markdown(result: Comparison) -> str:
    """The comparison as a page."""
    lines = [f"# Compared with {tables.cell(result.first)}\n"]
    lines += [f"> {tables.cell(note)}\n" for note in result.notes]
    lines.append(tables.markdown([_cells(d) for d in result.differences]))
    lines.append(
        "± half of the 95% interval of the paired difference, clustered by video; p: clustered t "
        "test, adjusted by Holm over the runs compared (overall) or over all parts; McNemar: "
        "exact, taking questions as independent; detectable: the difference that this design "
        "finds four times in five. In percent and points, over the questions both runs answered.\n"
    )
    lines.append(f"## {len(result.flips)} questions changed\n")
    lines.append(tables.markdown([_flip_cells(flip) for flip in result.flips]))
    return "\n".join(lines)


def rows(result: Comparison) -> list[dict[str, Any]]:
    """The differences in numbers, one row each."""
    flat = []
    for d in result.differences:
        estimate = asdict(d.paired.difference)
        row: dict[str, Any] = {"first": result.first, "second": d.second, "part": d.part}
        row |= {"before": d.before, "after": d.after, "difference": estimate.pop("value")}
        row |= {**estimate, "gained": d.paired.gained, "lost": d.paired.lost, "p": d.paired.p}
        flat.append(row | {"holm": d.holm, "mcnemar": d.paired.mcnemar, "detectable": d.detectable})
    return flat


def as_data(result: Comparison) -> dict[str, Any]:
    """The whole comparison for JSON."""
    flips = [asdict(flip) for flip in result.flips]
    return {"notes": list(result.notes), "differences": rows(result), "flips": flips}


Pair = Mapping[str, tuple[Record, Record]]


def _pair(first: Run, second: Run) -> Pair:
    before, after = ({r.question: r for r in run.records} for run in (first, second))
    common = {q: (before[q], after[q]) for q in before if q in after}
    if not common:
        raise RequestError(
            f"{first.folder} and {second.folder} share no question; compare runs of one benchmark"
        )
    for question, (one, other) in common.items():
        if one.gold != other.gold:
            raise RequestError(
                f"question {question!r}: the right answer is {one.gold!r} in {first.folder} and "
                f"{other.gold!r} in {second.folder}; these runs are of different data"
            )
    return {
        q: pair
        for q, pair in common.items()
        if pair[0].gold is not None and "failed" not in (pair[0].status, pair[1].status)
    }


def _difference(label: str, part: str, pair: Pair, aggregate: str = "micro") -> Difference:
    """``aggregate`` macro averages the differences of its groups as the headline does; any other
    headline that is no mean is compared question by question."""
    name = aggregate.partition(":")[2] if aggregate.startswith("macro:") else ""
    before, after = ({q: score_of(both[i]) for q, both in pair.items()} for i in (0, 1))
    videos = {q: both[0].video for q, both in pair.items()}
    groups = {q: both[0].groups.get(name, "") for q, both in pair.items()} if name else None
    result = stats.paired(before, after, videos, groups)
    mean = [
        stats.macro(
            list(x.values()), [videos[q] for q in x], [groups[q] if groups else 0 for q in x]
        )
        for x in (before, after)
    ]
    detectable = stats.minimum_detectable(result.difference)
    return Difference(label, part, mean[0].value, mean[1].value, result, result.p, detectable)


def _parts(label: str, pair: Pair) -> list[Difference]:
    found: dict[tuple[str, str], dict[str, tuple[Record, Record]]] = {}
    for question, both in pair.items():
        for name, values in both[0].groups.items():
            for value in members(values):
                found.setdefault((name, value), {})[question] = both
    names = list(dict.fromkeys(name for name, _ in found))
    return [
        _difference(label, f"{name}: {value}", found[name, value])
        for name in names
        for value in in_order(value for key, value in found if key == name)
    ]


def _adjusted(differences: Sequence[Difference]) -> list[Difference]:
    adjusted = stats.holm([d.paired.p for d in differences])
    return [
        Difference(**{**vars(d), "holm": p}) for d, p in zip(differences, adjusted, strict=True)
    ]


def _flips(label: str, pair: Pair) -> list[Flip]:
    return [
        Flip(label, q, a.video, a.gold, a.answer, b.answer, score_of(b) > score_of(a))
        for q, (a, b) in sorted(pair.items())
        if score_of(a) != score_of(b)
    ]


def _notes(first: Run, second: Run) -> list[str]:
    notes = []
    if differs := difference(asked(first), asked(second)):
        notes.append(f"not asked alike ({second.model}): {differs}")
    for run in (first, second):
        if not run.complete:
            notes.append(f"{run.model} ({run.id}) is incomplete")
    return notes


def _labels(runs: Sequence[Run]) -> list[str]:
    """The shortest names that tell the runs apart."""
    for name in (
        lambda run: run.model,
        lambda run: f"{run.model}, {run.frames} frames",
        lambda run: f"{run.model} {run.id}",
    ):
        labels = [str(name(run)) for run in runs]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{run.model} {run.folder}" for run in runs]


def _cells(d: Difference) -> dict[str, Any]:
    estimate = d.paired.difference
    return {
        "run": d.second,
        "part": d.part,
        "n": estimate.n,
        "before": tables.points(d.before),
        "after": tables.points(d.after),
        "difference": tables.percent(estimate.value, estimate.half_width, signed=True),
        "gained": d.paired.gained,
        "lost": d.paired.lost,
        "p": tables.probability(d.paired.p),
        "p (Holm)": tables.probability(d.holm),
        "McNemar": tables.probability(d.paired.mcnemar),
        "detectable": tables.points(d.detectable),
    }


def _flip_cells(flip: Flip) -> dict[str, Any]:
    return {
        "run": flip.second,
        "question": flip.question,
        "right": flip.gold,
        "before": tables.short(flip.before),
        "after": tables.short(flip.after),
        "": "gained" if flip.gained else "lost",
    }
