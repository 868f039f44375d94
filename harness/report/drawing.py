"""How figures look, and the files that they become."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.errors import RequestError
from harness.report import tables
from harness.types import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENDINGS = ("svg", "pdf", "png")
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's palette without its yellow: told apart in every form of colour blindness."""

MARKERS = "osD^vPX"
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be searched, and set in the paper's font
    "svg.hashsalt": "harness",  # the same figure is the same file
    "pdf.fonttype": 42,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def known(found: Estimate) -> bool:
    """Whether there is a value to draw."""
    return not math.isnan(found.value)


def plain(text: str) -> str:
    """Text that matplotlib takes as it is: it reads $…$ as mathematics, and hides a leading _."""
    kept = "".join(c if c.isprintable() else " " for c in text).replace("$", r"\$")
    return f"\u200b{kept}" if kept.startswith("_") else kept


def series(
    axes: Axes,
    place: int,
    model: str,
    points: Sequence[tuple[float, Estimate]],
    unit: str,
    line: str = "-",
) -> None:
    """One model's points with their intervals, by its ``place`` among the models."""
    axes.errorbar(
        [x for x, _ in points],
        [scale_of(unit) * found.value for _, found in points],
        reach_of([found for _, found in points], unit),
        color=COLOURS[place % len(COLOURS)],
        marker=MARKERS[place % len(MARKERS)],
        linestyle=line,
        ms=5,
        capsize=2,
        label=plain(model),
    )


def reach_of(found: Sequence[Estimate], unit: str) -> list[list[float]]:
    """How far each interval reaches below and above its value; nowhere where it is not known."""
    pairs = [
        (0.0, 0.0) if math.isnan(low) else (max(one.value - low, 0.0), max(high - one.value, 0.0))
        for one in found
        for low, high in (one.ci95,)
    ]
    return [[scale_of(unit) * pair[side] for pair in pairs] for side in (0, 1)]


def scale_of(unit: str) -> float:
    """What a value is multiplied with to be shown: percentages are kept as shares."""
    return 100.0 if unit == "%" else 1.0


@contextmanager
def figure_of(height: float) -> Iterator[Figure]:
    """A figure of a paper's column and so many inches high, in this style while the block runs."""
    import matplotlib as mpl
    from matplotlib.figure import Figure  # no pyplot: no display, no global state

    with mpl.rc_context(cast("Any", _STYLE)):
        yield Figure(figsize=(5.5, height), layout="constrained")


def files(figure: Figure, stem: Path, endings: Sequence[str]) -> list[Path]:
    """Writes the figure in each form. Raises RequestError for an ending that is none."""
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {"Software": None}}
    made = []
    for ending in endings:
        if ending not in undated:
            raise RequestError(f"{ending!r}: no format of a figure; write {', '.join(ENDINGS)}")
        tables.folder(stem.parent)
        path = stem.with_name(f"{stem.name}.{ending}")
        figure.savefig(path, dpi=200, metadata=undated[ending])
        made.append(path)
    return made
