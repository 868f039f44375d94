"""Which questions need the video: a run beside its controls, question by question.

A question that is answered rightly without the video, from a single frame or from shuffled frames
does not need the video, its motion or its order: at least not for this model. One response a
question classifies it, and some are right by guessing. Questions that need the video but were
guessed leave their class at random, so those that remain are a fair sample of the questions that
need it, only a smaller one: the accuracy on them is not biased by the guesses, and its interval,
clustered by video over the number that is left, is as wide as that demands. The *share* of a class
is biased by them, and is given as counted and without the guesses:
(share - chance) / (1 - chance), taking each guess as right with the chance of its question.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.errors import RequestError
from harness.estimates import chance
from harness.metrics import Mean, Unit, estimated
from harness.report import tables
from harness.report.comparable import same_but
from harness.report.runs import Run
from harness.types import Estimate, Record

CONTROLS = {
    "blank": "answered without the video",
    "single_frame": "answered from one frame",
    "shuffled": "answered from shuffled frames",
    "no_times": "answered without times",
}
"""The controls in the order in which they are asked, and what being right under each means. A
question is in the class of the first under which it is answered rightly."""

NEEDS = "needs the video"


@dataclass(frozen=True)
class Class:
    """One class of questions: its share of all, that share without guesses (None: the chance is
    not known), and the run's own score on it."""

    name: str
    share: Estimate
    without_guesses: Estimate | None
    score: Estimate


@dataclass(frozen=True)
class Profile:
    """A run's questions by what they need. ``controls`` are the runs that were held against it,
    ``missing`` the controls that were not made; ``n`` questions count in the run and in all of its
    controls."""

    run: Run
    controls: Mapping[str, Run]
    missing: tuple[str, ...]
    n: int
    classes: tuple[Class, ...]


def profile(run: Run, runs: Sequence[Run]) -> Profile:
    """The profile of a run, its controls found among ``runs``.

    Raises RequestError when the run is a control itself, has a headline that is not right or wrong,
    or when no control of it is there.
    """
    headline = run.metrics[0]
    if not isinstance(headline, Mean) or (headline.low, headline.high) != (0.0, 1.0):
        raise RequestError(f"{run.task}: its questions are not right or wrong ({headline.name})")
    if run.control != "none":
        raise RequestError(f"{run.folder}: is a control itself (control={run.control})")
    controls = controls_of(run, runs)
    if not controls:
        names = ",".join(CONTROLS)
        raise RequestError(
            f"{run.folder}: no control of this run is there; make them with the same request and "
            f"-m control={names}"
        )
    rule = replace(headline, macro=())
    own = {str(key): unit for key, unit in rule.units(run.records).items()}
    theirs = {
        name: {str(key): unit for key, unit in rule.units(other.records).items()}
        for name, other in controls.items()
    }
    common = [key for key in own if all(key in units for units in theirs.values())]
    placed = {key: _class(key, theirs) for key in common}
    records = {record.question.id: record for record in run.records}
    classes = tuple(
        _described(name, own, placed, _guess(run, rule, [records[key] for key in common]))
        for name in (*controls, NEEDS)
    )
    missing = tuple(name for name in CONTROLS if name not in controls)
    return Profile(run, controls, missing, len(common), classes)


def markdown(found: Profile) -> str:
    """The profile as a page."""
    run = found.run
    rows = [
        {
            "class": CONTROLS.get(one.name, one.name),
            "questions": one.score.n,
            "share": tables.interval(one.share),
            "without guesses": tables.interval(one.without_guesses) if one.without_guesses else "",
            "score": tables.interval(one.score),
        }
        for one in found.classes
    ]
    lines = [
        f"# What the questions of {tables.cell(run.task)} need, for {tables.cell(run.model)}\n",
        tables.markdown(rows),
        f"Of {found.n:,} questions that count in this run and in each of its controls; each is in "
        "the first class that applies. *score*: this run's, on the questions of the class; in "
        "brackets 95% intervals, clustered by video. *without guesses*: the share of the class if "
        "guesses were not counted as answered.\n",
    ]
    if found.missing:
        names = ", ".join(found.missing)
        lines.append(f"Not made: {names}. Questions that these would settle count as needing it.\n")
    return "\n".join(lines)


def rows(found: Profile) -> list[dict[str, object]]:
    """The classes in numbers, one row each."""
    made = []
    for one in found.classes:
        row: dict[str, object] = {"class": one.name, "questions": one.score.n}
        for name, number in (("share", one.share), ("score", one.score)):
            low, high = number.ci95
            row |= {name: number.value, f"{name} low": low, f"{name} high": high}
        made.append(row)
    return made


def controls_of(run: Run, runs: Sequence[Run]) -> dict[str, Run]:
    """One frame is shown in a control of one frame, whatever the run's number of them is."""
    found = {}
    for name in CONTROLS:
        for other in runs:
            if other.control == name and same_but(run, other, control=name) and other.complete:
                found[name] = other
    return found


def _class(key: str, theirs: Mapping[str, Mapping[str, Unit]]) -> str:
    return next((name for name, units in theirs.items() if units[key].value >= 1.0), NEEDS)


def _described(
    name: str, own: Mapping[str, Unit], placed: Mapping[str, str], guess: float | None
) -> Class:
    inside: dict[Hashable, Unit] = {key: own[key] for key in placed if placed[key] == name}
    share = estimated({key: _unit(own[key], float(placed[key] == name)) for key in placed})
    return Class(name, share, _corrected(name, share, guess), estimated(inside))


def _unit(unit: Unit, value: float) -> Unit:
    return Unit(value, unit.video)


def _corrected(name: str, share: Estimate, guess: float | None) -> Estimate | None:
    """For the first class only: later ones depend on what earlier ones left."""
    if guess is None or name != "blank":
        return None
    value, low, high = (
        min(max((x - guess) / (1 - guess), 0.0), 1.0) if not math.isnan(x) else x
        for x in (share.value, *share.ci95)
    )
    return replace(share, value=value, ci95=(low, high))


def _guess(run: Run, rule: Mean, records: Sequence[Record]) -> float | None:
    found = chance(rule, run.scorer, records)
    return None if found is None or found >= 1.0 else found
