"""The leaderboard: ranked, never mixed, marked; and its paper forms."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from harness.metrics import GroupScore, Mean
from harness.names import written
from harness.report import audit, compare, figure, html, leaderboard, rankings, tables
from harness.report.remembered import keep_units, units
from harness.report.runs import find, load
from tests.runs import record, records, right, write, wrong


def test_best_first_with_an_interval_and_its_breakdown(tmp_path):
    write(tmp_path, records(share=0.5), model="middling")
    best = write(tmp_path, records(share=0.9), model="best")
    table = leaderboard.table(find(tmp_path)[0])
    assert list(table.columns) == [
        "task", "model", "frames", "n", "accuracy", "short", "medium", "long",
        "unparsed", "failed", "seconds", "run",
    ]  # fmt: skip
    assert list(table.model) == ["best", "middling"]
    found = best.summary.main.estimate
    low, high = found.ci95
    assert table.accuracy[0] == f"{100 * found.value:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def test_protocols_are_never_ranked_together(tmp_path):
    write(tmp_path, records(), model="a")
    write(tmp_path, records(), model="b", extractor="default")
    write(tmp_path, records(), model="c", task="demo/subtitles")
    write(tmp_path, records(60), model="d", limit=20)
    write(tmp_path, records(), model="e", control="blank")
    ranked = rankings.rankings(find(tmp_path)[0])
    assert sorted(len(runs) for runs in ranked.values()) == [1] * 5
    titles = " ".join(ranked)
    for said in ("limit=20", "control=blank", "demo/subtitles", "extractor"):
        assert said in titles


def test_an_incomplete_run_is_marked_and_ranked_by_what_is_sure(tmp_path):
    write(tmp_path, [record(0, right(0))], model="lucky", expected=180)
    write(tmp_path, records(share=0.6), model="thorough")
    answers = [*records(177, 0.9), record(177, None), record(178, None), record(179, None)]
    write(tmp_path, answers, model="damaged")
    table = leaderboard.table(find(tmp_path)[0])
    assert list(table.model) == ["damaged (incomplete)", "thorough", "lucky (incomplete)"]
    assert list(table.failed) == [3, 0, 0]


def test_a_run_with_many_degenerate_responses_is_marked(tmp_path):
    write(tmp_path, records(60, 0.9), model="sound")
    write(tmp_path, [*(record(i, "!!!!") for i in range(10)), *records(60)[10:]], model="mute")
    table = leaderboard.table(find(tmp_path)[0]).set_index("model")
    assert dict(table.degenerate) == {"sound": "0", "mute": "10 !"}


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
    assert seen["sees"].startswith("+75.0 [+")
    assert seen["unknown"] == ""


def test_files_are_rewritten_over_all_runs(tmp_path):
    for share in (0.5, 0.9):
        write(tmp_path, records(share=share), model=f"m{share}")
        found, complaints = find(tmp_path)
        assert complaints == []
        leaderboard.write(tmp_path, found)
    rows = pd.read_csv(tmp_path / "leaderboard.csv")
    assert list(rows.model) == ["m0.9", "m0.5"]
    assert rows.value[0] == pytest.approx(0.9, abs=0.01)
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
    for said in (r"\toprule", r"tiny\_video", r"\textbf{", r"\bottomrule"):
        assert said in text
    for said in (r"\label{tab:demo}", r"\caption{demo: accuracy"):
        assert said in text
    assert "unparsed" not in text
    assert "_" not in text.replace(r"\_", "")


BASE = {
    "sampling": {"rule": "linspace", "frames": 8, "short": "fewer"},
    "generation": {"max_new_tokens": 16, "temperature": 0.0, "seed": 0},
    "video": {"size": "full", "decoder": "pyav", "damaged": "fail"},
    "backend": {"checkpoint": "x", "dtype": "float32", "attention": "sdpa"},
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(f"{part}.{name}", "other") for part, fields in BASE.items() for name in fields]
    + [("frames", 16), ("a field of next year", "x"), ("model", "another")],
)
def test_a_field_of_the_request_makes_another_ranking_or_is_said(tmp_path, field, value):
    """Whatever differs between two rows of one ranking can be read in that ranking."""
    write(tmp_path, records(60), **BASE)
    part, _, name = field.partition(".")
    changed = {part: BASE[part] | {name: value}} if name else {field: value}
    write(tmp_path, records(60), **BASE | changed)
    ranked = rankings.rankings(find(tmp_path)[0])
    if len(ranked) == 2:
        assert field == "a field of next year"
        assert any(field in title for title in ranked)
        return
    (members,) = ranked.values()
    rows = [{k: v for k, v in row.items() if k != "run"} for row in leaderboard.cells(members)]
    assert rows[0] != rows[1]
    if field in ("frames", "model"):
        assert str(value) in {str(row[field]) for row in rows}
    elif field != "sampling.frames":
        assert all(f"{written(field)}=" in row["settings"] for row in rows)
        assert any("other" in row["settings"] for row in rows)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("control", "blank"),
        ("limit", 3),
        ("permute_options", 2),
        ("repeats", 2),
        ("data", {"repo": "other"}),
        ("judge", {"model": "other"}),
    ],
)
def test_what_decides_the_meaning_of_a_number_is_ranked_apart(tmp_path, field, value):
    write(tmp_path, records(60), **BASE)
    write(tmp_path, records(60), **BASE | {field: value})
    assert sorted(len(runs) for runs in rankings.rankings(find(tmp_path)[0]).values()) == [1, 1]


def test_a_list_of_breakdowns_decides_no_number(tmp_path):
    write(tmp_path, records(60), model="a")
    write(tmp_path, records(60), model="b", protocol={"breakdowns": []})
    assert len(rankings.rankings(find(tmp_path)[0])) == 1


def test_a_failed_start_leaves_no_row_no_legend_and_no_plot(tmp_path):
    write(tmp_path, [record(i, None) for i in range(6)], model="failed")
    found = find(tmp_path)[0]
    assert rankings.rankings(found) == {}
    assert leaderboard.figures(found) == []
    assert "failed" not in figure.latex(found)


def test_how_many_settings_were_tried_and_what_the_best_is_worth_then(tmp_path):
    for frames in (8, 16, 32, 64):  # all alike but for their luck
        write(tmp_path, records(180, 0.6, salt=frames), frames=frames)
    write(tmp_path, records(180, 0.5), model="once")
    runs = find(tmp_path)[0]
    table = leaderboard.table(runs)
    best = table.iloc[0]
    assert best.model == "tiny_video"
    assert best.tried == 4
    naive, fair = (float(str(best[name]).split()[0]) for name in ("accuracy", "corrected"))
    assert 50 < fair < naive
    assert list(table.tried[1:]) == ["", "", "", ""]
    numbers = pd.DataFrame(leaderboard.figures(runs))
    assert numbers.corrected[0] == pytest.approx(fair / 100, abs=0.001)


def test_rotations_stand_in_the_leaderboard(tmp_path):
    answers = [
        record(i, right(i), question={"rotation": turn, "target": right(i)})
        for i in range(30)
        for turn in range(4)
    ]
    write(tmp_path, answers, permute_options=4)
    (row,) = leaderboard.cells(find(tmp_path)[0])
    assert row["n"] == 30  # questions, not askings
    assert row["consistent"].startswith("100.0 [")
    assert "position bias" in row


def test_an_error_is_ranked_the_other_way(tmp_path):
    rule = {"metric": {"higher_is_better": False}}
    write(tmp_path, records(share=0.2), model="good", **rule)
    write(tmp_path, records(share=0.7), model="bad", **rule)
    (members,) = rankings.rankings(find(tmp_path)[0]).values()
    assert [run.model for run in members] == ["good", "bad"]
    marked = leaderboard.mark(leaderboard.cells(members), members, "<{}>".format, "{} =".format)
    assert marked[0]["accuracy"].startswith("<")


def test_every_view_has_the_same_number(tmp_path):
    """A quarter cannot be read, under a rule that leaves these out: 89 and not 67."""
    answers = [record(i, "?") if i % 4 == 0 else r for i, r in enumerate(records(180, 0.9))]
    run = write(tmp_path, answers, metric={"counted": "answered"}, control="no_options")
    number = tables.interval(run.summary.main.estimate)
    result = audit.audit(run)
    own = next(row for row in audit.rows(result) if row["own"])
    assert own["accuracy"] == run.summary.main.estimate.value
    assert number in audit.markdown(run, result)
    assert number in html.page(run)
    assert leaderboard.cells([run])[0]["accuracy"] == number
    assert leaderboard.figures([run])[0]["value"] == run.summary.main.estimate.value
    (alike, *_) = compare.compare([run, run]).differences
    assert alike.before == run.summary.main.estimate.value


def test_what_several_runs_are_worth_is_read_once_and_again_when_one_changes(tmp_path):
    """The corrected value is kept beside the best run: no record is read for it while no summary
    is written anew."""
    runs = [
        write(tmp_path, records(share=s), model="m", frames=f) for f, s in ((8, 0.8), (16, 0.6))
    ]
    first = leaderboard.markdown(find(tmp_path)[0])
    files = [run.folder / "records-0.jsonl" for run in runs]
    kept = [path.read_text() for path in files]
    for path in files:
        path.write_text("no record\n")
    assert leaderboard.markdown(find(tmp_path)[0]) == first
    for path, text in zip(files, kept, strict=True):
        path.write_text(text)
    write(tmp_path, records(share=0.5), model="m", frames=8)
    again = leaderboard.figures(find(tmp_path)[0])
    for path in tmp_path.rglob(".estimates.json"):
        path.unlink()
    assert leaderboard.figures(find(tmp_path)[0]) == again
    assert leaderboard.markdown(find(tmp_path)[0]) != first


@pytest.mark.parametrize("metric", [{}, {"macro": ("duration", "task_type")}])
def test_what_headlines_average_is_kept_and_no_record_is_read_again(tmp_path, monkeypatch, metric):
    for frames, share in ((8, 0.7), (16, 0.8)):
        write(tmp_path, records(share=share, salt=frames), frames=frames, metric=metric)
    write(tmp_path, records(share=0.4), control="blank", frames=8, metric=metric)
    first = leaderboard.markdown(find(tmp_path)[0])
    assert "corrected" in first
    assert "visual gain" in first
    for path in tmp_path.rglob(".estimates.json"):
        path.unlink()
    monkeypatch.setattr("harness.report.runs.read_records", lambda folder: 1 / 0)
    assert leaderboard.markdown(find(tmp_path)[0]) == first
    monkeypatch.undo()
    for path in tmp_path.rglob(".units.json"):
        path.write_text(path.read_text().replace("1.0,", "0.0,")[:-9])
    for path in tmp_path.rglob(".estimates.json"):
        path.unlink()
    assert leaderboard.markdown(find(tmp_path)[0]) == first, "damaged ones are made again"


def test_units_under_keys_of_more_than_one_part_are_kept(tmp_path):
    group = "relevance"
    answers = [
        record(i, right(i), question={"groups": {"position": (str(i),), "group_type": (group,)}})
        for i in range(4)
    ]
    run = write(tmp_path, [replace(answer, video="v") for answer in answers])
    rule = GroupScore()
    vars(run)["metrics"] = (rule,)
    assert keep_units(run) == rule.units(run.records)
    vars(run)["records"] = []
    assert list(units(run) or ()) == [("v", 0, 0)]


def test_units_of_records_that_were_replaced_while_they_were_read_are_not_kept(
    tmp_path, monkeypatch
):
    """A leaderboard reads while another process scores the run again."""
    rule = Mean("accuracy")
    run = write(tmp_path, records(share=0.5))
    worth = Mean.units

    def slow(self, some):
        monkeypatch.undo()
        found = worth(self, some)
        write(tmp_path, records(share=1.0))
        return found

    vars(run)["metrics"] = (rule,)
    monkeypatch.setattr(Mean, "units", slow)
    keep_units(run)
    now = load(run.folder)
    assert units(now) == rule.units(now.records)


def test_rows_as_csv_and_in_columns():
    rows = [{"a": 1, "b": "x, y"}, {"a": float("nan"), "c": None}, {"b": 0.1}]
    assert tables.as_csv(rows) == 'a,b,c\n1,"x, y",\n,,\n,0.1,\n'
    assert tables.columns([{"a": "1", "b": ""}, {"a": "22"}]).splitlines() == [
        "  a    b",
        "  1",
        " 22",
    ]


def test_a_leaderboard_holds_no_run_s_records(tmp_path):
    run = write(tmp_path, [record(i, right(i)) for i in range(6)])
    (run.folder / ".units.json").unlink(missing_ok=True)
    (found,) = find(tmp_path)[0]
    vars(found).pop("records", None)
    assert units(found) == found.metrics[0].units(run.records)
    assert "records" not in vars(found)
    held = found.records
    (run.folder / ".units.json").unlink()
    units(found)
    assert found.records is held
