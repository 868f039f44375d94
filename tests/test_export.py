"""Runs as leaderboards take them, against a scorer that reads as Video-MME's own does."""

import json
import re
from dataclasses import replace

import pytest

from harness.errors import RequestError
from harness.report import export, html, imported
from tests.runs import OPTIONS, record, records, right, write, wrong


def official_score(submission, durations, skip_missing=False):
    """What eval_your_results.py computes, from its description: every key it reads, 300 videos to
    a duration unless told to skip, the first capital A-D, unreadable responses left out."""
    answered = correct = 0
    for duration in durations:
        videos = [video for video in submission if video["duration"] == duration]
        assert skip_missing or len(videos) == 300
        for video in videos:
            if skip_missing and video["missing"]:
                continue
            assert video["domain"]
            assert video["sub_category"]
            for question in video["questions"]:
                assert question["task_type"]
                response = question["response"].strip()
                for phrase in ("The best answer is", "The correct answer is", "The answer is"):
                    response = response.replace(phrase, "")
                letter = re.search("[ABCD]", response)
                if letter:
                    answered += 1
                    correct += letter[0] == question["answer"]
    return correct / answered


def test_video_mme_in_full_is_accepted_and_scores_as_we_do(tmp_path):
    answers = records(2700, 0.41)
    answers[5] = record(5, "no idea")
    run = write(tmp_path, answers, task="videomme", metric={"counted": "answered"})
    submission = json.loads(json.dumps(export.videomme(run)))
    assert len(submission) == 900
    assert all(len(video["questions"]) == 3 for video in submission)
    score = official_score(submission, ("short", "medium", "long"))
    assert score == pytest.approx(run.summary.main.estimate.value)


def test_every_field_is_the_benchmarks_own(tmp_path):
    run = write(tmp_path, [record(i, f"The best answer is {right(i)}") for i in range(3)])
    (video,) = export.videomme(run)
    assert list(video) == ["video_id", "duration", "domain", "sub_category", "missing", "questions"]
    assert video["video_id"] == "000"
    question = video["questions"][1]
    assert question["question_id"] == "000-2"
    assert question["question"] == "What is number 1?"
    assert question["options"] == [f"{a}. {b}" for a, b in zip("ABCD", OPTIONS, strict=True)]
    assert question["response"] == f"The best answer is {right(1)}"


def test_a_failure_is_no_answer_there_either(tmp_path):
    answers = [record(i, None if i < 4 else right(i)) for i in range(9)]
    submission = export.videomme(write(tmp_path, answers))
    assert [video["missing"] for video in submission] == [True, False, False]
    assert submission[1]["questions"][0]["response"] == ""
    durations = ("short", "medium", "long")
    assert official_score(submission, durations, skip_missing=True) == 1.0


def test_an_exported_run_comes_back_the_same(tmp_path):
    run = write(tmp_path, records(90), task="videomme")
    path = tmp_path / "submission.json"
    path.write_text(json.dumps(export.videomme(run)))
    back = imported.take_in(path, tmp_path, model="back")
    assert back.summary.main.estimate == run.summary.main.estimate
    assert [r.response.text for r in back.records] == [r.response.text for r in run.records]


def egoschema(tmp_path, **asked):
    """Hidden labels, five options; one response that is none, one failure."""
    letters = ("A", "B", "E", "no idea", None)
    answers = [
        replace(
            record(i, said, "default", question={
                "id": f"q{i}", "target": None, "options": (*OPTIONS, "white tram"), "groups": {},
            }),
            video=f"uid{i}",
        )
        for i, said in enumerate(letters)
    ]  # fmt: skip
    return write(tmp_path, answers, task="egoschema", **asked)


def test_egoschema_is_pairs_of_id_and_option_number(tmp_path):
    run = egoschema(tmp_path)
    assert run.summary.unlabelled == 3
    assert export.egoschema(run) == [
        ("uid0", 0), ("uid1", 1), ("uid2", 4), ("uid3", -1), ("uid4", -1),
    ]  # fmt: skip
    assert export.unanswered(run) == 1


def test_a_diagnosis_or_another_benchmark_is_not_submitted(tmp_path):
    for asked in ({"control": "blank"}, {"permute_options": 4}, {"repeats": 2}):
        with pytest.raises(RequestError, match="is a diagnosis"):
            export.videomme(write(tmp_path, records(6), **asked))
        with pytest.raises(RequestError, match="is a diagnosis"):
            export.egoschema(egoschema(tmp_path, **asked))
    skill = {"groups": {"skill": ("ER",)}}
    run = write(tmp_path, [record(0, "A", question=skill)], task="lvbench")
    with pytest.raises(RequestError, match="a run of lvbench; export videomme takes a run of"):
        export.videomme(run)
    run = write(tmp_path, [record(0, "A", question=skill)], task="videomme")
    with pytest.raises(RequestError, match="without duration, domain"):
        export.videomme(run)
    for task in ("demo", "videomme", "nextqa"):
        with pytest.raises(RequestError, match=f"a run of {task}; export egoschema takes"):
            export.egoschema(write(tmp_path, records(6), task=task))


def test_the_page_escapes_what_models_and_data_say(tmp_path):
    nasty = "<script>alert('x')</script>"
    answers = [
        record(0, nasty, question={"id": f"../../{nasty}", "target": "A"}, prompt=nasty),
        record(1, None, reason=nasty, question={"groups": {"domain": (nasty,)}}),
        record(2, wrong(2)),
    ]
    page = html.page(write(tmp_path, answers))
    assert "<script>alert" not in page
    assert "\\u003cscript\\u003e" in page
    assert "This run is incomplete" in page


def test_the_page_shows_metrics_bounds_and_what_has_to_be_said(tmp_path):
    answers = [
        record(i, right(i), question={"rotation": turn}) for i in range(30) for turn in range(2)
    ]
    answers[0] = replace(answers[0], status="truncated", score=None)
    run = write(tmp_path, answers, permute_options=2)
    page = html.page(run)
    assert "(consistent accuracy)" in page
    assert "guessing" in page
    assert "1 truncated" in page
    assert "98.3 to 100.0" in page
