"""The run page as text: what is in it, that nothing in it can break out, and its pictures."""

import json
import re
from dataclasses import replace
from html import unescape

import numpy as np
import pytest
from PIL import Image

from harness.cli import main
from harness.controls import remove_evidence
from harness.identity import describe
from harness.report import html
from harness.report.page import assets, frames, words
from harness.report.page.samples import samples
from harness.report.runs import load
from harness.run.judge_calls import prompt_hash
from harness.scoring.judged import YesNoScorer
from harness.types import Frames, Response, Score
from tests.runs import record, records, right, write, wrong

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\"&amp;$x$ \ud800"


def embedded(page):
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    return json.loads(found[1])


def test_every_question_is_in_the_page_and_each_clips_frames_once(tmp_path):
    run = write(tmp_path, records(60, 0.5))
    data = embedded(html.page(run))
    assert [row["key"] for row in data["rows"]] == [r.key for r in run.records]
    assert len(data["clips"]) == 20
    assert data["clips"][0]["times"] == [0.0, 1.0]
    assert {row["right"] for row in data["rows"]} == {"right", "wrong"}


def test_a_failure_is_no_wrong_answer(tmp_path):
    run = write(tmp_path, [record(0, right(0)), record(1, None), record(2, "no idea")])
    rows = samples(run)["rows"]
    assert [row["right"] for row in rows] == ["right", "none", "none"]
    assert rows[1]["response"] is None
    assert rows[1]["reason"] == "a damaged video"


def test_what_each_rule_reads_is_said(tmp_path):
    run = write(tmp_path, [record(0, "I would say A, although B")])
    (row,) = samples(run)["rows"]
    assert "videomme" in row["rules"]["A"]
    assert len(row["rules"]) > 1


def test_hostile_text_stays_text(tmp_path):
    told = record(0, HOSTILE, question={"text": HOSTILE, "groups": {HOSTILE: (HOSTILE,)}})
    run = write(tmp_path, [replace(told, video=HOSTILE), record(1, right(1))])
    page = html.page(run)
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    data = embedded(page)
    assert data["rows"][0]["question"].startswith("</script><script>alert(1)")
    assert re.fullmatch(r"frames/[0-9a-f]{16}", data["clips"][0]["at"])


def test_only_the_pages_own_scripts_may_run_and_nothing_is_fetched(tmp_path):
    page = html.page(write(tmp_path, records(3, 1)))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert unescape(policy).startswith("default-src 'none'; ")
    assert "unsafe-inline" not in policy.partition("script-src")[2]
    assert policy.count("sha256-") == len(html.SCRIPTS)
    assert not re.search(r'(src|href)="https?:', page)


def test_nan_and_markup_in_data_become_null_and_escapes():
    assert json.loads(assets.as_json({"a": float("nan"), "b": "<!--"})) == {"a": None, "b": "<!--"}
    assert "<" not in assets.as_json("<!--")


def test_two_runs_side_by_side_say_what_changed(tmp_path):
    first = write(tmp_path / "1", [record(0, right(0)), record(1, wrong(1)), record(2, right(2))])
    answers = [record(0, wrong(0)), record(1, right(1)), record(2, right(2))]
    second = write(tmp_path / "2", answers, model="other")
    rows = embedded(html.page(first, second))["rows"]
    assert [row["flip"] for row in rows] == ["lost", "gained", "same"]
    assert rows[0]["second"]["right"] == "wrong"


def test_the_protocol_is_said_in_words(tmp_path):
    run = write(tmp_path, records(3, 1))
    told = dict(words.protocol(run))
    assert "videomme" in told["Answer"]
    assert str(run.frames) in told["Frames"]


def test_thinking_is_kept_apart(tmp_path):
    made = record(0, right(0))
    made = replace(made, response=Response(made.key, right(0), thinking="first, the car"))
    (row,) = samples(write(tmp_path, [made]))["rows"]
    assert row["thinking"] == "first, the car"
    assert row["response"] == right(0)


def judged(folder, *, reply="yes", parse="ok", **line):
    """A run of one open question, and what its judge was asked and said, as the judge stage keeps
    it; the scorer asks what ``asked`` says."""
    scorer = YesNoScorer("activitynetqa_user", "activitynetqa_system")
    made = record(0, "a red car", question={"options": (), "target": "red car"})
    made = replace(made, score=Score({"accuracy": 1.0}, "a red car", reply), status="scored")
    run = write(folder, [made], protocol={"scorer": describe(scorer)})
    asked = [prompt_hash(prompt) for prompt in scorer.judge_prompts(made.question, made.response)]
    told = {"question": made.key, "prompts": asked, "replies": [reply], "parse": parse}
    lines = [{"judge": {"name": "a judge"}, "settings": {}}, told | line]
    text = "".join(json.dumps(one) + "\n" for one in lines)
    (run.folder / "judged-0123456789ab.jsonl").write_text(text)
    return run


def test_every_call_of_the_judge_is_in_the_page(tmp_path):
    data = embedded(html.page(judged(tmp_path, reply=HOSTILE, parse="repaired")))
    ((said,),) = [row["judges"] for row in data["rows"]]
    assert said["judge"].startswith("a judge")
    assert said["parse"] == "repaired"
    ((call,),) = [said["calls"]]
    assert call["reply"].startswith("</script><script>alert(1)")
    (system, first), (user, second) = call["prompt"]
    assert (system, user) == ("system", "user")
    assert "red car" in data["texts"][second]
    assert "red car" not in data["texts"][first]


def test_a_judges_call_that_got_no_reply_is_said_with_its_reason(tmp_path):
    run = judged(tmp_path, replies=[], parse="failed", reason="the judge's reply was cut off")
    (row,) = samples(run)["rows"]
    assert row["judges"][0]["calls"][0]["reply"] is None
    assert row["judges"][0]["reason"] == "the judge's reply was cut off"


def test_replies_are_not_laid_beside_the_wrong_prompt_where_a_call_failed(tmp_path):
    run = judged(tmp_path, replies=["yes"], prompts=["0" * 24, "1" * 24], parse="failed")
    (row,) = samples(run)["rows"]
    shown = [(call["prompt"], call["reply"]) for call in row["judges"][0]["calls"]]
    assert shown == [(None, None), (None, None), (None, "yes")]


def test_a_prompt_that_the_scorer_no_longer_asks_is_not_guessed(tmp_path):
    (row,) = samples(judged(tmp_path, prompts=["0" * 24]))["rows"]
    assert row["judges"][0]["calls"] == [{"prompt": None, "reply": "yes"}]


def test_under_a_control_the_page_shows_the_frames_as_the_model_saw_them(tmp_path):
    asked = record(0, "A", frames=(0, 10, 20, 30), times=(0.0, 1.0, 2.0, 3.0))
    for control in ("single_frame", "shuffled", "blank", "none"):
        run = write(tmp_path / control, [asked], control=control)
        (clip,) = samples(run)["clips"]
        pixels = np.array([0, 10, 20, 30], np.uint8)[:, None, None, None]
        given = Frames(np.array(asked.frames), np.array(asked.times), pixels)
        shown = remove_evidence(given, control, asked.video).pixels.ravel().tolist()
        assert clip["times"] == asked.times
        if control == "blank":
            assert clip["frames"] == [None] * 4
        else:
            assert clip["frames"] == shown
        assert clip["control"] == ("" if control == "none" else control)


def test_two_runs_with_other_frames_point_each_at_its_own(tmp_path):
    first = write(tmp_path / "1", [record(0, "A")])
    second = write(tmp_path / "2", [record(0, "A", frames=(0,), times=(0.0,))], frames=1)
    found = samples(first, second)
    (row,) = found["rows"]
    assert found["clips"][row["clip"]]["frames"] == [0, 10]
    assert found["clips"][row["second"]["clip"]]["frames"] == [0]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    results = tmp_path_factory.mktemp("pages") / "results"
    words = ["task=demo", "backend=fake", "frames=2", "limit=2", f"results={results}"]
    assert main(words) == 0
    (request,) = results.rglob("request.json")
    return load(request.parent), results


def test_view_makes_each_frame_a_small_picture_once(demo, capsys):
    run, results = demo
    assert main(["view", str(run.folder), "--results", str(results), "--no-open"]) == 0
    assert capsys.readouterr().out.strip().endswith("report.html")
    made = {r.video: [run.folder / frames.place(r.video) / f"{i}.jpg" for i in r.frames]
            for r in run.records}  # fmt: skip
    files = sorted(run.folder.rglob("*.jpg"))
    assert files == sorted({path for paths in made.values() for path in paths})
    for path in files:
        with Image.open(path) as picture:
            assert min(picture.size) <= frames.EDGE
    before = [path.stat().st_mtime_ns for path in files]
    assert frames.write(run) == []
    assert [path.stat().st_mtime_ns for path in files] == before


def test_a_video_that_is_gone_is_said_and_the_page_still_made(demo, tmp_path, monkeypatch):
    run, _ = demo
    monkeypatch.setattr(type(run.task_object), "clips", lambda self: ())
    problems = frames.write(run, tmp_path)
    assert len(problems) == len({r.video for r in run.records})
    assert "not among" in problems[0]


def test_a_control_without_video_gets_no_pictures(demo, tmp_path):
    run, _ = demo
    blank = replace(run, request={**run.request, "control": "blank"})
    assert frames.write(blank, tmp_path)[0].startswith("control=blank")
    assert not list(tmp_path.iterdir())
