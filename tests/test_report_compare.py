"""Two and more runs on the questions that both answered."""

import json
import subprocess
import sys

import pytest

from harness import stats
from harness.errors import RequestError
from harness.report import compare, tables
from tests.runs import gold, record, records, right, write, wrong


def test_a_comparison_is_the_paired_test_over_common_questions(tmp_path):
    first = write(tmp_path, records(180, 0.6), model="a")
    second = write(tmp_path, records(150, 0.9), model="b", expected=180)
    result = compare.compare([first, second])
    overall = result.differences[0]
    scores = [{r.question: r.score for r in run.records} for run in (first, second)]
    expected = stats.paired(*scores, {r.question: r.video for r in first.records})
    assert overall.part == "overall"
    assert overall.paired == expected
    assert overall.paired.difference.n == 150
    assert len(result.flips) == expected.gained + expected.lost
    assert any("b (" in note and "incomplete" in note for note in result.notes)


def test_each_part_is_compared_and_adjusted_for_their_number(tmp_path):
    before = write(tmp_path, [record(i, right(i)) for i in range(180)], model="a")
    answers = [record(i, wrong(i) if i % 3 == 0 else right(i)) for i in range(180)]
    after = write(tmp_path, answers, model="b")
    parts = {d.part: d for d in compare.compare([before, after]).differences}
    assert parts["task_type: Counting"].paired.difference.value == -1.0
    assert parts["task_type: Counting"].holm < 1e-6
    assert parts["task_type: Order"].paired.difference.value == 0.0
    assert parts["task_type: Order"].holm == 1.0
    assert all(d.holm >= d.paired.p for d in parts.values())


def test_a_macro_headline_is_compared_as_one(tmp_path):
    macro = {"protocol": {"aggregate": "macro:task_type"}}
    before = write(tmp_path, [record(i, wrong(i)) for i in range(62)], model="a", **macro)
    answers = [record(i, right(i) if i % 3 == 2 else wrong(i)) for i in range(62)]
    after = write(tmp_path, answers, model="b", **macro)
    overall = compare.compare([before, after]).differences[0]
    assert overall.after == pytest.approx(after.summary["accuracy"])
    assert overall.paired.difference.value == pytest.approx(
        1 / 3
    )  # 20 of 62 questions, 1 of 3 types


def test_many_runs_are_adjusted_together(tmp_path):
    runs = [write(tmp_path, records(share=0.5 + i / 10), model=f"m{i}") for i in range(4)]
    overall = [d for d in compare.compare(runs).differences if d.part == "overall"]
    assert [d.second for d in overall] == ["m1", "m2", "m3"]
    assert [d.holm for d in overall] == stats.holm([d.paired.p for d in overall])


def test_a_failed_question_is_left_out_and_an_unread_one_is_wrong(tmp_path):
    first = write(tmp_path, [record(i, right(i)) for i in range(6)], model="a")
    answers = [record(0, None), record(1, "no idea"), *(record(i, right(i)) for i in range(2, 6))]
    result = compare.compare([first, write(tmp_path, answers, model="b")])
    assert result.differences[0].paired.difference.n == 5
    assert [flip.question for flip in result.flips] == ["000-2"]


def test_what_was_asked_differently_is_said(tmp_path):
    first = write(tmp_path, records(), model="a")
    second = write(tmp_path, records(), model="b", protocol={"reader": "default"})
    (note,) = compare.compare([first, second]).notes
    assert "protocol.reader: 'videomme', not 'default'" in note


def test_runs_of_other_data_are_refused(tmp_path):
    first = write(tmp_path, records(6), model="a")
    other = write(tmp_path, [record(0, "A", gold="B" if gold(0) == "A" else "A")], model="b")
    with pytest.raises(RequestError, match="different data"):
        compare.compare([first, other])
    alien = write(tmp_path, [record(0, "A", question="elsewhere")], model="c")
    with pytest.raises(RequestError, match="share no question"):
        compare.compare([first, alien])


def test_hostile_text_stays_inside_its_cell(tmp_path):
    nasty = "../../etc/passwd\0|<script>alert(1)</script>\n# x"
    first = write(tmp_path, [record(0, right(0), question=nasty)], model="a")
    second = write(tmp_path, [record(0, wrong(0), question=nasty)], model="b")
    text = compare.markdown(compare.compare([first, second]))
    assert "<script" not in text
    assert "\0" not in text
    assert "\n# x" not in text


def test_the_command_writes_three_files(tmp_path):
    runs = [write(tmp_path, records(share=s), model=f"m{s}") for s in (0.4, 0.8)]
    command = [sys.executable, "-m", "harness.compare", *(str(r.folder) for r in runs)]
    ran = subprocess.run([*command, "--results", tmp_path], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "m0.8" in ran.stdout
    data = json.loads((tmp_path / "compare.json").read_text())
    assert data["differences"][0]["difference"] == pytest.approx(0.4, abs=0.02)
    assert (tmp_path / "compare.md").read_text().strip() == ran.stdout.strip()
    assert "overall" in (tmp_path / "compare.csv").read_text()
    one = subprocess.run([*command[:3], "nothing", "x"], capture_output=True, text=True)
    assert one.returncode == 2
    assert one.stderr.startswith("harness: nothing: no run")


def test_a_reader_that_stops_reading_is_no_crash(tmp_path):
    runs = [str(write(tmp_path, records(), model=m).folder) for m in "ab"]
    command = f"{sys.executable} -m harness.compare {' '.join(runs)} --results {tmp_path} | head -1"
    ran = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert ran.stdout.startswith("# Compared with a")
    assert ran.stderr == ""


def test_cells_escape_tags_and_entities_and_nothing_else():
    assert tables.cell("<b>&lt;</b> & <0.001 a|b\x1b[31m\n") == (
        "&lt;b>&amp;lt;&lt;/b> & <0.001 a\\|b [31m"
    )
