"""One run under every rule, and other people's answers taken in."""

import json
from dataclasses import replace

import pytest

from harness.errors import DataError, RequestError
from harness.report import audit, compare, imported, rankings
from harness.report.runs import find
from harness.scoring.extractors import EXTRACTORS
from tests.runs import OPTIONS, gold, record, records, right, write, wrong

SAID = ("{}", "{}.", "({})", "The answer is {}.", "Best option: {}", "I cannot tell", "")


@pytest.fixture
def verbose(tmp_path):
    """A model that answers in seven ways, always meaning the right option or none."""
    answers = [record(i, SAID[i % 7].format(right(i))) for i in range(84)]
    return write(tmp_path, answers)


def test_every_extractor_under_every_way_of_counting(verbose):
    result = audit.audit(verbose)
    assert {r.extractor for r in result.rescored} == set(EXTRACTORS)
    assert all(set(r.estimates) == set(audit.COUNTED) for r in result.rescored)
    own = next(r for r in result.rescored if r.extractor == "videomme")
    assert own.estimates["all"] == verbose.summary.main.estimate == result.own
    assert result.lowest < result.highest - 0.05
    default = next(r for r in result.rescored if r.extractor == "default")
    assert default.estimates["answered"].value == 1.0
    assert default.estimates["all"].value == pytest.approx(5 / 7)
    assert default.estimates["nonempty"].value == pytest.approx(5 / 6)


def test_disagreements_name_the_rules_of_each_side(verbose):
    found = {d.question: d for d in audit.audit(verbose).disagreements}
    answer = next(r for r in verbose.records if r.response.text == "The answer is B.")
    assert "lmms_mcq" in found[answer.key].right
    assert "mvbench" in found[answer.key].wrong
    assert "lvbench" in found[answer.key].unparsed  # it reads T, which is no option
    plain = next(r for r in verbose.records if r.response.text == "B")
    assert plain.key not in found


def test_a_run_of_nothing_to_read_is_refused(tmp_path):
    run = write(tmp_path, [record(i, "yes", question={"options": ()}) for i in range(3)])
    with pytest.raises(RequestError, match="no multiple-choice responses"):
        audit.audit(run)


def test_hostile_responses_stay_inside_their_cells(tmp_path):
    said = "A|<img src=x onerror=alert(1)>\n# B" + "\0" * 3
    text = audit.markdown(run := write(tmp_path, [record(0, said)]), audit.audit(run))
    assert "<img" not in text
    assert "\n# B" not in text
    assert "\0" not in text


def submission(count=4, **changes):
    """Answers in the schema of Video-MME's eval_your_results.py, one video with three questions."""
    return [
        {
            "video_id": f"{v:03d}", "duration": "short", "domain": "Knowledge",
            "sub_category": "Law",
            "questions": [
                {
                    "question_id": f"{v:03d}-{q + 1}", "task_type": "Counting Problem",
                    "question": "How many?",
                    "options": [f"{a}. {b}" for a, b in zip("ABCD", OPTIONS, strict=True)],
                    "answer": gold(3 * v + q),
                    "response": f"{right(3 * v + q) if q else wrong(3 * v + q)}.",
                }
                for q in range(3)
            ],
        } | changes
        for v in range(count)
    ]  # fmt: skip


def samples(count=12, logged=True):
    """Lines as lmms-eval writes them; without ``logged`` the row is only in the metric."""
    for i in range(count):
        row = {
            "question_id": f"{i // 3:03d}-{i % 3 + 1}", "videoID": f"v{i // 3}",
            "duration": "long", "domain": "Knowledge", "sub_category": "Law",
            "task_type": "Counting Problem",
            "options": [f"{a}. {b}" for a, b in zip("ABCD", OPTIONS, strict=True)],
        }  # fmt: skip
        metric = {
            "question_id": row["question_id"], "duration": "long", "category": "Knowledge",
            "sub_category": "Law", "task_category": "Counting Problem", "pred_answer": "A",
        }  # fmt: skip
        prompt = "Which?\n" + "\n".join(row["options"])
        sample = {"doc_id": i, "target": gold(i), "input": prompt, "resps": [[f"{right(i)}"]]}
        yield sample | {"videomme_perception_score": metric} | ({"doc": row} if logged else {})


def test_a_submission_becomes_a_run(tmp_path):
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(submission()))
    run = imported.take_in(path, tmp_path, model="theirs")
    assert run.complete
    assert run.request["imported"] is True
    assert run.summary.main.estimate.value == pytest.approx(2 / 3)
    assert run.summary.part("task_type")["Counting Problem"].n == 12
    assert run.records[0].question.options == OPTIONS
    again = imported.take_in(path, tmp_path, model="theirs")
    assert again.folder == run.folder
    assert len(again.records) == 12


@pytest.mark.parametrize("logged", [True, False])
def test_lmms_eval_samples_become_a_run(tmp_path, logged):
    path = tmp_path / "samples.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in samples(logged=logged)))
    run = imported.take_in(path, tmp_path, model="logged", extractor="lmms_mcq", counted="all")
    assert run.summary.main.estimate.value == 1.0
    assert run.summary.part("duration")["long"].n == 12
    assert run.records[0].question.groups["domain"] == ("Knowledge",)
    assert run.records[0].question.options == OPTIONS
    assert len({r.video for r in run.records}) == 4


def test_imported_runs_are_compared_and_ranked_apart_from_our_own(tmp_path):
    ours = write(tmp_path, [record(i, right(i)) for i in range(12)], task="videomme")
    for name, missing in (("a", False), ("b", False)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(submission(missing=missing)))
        imported.take_in(path, tmp_path, model=name)
    runs, complaints = find(tmp_path)
    assert complaints == []
    ranked = rankings.rankings(runs)
    assert {title: len(members) for title, members in ranked.items()} == {
        "videomme": 1,
        "videomme · imported": 2,
    }
    result = compare.compare([ours, next(run for run in runs if run.model == "a")])
    assert result.differences[0].paired.lost == 4


def test_what_they_did_not_answer_is_failed_not_wrong(tmp_path):
    path = tmp_path / "theirs.json"
    videos = submission(3)
    videos[0]["missing"] = True
    videos[1]["questions"][0]["response"] = None
    path.write_text(json.dumps(videos))
    run = imported.take_in(path, tmp_path, model="theirs")
    assert (run.summary.failed, run.summary.n) == (4, 5)
    assert not run.complete


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[{}]", "entry 1: no 'questions'"),
        ('[{"questions": 7, "video_id": "1"}]', "entry 1"),
        ("", "holds no answers"),
        ("not json", "damaged"),
        ('{"doc_id": NaN}', "NaN is not JSON"),
        ('{"doc_id": 1, "resps": "A"}', "no question id or no options"),
        (json.dumps(submission(1) * 2), "'000-1' appears twice"),
    ],
)
def test_a_file_that_is_neither_format_says_where(tmp_path, text, said):
    path = tmp_path / "theirs.json"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        imported.take_in(path, tmp_path / "results", model="theirs")
    assert not (tmp_path / "results").exists()


def test_names_that_would_leave_the_results_folder_are_refused(tmp_path):
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(submission()))
    for names in ({"model": "../../x"}, {"model": "m", "task": "/etc"}, {"model": "a\0b"}):
        with pytest.raises(RequestError, match="a name has letters"):
            imported.take_in(path, tmp_path / "results", **names)


def test_lost_responses_stay_lost_under_every_rule(tmp_path):
    """A response that was cut off is not read by a kinder rule either."""
    answers = records(30)
    answers[0] = replace(answers[0], status="truncated", score=None)
    answers[1] = record(1, None)
    result = audit.audit(write(tmp_path, answers))
    assert result.questions == 28
    assert {e.n for r in result.rescored for e in r.estimates.values()} == {28}


def test_a_long_list_is_capped_and_the_summary_stands_last(tmp_path):
    run = write(tmp_path, [record(i, "the answer is " + right(i)) for i in range(120)])
    result = audit.audit(run)
    assert len(result.disagreements) == 120
    text = audit.markdown(run, result)
    assert f"… and {120 - audit.MOST} more: --all lists them" in text
    assert "more: --all" not in audit.markdown(run, result, None)
    assert "points apart" in text.rstrip().splitlines()[-1]


def test_unknown_rules_of_counting_are_refused(tmp_path):
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(submission()))
    with pytest.raises(RequestError, match="use one of all, answered, nonempty"):
        imported.take_in(path, tmp_path / "results", model="m", counted="some")
    with pytest.raises(RequestError, match="extractor"):
        imported.take_in(path, tmp_path / "results", model="m", extractor="nobodys")


def test_rules_that_all_agree_are_one_line(tmp_path):
    run = write(tmp_path, [record(i, right(i)) for i in range(30)])
    result = audit.audit(run)
    text = audit.markdown(run, result)
    assert f"all {len(EXTRACTORS)} rules: 100.0 [" in text
    assert "| default" not in text
    assert "| default" in audit.markdown(run, result, None)
