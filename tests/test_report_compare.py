"""Two and more runs on the questions that both answered."""

from dataclasses import replace

import pytest

from harness import stats
from harness.errors import RequestError
from harness.metrics import Mean
from harness.report import compare, compared, tables
from tests.runs import gold, record, records, right, write, wrong


def test_a_comparison_is_the_paired_test_over_common_questions(tmp_path):
    first = write(tmp_path, records(180, 0.6), model="a")
    second = write(tmp_path, records(150, 0.9), model="b", expected=180)
    result = compare.compare([first, second])
    overall = result.differences[0]
    scores = [
        {r.question.id: r.score.values["accuracy"] for r in run.records} for run in (first, second)
    ]
    expected = stats.paired(*scores, {r.question.id: r.video for r in first.records})
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
    macro = {"metric": {"macro": ("task_type",)}}
    before = write(tmp_path, [record(i, wrong(i)) for i in range(62)], model="a", **macro)
    answers = [record(i, right(i) if i % 3 == 2 else wrong(i)) for i in range(62)]
    after = write(tmp_path, answers, model="b", **macro)
    overall = compare.compare([before, after]).differences[0]
    assert overall.after == pytest.approx(after.summary.main.estimate.value)
    assert overall.paired.difference.value == pytest.approx(
        1 / 3
    )  # 20 of 62 questions, 1 of 3 types


def test_many_runs_are_adjusted_together(tmp_path):
    runs = [write(tmp_path, records(share=0.5 + i / 10), model=f"m{i}") for i in range(4)]
    overall = [d for d in compare.compare(runs).differences if d.part == "overall"]
    assert [d.second for d in overall] == ["m1", "m2", "m3"]
    assert [d.holm for d in overall] == stats.holm([d.paired.p for d in overall])


def test_a_failed_question_is_left_out_and_an_unparsed_one_is_wrong(tmp_path):
    first = write(tmp_path, [record(i, right(i)) for i in range(6)], model="a")
    answers = [record(0, None), record(1, "no idea"), *(record(i, right(i)) for i in range(2, 6))]
    result = compare.compare([first, write(tmp_path, answers, model="b")])
    assert result.differences[0].paired.difference.n == 5
    assert [flip.question for flip in result.flips] == ["000-2"]


def test_what_was_asked_differently_is_said(tmp_path):
    first = write(tmp_path, records(), model="a")
    second = write(tmp_path, records(), model="b", extractor="default")
    (note,) = compare.compare([first, second]).notes
    assert "task.scorer.extractor: first 'videomme', second 'default'" in note


def test_runs_of_other_data_are_refused(tmp_path):
    first = write(tmp_path, records(6), model="a")
    target = {"target": "B" if gold(0) == "A" else "A"}
    other = write(tmp_path, [record(0, "A", question=target)], model="b")
    with pytest.raises(RequestError, match="different data"):
        compare.compare([first, other])
    alien = write(tmp_path, [record(0, "A", question={"id": "elsewhere"})], model="c")
    with pytest.raises(RequestError, match="share no question"):
        compare.compare([first, alien])


def test_hostile_text_stays_inside_its_cell(tmp_path):
    nasty = "../../etc/passwd\0|<script>alert(1)</script>\n# x"
    first = write(tmp_path, [record(0, right(0), question={"id": nasty})], model="a")
    second = write(tmp_path, [record(0, wrong(0), question={"id": nasty})], model="b")
    text = compared.markdown(compare.compare([first, second]))
    assert "<script" not in text
    assert "\0" not in text
    assert "\n# x" not in text


def test_a_long_list_is_capped_and_the_summary_stands_last(tmp_path):
    first = write(tmp_path, [record(i, right(i)) for i in range(300)], model="a")
    result = compare.compare([first, write(tmp_path, [record(i, wrong(i)) for i in range(300)])])
    assert len(result.flips) == 300
    text, everything = compared.markdown(result), compared.markdown(result, None)
    assert f"… and {300 - compared.MOST} more: --all" in text
    assert text.count(" lost ") == compared.MOST + 1  # and the head of the table below
    assert everything.count(" lost ") == 301
    assert text.index("questions changed") < text.index("## Differences")
    assert text.rstrip().splitlines()[-1].startswith("In brackets the 95% interval")
    assert len(compared.as_data(result)["flips"]) == 300


def test_a_question_that_counts_in_one_run_only_is_in_neither_value(tmp_path):
    """Under ``answered`` an unparsed response leaves its own run only: before and after must still
    be over the same questions, or their difference is another."""
    rule = {"metric": {"counted": "answered"}}
    first = write(tmp_path, [record(i, right(i)) for i in range(6)], model="a", **rule)
    answers = [record(0, "?"), record(1, wrong(1)), *(record(i, right(i)) for i in range(2, 6))]
    overall = compare.compare([first, write(tmp_path, answers, model="b", **rule)]).differences[0]
    assert (overall.before, overall.after) == (1.0, pytest.approx(4 / 5))
    assert overall.paired.difference.value == pytest.approx(overall.after - overall.before)


def test_gained_is_better_whichever_way_a_metric_goes(tmp_path):
    rule = {"metric": {"higher_is_better": False}}
    first = write(tmp_path, [record(i, right(i)) for i in range(6)], model="a", **rule)
    second = write(tmp_path, [record(i, wrong(i)) for i in range(6)], model="b", **rule)
    result = compare.compare([first, second])
    assert (result.differences[0].paired.gained, result.differences[0].paired.lost) == (6, 0)
    assert all(flip.gained for flip in result.flips)


def test_other_settings_of_one_model_are_said(tmp_path):
    first = write(tmp_path, records(6), backend={"dtype": "float32"})
    second = write(tmp_path, records(6), backend={"dtype": "bfloat16"})
    (note,) = compare.compare([first, second]).notes
    assert "model.dtype=float32 against model.dtype=bfloat16" in note


def test_answers_that_are_no_letters_are_shown_as_json(tmp_path):
    answers = [
        replace(record(i, "B"), question=replace(record(i, "B").question, target=[[1.5, 4.0]]))
        for i in range(3)
    ]
    first = write(tmp_path, [_worth(r, 0.2) for r in answers], model="a")
    second = write(tmp_path, [_worth(r, 0.7) for r in answers], model="b")
    result = compare.compare([first, second])
    assert result.flips[0].target == "[[1.5, 4.0]]"
    assert result.flips[0].after == "[[1.0, 3.0]]"
    assert result.differences[0].paired.difference.value == pytest.approx(0.5)
    assert Mean("accuracy").estimate(second.records).value == pytest.approx(0.7)


def _worth(found, value):
    score = replace(found.score, values={"accuracy": value}, answer=[[1.0, 3.0]])
    return replace(found, score=score, status="scored")


def test_cells_escape_tags_and_entities_and_nothing_else():
    assert tables.cell("<b>&lt;</b> & <0.001 a|b\x1b[31m\n") == (
        "&lt;b>&amp;lt;&lt;/b> & <0.001 a\\|b [31m"
    )


def test_nothing_is_tested_where_the_interval_is_unknown(tmp_path):
    """All questions are about one video: no p, rather than a p of 1."""
    first = write(tmp_path, [record(i, right(i)) for i in range(3)], model="a")
    second = write(tmp_path, [record(i, wrong(i)) for i in range(3)], model="b")
    result = compare.compare([first, second])
    row = compared.markdown(result).rpartition("## Differences")[2].splitlines()[4]
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[5] == "-100.0 [?, ?]"
    assert (cells[8], cells[9], cells[11]) == ("?", "?", "?")  # p, Holm, detectable


def test_a_detectable_difference_is_none_that_cannot_be(tmp_path):
    """Two videos that say the opposite: even a drop from 100 to 0 might be chance."""
    first = write(tmp_path, [record(i, right(i) if i < 3 else wrong(i)) for i in range(6)])
    second = write(
        tmp_path, [record(i, wrong(i) if i < 3 else right(i)) for i in range(6)], model="b"
    )
    result = compare.compare([first, second])
    assert stats.minimum_detectable(result.differences[0].paired.difference) > 1
    assert result.differences[0].detectable == float("inf")
    assert "| none |" in " ".join(compared.markdown(result).split())
    assert compared.as_data(result)["differences"][0]["detectable"] == float("inf")
