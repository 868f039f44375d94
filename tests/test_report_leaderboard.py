"""The leaderboard: ranked, never mixed, marked; and its paper forms."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import pandas as pd
import pytest

from harness.report import figure, leaderboard
from harness.report.runs import find
from tests.runs import record, records, right, write, wrong


def test_best_first_with_an_interval_and_its_breakdown(tmp_path):
    write(tmp_path, records(share=0.5), model="middling")
    best = write(tmp_path, records(share=0.9), model="best")
    table = leaderboard.table(find(tmp_path)[0])
    assert list(table.columns) == [
        "task", "model", "frames", "n", "accuracy", "short", "medium", "long",
        "unread", "failed", "seconds", "run",
    ]  # fmt: skip
    assert list(table.model) == ["best", "middling"]
    accuracy, half_width = best.summary["accuracy"], best.summary["half_width"]
    assert table.accuracy[0] == f"{100 * accuracy:.1f} ± {100 * half_width:.1f}"


def test_protocols_are_never_ranked_together(tmp_path):
    write(tmp_path, records(), model="a")
    write(tmp_path, records(), model="b", protocol={"reader": "default"})
    write(tmp_path, records(), model="c", task="demo/subtitles")
    write(tmp_path, records(60), model="d", limit=20)
    write(tmp_path, records(), model="e", control="blank")
    ranked = leaderboard.rankings(find(tmp_path)[0])
    assert sorted(len(runs) for runs in ranked.values()) == [1] * 5
    titles = " ".join(ranked)
    for said in ("limit=20", "control=blank", "demo/subtitles", "reader"):
        assert said in titles


def test_an_incomplete_run_is_marked_and_ranked_by_what_is_sure(tmp_path):
    write(tmp_path, [record(0, right(0))], model="lucky", expected=180)
    write(tmp_path, records(share=0.6), model="thorough")
    answers = [*records(177, 0.9), record(177, None), record(178, None), record(179, None)]
    write(tmp_path, answers, model="damaged")
    table = leaderboard.table(find(tmp_path)[0])
    assert list(table.model) == ["damaged (incomplete)", "thorough", "lucky (incomplete)"]
    assert list(table.failed) == [3, 0, 0]


def test_the_best_is_bold_and_ties_are_marked(tmp_path):
    write(tmp_path, records(share=0.80), model="best")
    write(tmp_path, records(share=0.78, salt=1), model="close")
    write(tmp_path, records(share=0.30), model="far")
    lines = leaderboard.markdown(find(tmp_path)[0]).splitlines()
    row = {name: next(x for x in lines if f"| {name} " in x) for name in ("best", "close", "far")}
    assert row["best"].split("|")[4].strip().startswith("**")
    assert row["close"].split("|")[4].strip().endswith("=")
    assert not {"*", "="} & set(row["far"].split("|")[4])


def test_visual_gain_is_paired_with_the_blank_control(tmp_path):
    write(tmp_path, [record(i, right(i)) for i in range(60)], model="sees")
    blind = [record(i, right(i) if i % 4 == 0 else wrong(i)) for i in range(60)]
    write(tmp_path, blind, model="sees", control="blank")
    write(tmp_path, records(60), model="unknown")
    table = leaderboard.table(find(tmp_path)[0])
    seen = table[table.task == "demo"].set_index("model")["visual gain"]
    assert seen["sees"].startswith("+75.0 ±")
    assert seen["unknown"] == ""


def test_files_are_rewritten_over_all_runs(tmp_path):
    for share in (0.5, 0.9):
        write(tmp_path, records(share=share), model=f"m{share}")
        found, complaints = find(tmp_path)
        assert complaints == []
        leaderboard.write(tmp_path, found)
    rows = pd.read_csv(tmp_path / "leaderboard.csv")
    assert list(rows.model) == ["m0.9", "m0.5"]
    assert rows.accuracy[0] == pytest.approx(0.9, abs=0.01)
    assert len(json.loads((tmp_path / "leaderboard.json").read_text())) == 2
    assert "| m0.9" in (tmp_path / "leaderboard.md").read_text()


def test_no_runs_is_no_error(tmp_path):
    assert leaderboard.table([]).empty
    assert "No runs yet" in leaderboard.markdown([])
    leaderboard.write(tmp_path, [])
    assert "No runs yet" in (tmp_path / "leaderboard.md").read_text()


def test_latex_is_booktabs_with_everything_escaped(tmp_path):
    write(tmp_path, records(), model="tiny_video")
    write(tmp_path, records(share=0.2), model="a_b")
    text = figure.latex(find(tmp_path)[0])
    for said in (r"\toprule", r"tiny\_video", r"\textbf{", r"$\pm$", r"\bottomrule"):
        assert said in text
    assert "_" not in text.replace(r"\_", "")


@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_a_figure_is_drawn(tmp_path, ending):
    for frames in (1, 4, 8):
        write(tmp_path, records(share=0.3 + frames / 20), frames=frames)
    write(tmp_path, [record(0, None)], model="failed", frames=8)
    write(tmp_path, records(12), model="other", protocol={"name": "$x^2"})
    path = tmp_path / f"leaderboard{ending}"
    figure.plot(find(tmp_path)[0], path)
    if ending == ".svg":
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    else:
        assert path.read_bytes().startswith(b"\x89PNG")


def test_the_command_names_what_it_cannot_read(tmp_path):
    write(tmp_path, records())
    bad = write(tmp_path, records(), model="bad")
    (bad.folder / "request.json").write_text("{")
    command = [sys.executable, "-m", "harness.leaderboard", str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert ran.returncode == 1
    assert "tiny_video" in ran.stdout
    assert ran.stderr.startswith("harness: ")
    assert ran.stderr.count("\n") == 1
    assert (tmp_path / "leaderboard.tex").is_file()


@pytest.mark.parametrize("name", ["leaderboard", "compare", "gate", "audit", "export"])
def test_help_imports_nothing_heavy(name):
    code = (
        f"import sys; sys.argv = ['{name}', '--help']; import harness.{name} as m\n"
        "try: m.main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'pandas', 'scipy', 'hydra', 'numpy', 'matplotlib'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
