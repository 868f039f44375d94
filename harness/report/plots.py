"""Figures for a paper: one a file, as SVG whose text is text, PDF and PNG."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import RequestError
from harness.report.compare import Difference, compare
from harness.report.drawing import (
    COLOURS,
    ENDINGS,
    MARKERS,
    figure_of,
    files,
    known,
    plain,
    reach_of,
    scale_of,
    series,
)  # fmt: skip
from harness.report.rankings import rankings
from harness.report.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def write(runs: Sequence[Run], folder: Path, endings: Sequence[str] = ENDINGS) -> list[Path]:
    """Every ranking's figures: headline against frames, tokens, seconds and energy.

    A figure that would show one point only, or what was not measured, is not made. Returns the
    files. Raises RequestError for an ending that is none of ``ENDINGS``.
    """
    made = []
    for stem, members in named(runs).items():
        if len({run.frames for run in members if run.frames}) > 1:
            made += _save(folder / f"{stem}-frames", endings, partial(frames, members=members))
        for name, label, cost in _COSTS:
            points = {run.id: cost(run) for run in members}
            if sum(value is not None for value in points.values()) > 1:
                made += _save(
                    folder / f"{stem}-{name}",
                    endings,
                    partial(pareto, members=members, costs=points, label=label),
                )
    return made


def write_categories(
    first: Run, second: Run, folder: Path, endings: Sequence[str] = ENDINGS
) -> list[Path]:
    """Two runs over each value of each breakdown, with the interval of their paired difference.

    Raises RequestError when the runs share no question or there is no breakdown.
    """
    found = compare([first, second])
    groups: dict[str, list[Difference]] = {}
    for one in found.differences:
        group, colon, _ = one.part.partition(": ")
        if colon:
            groups.setdefault(group, []).append(one)
    if not groups:
        raise RequestError(f"{first.folder}: a task without breakdowns; there is nothing to plot")
    names = (found.first, found.differences[0].second)
    made = []
    for group, parts in groups.items():
        stem = folder / slug(f"{first.task}-{names[0]}-{names[1]}-{group}")
        height = 1.2 + 0.28 * len(parts)
        with figure_of(height) as figure:
            categories(figure, parts, names, found.unit)
            made += files(figure, stem, endings)
    return made


def named(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The rankings of results (no controls) by a name for their files."""
    found: dict[str, list[Run]] = {}
    for members in rankings([run for run in runs if run.control == "none"]).values():
        stem, count = slug(members[0].task), 1
        while (name := stem if count == 1 else f"{stem}-{count}") in found:
            count += 1
        found[name] = members
    return found


def slug(text: str) -> str:
    """A file's name: letters, digits, dots and dashes."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.") or "figure"


def frames(axes: Axes, members: Sequence[Run]) -> None:
    """The headline against frames on a log₂ axis that names only the counts that were run."""
    counted = [run for run in members if run.frames and known(run.summary.main.estimate)]
    axes.set_xscale("log", base=2)
    for place, model in enumerate(dict.fromkeys(sorted(run.model for run in counted))):
        runs = sorted((r for r in counted if r.model == model), key=lambda r: r.frames or 0)
        series(axes, place, model, [(float(r.frames or 0), r.summary.main.estimate) for r in runs],
                members[0].summary.main.unit)  # fmt: skip
    counts = sorted({run.frames for run in counted if run.frames})
    axes.set_xticks(counts, [str(count) for count in counts])
    axes.minorticks_off()
    axes.set_xlabel("frames")
    _finish(axes, members)


def pareto(
    axes: Axes, members: Sequence[Run], costs: Mapping[str, float | None], label: str
) -> None:
    """The headline against a cost; a line joins the runs that no other beats in both."""
    found = [
        (cost, run)
        for run in members
        if (cost := costs[run.id]) is not None and known(run.summary.main.estimate)
    ]
    main = members[0].summary.main
    for place, model in enumerate(dict.fromkeys(sorted(run.model for _, run in found))):
        points = [(cost, run.summary.main.estimate) for cost, run in found if run.model == model]
        series(axes, place, model, sorted(points, key=lambda p: p[0]), main.unit, line="none")
    edge = front([(c, r.summary.main.estimate.value) for c, r in found], main.higher_is_better)
    axes.plot(
        [x for x, _ in edge],
        [scale_of(main.unit) * y for _, y in edge],
        color="0.6",
        lw=1,
        zorder=0,
    )
    axes.set(xlabel=label)
    _finish(axes, members)


def front(
    points: Sequence[tuple[float, float]], higher_is_better: bool
) -> list[tuple[float, float]]:
    """The points that no other point beats in cost and value at once, by cost."""
    sign, best, kept = (1 if higher_is_better else -1), -math.inf, []
    for cost, value in sorted(points, key=lambda p: (p[0], -sign * p[1])):
        if sign * value > best:
            best = sign * value
            kept.append((cost, value))
    return kept


def categories(
    figure: Figure, parts: Sequence[Difference], names: tuple[str, str], unit: str
) -> None:
    """Left: both runs' values over each part; right: their paired difference with its interval."""
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    scale, places = scale_of(unit), range(len(parts))
    for side, (name, values) in enumerate(
        zip(names, ([d.before for d in parts], [d.after for d in parts]), strict=True)
    ):
        shown = [scale * value for value in values]
        left.plot(
            shown, list(places), MARKERS[side], color=COLOURS[side], label=plain(name), ls="none"
        )
    for place, d in zip(places, parts, strict=True):
        left.plot([scale * d.before, scale * d.after], [place] * 2, color="0.8", zorder=0)
        found = d.paired.difference
        if known(found):
            reach = reach_of([found], unit)
            right.errorbar(
                [scale * found.value], [place], xerr=reach, fmt="o", color="black", capsize=2, ms=4
            )
    right.axvline(0, color="0.5", lw=1, ls="--")
    titles = [plain(d.part.partition(": ")[2]) for d in parts]
    left.set_yticks(list(places), titles)
    left.invert_yaxis()
    left.set_xlabel(f"value ({unit})" if unit else "value")
    right.set_xlabel("difference, 95 % interval")
    figure.legend(loc="outside upper center", ncols=2, frameon=False)


def _finish(axes: Axes, members: Sequence[Run]) -> None:
    """Scale, chance line, and a legend beside the axes, where it covers nothing."""
    summary = members[0].summary
    main = summary.main
    guesses = {run.summary.main.chance for run in members} - {None}
    if len(guesses) == 1:
        chance = scale_of(main.unit) * (guesses.pop() or 0.0)
        axes.axhline(chance, color="0.5", ls="--", lw=1, label="guessing", zorder=0)
    axes.set_ylabel(plain(f"{summary.headline} ({main.unit})" if main.unit else summary.headline))
    if main.unit == "%":
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, 0), min(high, 100.5))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False, borderaxespad=0)


def _tokens(run: Run) -> float | None:
    used = [r.response.usage for r in run.records if r.response and r.response.usage]
    counted = [u.input + u.output for u in used if u.input is not None and u.output is not None]
    return sum(counted) / len(counted) if counted else None


def _seconds(run: Run) -> float | None:
    answered = sum(r.response is not None for r in run.records)
    return run.summary.seconds / answered if answered and run.summary.seconds else None


def _energy(run: Run) -> float | None:
    energy = run.summary.energy
    return energy / len(run.records) if energy and run.records else None


_COSTS: tuple[tuple[str, str, Callable[[Run], float | None]], ...] = (
    ("tokens", "tokens a question, read and written", _tokens),
    ("seconds", "seconds a question", _seconds),
    ("energy", "joules a question", _energy),
)


def _save(stem: Path, endings: Sequence[str], draw: Callable[[Axes], None]) -> list[Path]:
    with figure_of(2.8) as figure:
        draw(figure.subplots())
        return files(figure, stem, endings)
