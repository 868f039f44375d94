"""What figures show, as data: every point, interval, label and tick, and the files' names.

After a change that is meant: ``python -m tests.test_plots_drawn``, then read what changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from harness.identity import describe
from harness.metrics import Mean
from harness.report import plots
from harness.report.runs import Run, find
from harness.types import Record, Usage
from tests.golden_files import keep, kept
from tests.runs import record, records, scored, write

KEPT = "published/plots.json"


def _used(answers: Sequence[Record], read: int) -> list[Record]:
    """Every third answer's tokens are not known in full: it is left out of the mean."""
    made = []
    for i, found in enumerate(answers):
        assert found.response is not None
        usage = Usage(read + i, None if i % 3 else 4)
        made.append(replace(found, response=replace(found.response, usage=usage)))
    return made


def _took(run: Run, seconds: float) -> None:
    path = run.folder / "summary.json"
    told = {"energy": 4 * seconds, "seconds": seconds}
    path.write_text(json.dumps(json.loads(path.read_text()) | told))


def _sweep(folder: Path) -> list[Run]:
    for frames in (1, 6, 8):
        made = write(folder, _used(records(36, 0.3 + frames / 12), 100 * frames), frames=frames)
        _took(made, 9.0 * frames)
    other = write(folder, _used(records(36, 0.3), 50), model="_other", frames=8)
    _took(other, 4.5)
    write(folder, [record(0, None)], model="failed", frames=8)
    write(folder, records(36, 0.9), frames=8, control="blank")
    return find(folder)[0]


def _errors(folder: Path) -> list[Run]:
    """A headline in seconds, of which less is better, without bounds."""
    metric = Mean("late", unit="s", low=None, high=None, higher_is_better=False)
    for frames, off in ((4, 3.0), (16, 2.0)):
        answers = [
            replace(found, score=replace(found.score, values={"late": off + i % 4}))
            for i, found in enumerate(scored(one, 0.0) for one in records(24))
            if found.score
        ]
        described = {"metrics": [describe(metric)], "breakdowns": ["duration"]}
        made = write(folder, answers, task="timing", frames=frames, protocol=described)
        _took(made, 6.0 * frames)
    return find(folder)[0]


def _both(folder: Path) -> tuple[Run, Run]:
    before = write(folder, records(36, 0.4))
    return before, write(folder, records(36, 0.8), model="other")


FIGURES: dict[str, Callable[[Path, Path], object]] = {
    "a sweep of frames": lambda f, out: plots.write(_sweep(f), out, ["svg"]),
    "less is better": lambda f, out: plots.write(_errors(f), out, ["svg", "pdf"]),
    "two runs by category": lambda f, out: plots.write_categories(*_both(f), out, ["png"]),
    "two runs, less is better": lambda f, out: plots.write_categories(
        *sorted(_errors(f), key=lambda run: run.frames or 0),
        out,
        ["png"],  # type: ignore[arg-type]
    ),
}


def _numbers(found: Any) -> list[Any]:
    return [[None if x != x else round(float(x), 4) for x in point] for point in found]


def _described(figure: Figure) -> dict[str, Any]:
    """The figure's texts, and of each of its axes all that is drawn."""
    figure.canvas.draw()
    return {
        "inches": _numbers([figure.get_size_inches()])[0],
        "legends": [[text.get_text() for text in one.get_texts()] for one in figure.legends],
        "axes": [
            {
                "labels": [axes.get_xlabel(), axes.get_ylabel()],
                "scales": [axes.get_xscale(), axes.get_yscale()],
                "limits": _numbers([axes.get_ylim()])[0],
                "ticks": [
                    [text.get_text() for text in axis.get_ticklabels()]
                    for axis in (axes.xaxis, axes.yaxis)
                    if isinstance(axis.get_major_locator(), FixedLocator)
                ],
                "legend": [t.get_text() for t in legend.get_texts()]
                if (legend := axes.get_legend())
                else None,
                "lines": [
                    [str(line.get_label()).partition("_")[0], line.get_color(), line.get_marker(),
                     line.get_linestyle(),
                     line.get_linewidth(), line.get_markersize(), line.get_zorder(),
                     _numbers(line.get_xydata())]
                    for line in axes.get_lines()
                ],
                "intervals": [
                    _numbers(segment)
                    for found in axes.collections
                    for segment in found.get_segments()  # type: ignore[attr-defined]
                ],
            }
            for axes in figure.axes
        ],
    }  # fmt: skip


def drawn(name: str, folder: Path) -> dict[str, Any]:
    """What is drawn of each figure, by the name of its file."""
    found: dict[str, Any] = {}

    def files(figure: Figure, stem: Path, endings: Sequence[str]) -> list[Path]:
        found[stem.name] = {"endings": list(endings), **_described(figure)}
        return []

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(plots, "files", files)
        FIGURES[name](folder / "results", folder / "plots")
    return found


@pytest.mark.parametrize("name", FIGURES)
def test_the_figure_shows_what_it_showed(name: str, tmp_path: Path) -> None:
    assert drawn(name, tmp_path) == kept(KEPT)[name]


if __name__ == "__main__":
    keep(KEPT, FIGURES, drawn)
