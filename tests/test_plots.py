"""Figures for a paper: what they show, their text as text, and intervals that stay on the scale."""

import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from harness.cli import main
from harness.errors import RequestError
from harness.report import drawing, plots
from harness.report.runs import find
from tests.runs import record, records, write


def sweep(folder):
    for frames in (1, 6, 8):
        write(folder, records(share=0.3 + frames / 12), frames=frames)
    write(folder, records(share=0.3), model="_other", frames=8)
    write(folder, [record(0, None)], model="failed", frames=8)
    return find(folder)[0]


def test_only_the_counts_that_were_run_are_named_on_a_log2_axis(tmp_path):
    axes = Figure().subplots()
    (members,) = plots.named(sweep(tmp_path)).values()
    plots.frames(axes, members)
    assert axes.get_xscale() == "log"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "6", "8"]
    assert axes.get_ylim()[0] >= 0
    assert axes.get_ylim()[1] <= 100.5
    labels = axes.get_legend_handles_labels()[1]
    assert "guessing" in labels
    assert "tiny_video" in labels
    assert "failed" not in labels


def test_each_figure_is_a_file_in_each_format_with_its_text_as_text(tmp_path):
    made = plots.write(sweep(tmp_path / "results"), tmp_path / "plots")
    assert {path.name for path in made} == {
        f"demo-{what}.{ending}" for what in ("frames", "seconds") for ending in drawing.ENDINGS
    }
    svg = (tmp_path / "plots" / "demo-frames.svg").read_text()
    words = ["".join(e.itertext()) for e in ElementTree.fromstring(svg).iter() if "text" in e.tag]
    assert "frames" in words
    assert "tiny_video" in words
    assert (tmp_path / "plots" / "demo-frames.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "plots" / "demo-frames.png").read_bytes().startswith(b"\x89PNG")


def test_the_same_runs_make_the_same_file(tmp_path):
    runs = sweep(tmp_path / "results")
    for folder in ("a", "b"):
        plots.write(runs, tmp_path / folder)
    one, other = ((tmp_path / f / "demo-frames.svg").read_bytes() for f in ("a", "b"))
    assert one == other


def test_the_front_is_what_no_other_run_beats_in_both():
    points = [(1, 0.5), (2, 0.4), (3, 0.7), (4, 0.7), (5, 0.9)]
    assert plots.front(points, True) == [(1, 0.5), (3, 0.7), (5, 0.9)]
    assert plots.front(points, False) == [(1, 0.5), (2, 0.4)]


def test_two_runs_by_category_with_the_paired_interval(tmp_path):
    first = write(tmp_path / "1", records(share=0.4))
    second = write(tmp_path / "2", records(share=0.8), model="other")
    made = plots.write_categories(first, second, tmp_path / "plots", ["svg"])
    groups = ("duration", "domain", "sub-category", "task-type")
    assert [p.name for p in made] == [f"demo-tiny-video-other-{name}.svg" for name in groups]
    svg = made[0].read_text()
    assert re.search(r">short<", svg)
    assert "difference, 95 % interval" in svg


def test_a_format_that_is_none_and_one_run_are_refused(tmp_path):
    runs = sweep(tmp_path / "results")
    with pytest.raises(RequestError, match="svg, pdf, png"):
        plots.write(runs, tmp_path, ["jpeg"])
    with pytest.raises(RequestError, match="two runs"):
        main(["plot", str(runs[0].folder)])


def test_the_command_prints_what_it_wrote(tmp_path, capsys):
    sweep(tmp_path / "results")
    words = ["plot", "--results", str(tmp_path / "results"), "-o", str(tmp_path), "--format", "svg"]
    assert main(words) == 0
    assert str(tmp_path / "demo-frames.svg") in capsys.readouterr().out
