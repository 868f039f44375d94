"""One run under every rule, and other people's answers taken in."""

import json
import subprocess
import sys

import pytest

from harness.errors import DataError, RequestError
from harness.report import audit, compare, imported, leaderboard
from harness.report.runs import find
from harness.scoring.aggregate import DENOMINATORS
from harness.scoring.extractors import READERS
from tests.runs import OPTIONS, gold, record, right, write, wrong

SAID = ("{}", "{}.", "({})", "The answer is {}.", "Best option: {}", "I cannot tell", "")


@pytest.fixture
def verbose(tmp_path):
    """A model that answers in seven ways, always meaning the right option or none."""
    answers = [record(i, SAID[i % 7].format(right(i))) for i in range(84)]
    return write(tmp_path, answers)


def test_every_reader_under_every_denominator(verbose):
    result = audit.audit(verbose)
    assert {r.reader for r in result.rescored} == set(READERS)
    assert all(set(r.estimates) == set(DENOMINATORS) for r in result.rescored)
    own = next(r for r in result.rescored if r.reader == "videomme")
    assert own.estimates["all"].value == pytest.approx(verbose.summary["accuracy"])
    assert own.estimates["all"].half_width == pytest.approx(verbose.summary["half_width"])
    assert result.lowest < result.highest - 0.05
    default = next(r for r in result.rescored if r.reader == "default")
    assert default.estimates["answered"].value == 1.0
    assert default.estimates["all"].value == pytest.approx(5 / 7)
    assert default.estimates["nonempty"].value == pytest.approx(5 / 6)


def test_disagreements_name_the_readers_of_each_side(verbose):
    found = {d.question: d for d in audit.audit(verbose).disagreements}
    answer = next(r for r in verbose.records if r.response == "The answer is B.")
    assert "lmms_mcq" in found[answer.question].right
    assert "mvbench" in found[answer.question].wrong
    assert "lvbench" in found[answer.question].unread  # it reads T, which is no option
    plain = next(r for r in verbose.records if r.response == "B")
    assert plain.question not in found


def test_a_run_of_nothing_to_read_is_refused(tmp_path):
    run = write(tmp_path, [record(i, "yes", options=()) for i in range(3)])
    with pytest.raises(RequestError, match="no multiple-choice answers"):
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
    assert run.summary["accuracy"] == pytest.approx(2 / 3)
    assert run.summary["by"]["task_type"]["Counting Problem"]["n"] == 12
    assert run.records[0].options == OPTIONS
    again = imported.take_in(path, tmp_path, model="theirs")
    assert again.folder == run.folder
    assert len(again.records) == 12


@pytest.mark.parametrize("logged", [True, False])
def test_lmms_eval_samples_become_a_run(tmp_path, logged):
    path = tmp_path / "samples.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in samples(logged=logged)))
    run = imported.take_in(path, tmp_path, model="logged", reader="lmms_mcq", denominator="all")
    assert run.summary["accuracy"] == 1.0
    assert run.summary["by"]["duration"]["long"]["n"] == 12
    assert run.records[0].groups["domain"] == "Knowledge"
    assert run.records[0].options == OPTIONS
    assert len({r.video for r in run.records}) == 4


def test_imported_runs_are_compared_and_ranked_apart_from_our_own(tmp_path):
    ours = write(tmp_path, [record(i, right(i)) for i in range(12)], task="videomme")
    for name, missing in (("a", False), ("b", False)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(submission(missing=missing)))
        imported.take_in(path, tmp_path, model=name)
    runs, complaints = find(tmp_path)
    assert complaints == []
    ranked = leaderboard.rankings(runs)
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
    assert (run.summary["failed"], run.summary["n"]) == (4, 5)
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


def test_the_command_audits_a_run_and_takes_one_in(verbose, tmp_path):
    command = [sys.executable, "-m", "harness.audit"]
    ran = subprocess.run([*command, verbose.folder], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "points apart" in ran.stdout
    assert {p.name for p in verbose.folder.glob("audit.*")} == {
        "audit.md",
        "audit.csv",
        "audit.json",
    }
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(submission()))
    words = ["--import", path, "--model", "theirs", "--results", tmp_path / "results"]
    ran = subprocess.run([*command, *words], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "theirs on videomme" in ran.stdout
