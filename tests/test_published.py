"""The curated literature, and runs beside it."""

import re

import pytest

from harness.errors import RequestError
from harness.report import published
from tests.runs import records, write

TRUST = {"reported", "board", "reproduced", "quoted", "secondhand", "superseded", "doubtful"}
JUDGED = {"activitynet_qa", "videochatgpt", "vdd", "msvd_qa", "msrvtt_qa", "tgif_qa"}
CHECKPOINT = {"checkpoint": "llava-hf/LLaVA-NeXT-Video-7B-hf"}


def test_every_line_has_stable_names_a_value_a_trust_and_a_source():
    known = published.published()
    assert len(known) > 1600
    for line in known:
        assert re.fullmatch(r"[a-z0-9.+\-]+", line.model), line
        assert re.fullmatch(r"[a-z0-9_]+", line.benchmark), line
        assert re.fullmatch(r"[a-z_]+", line.split), line
        assert float(line.value) >= 0 or line.metric == "delta_knowledge"
        assert not line.scale or float(line.value) <= float(line.scale), line
        assert line.trust in TRUST
        assert line.frames == "" or int(line.frames) > 0
        assert line.subtitles in ("", "yes", "no")
        assert line.source
        assert line.url.startswith("https://")
        assert line.printed_as


def test_judged_values_name_their_judge_or_say_that_none_is_known():
    judged = [p for p in published.published() if p.benchmark in JUDGED and p.scale == "5"]
    assert len(judged) > 200
    drift = {p.value: p.judge for p in published.published() if "pure judge drift" in p.note}
    assert drift == {"43.6": "gpt-3.5-turbo (alias, July 2023)"}


def test_naming_traps_are_resolved():
    known = published.published()
    for line in known:
        if "do not read as LLaVA-NeXT-Video" in line.note or "NAMING TRAP" in line.note:
            assert line.model.startswith("llava-video-")
        if "M7B" in line.printed_as:
            assert line.model == "llava-next-video-7b-32k"
        if "columns look swapped" in line.note:
            assert line.trust == "doubtful"
        if "before re-annotation" in line.note and "superseded" in line.note:
            assert line.trust == "superseded"


def test_all_values_for_the_model_are_shown_not_the_convenient_one(tmp_path):
    run = write(
        tmp_path, records(2700, 0.42), task="videomme", model="llava_next_video",
        backend=CHECKPOINT, frames=32, metric={"counted": "answered"},
    )  # fmt: skip
    verdicts = [v for v in published.against(run) if v.published.metric == "accuracy"]
    values = {v.published.value for v in verdicts}
    assert {"41.98", "33.7", "35.6"} & values == {"41.98", "33.7"}
    assert len(verdicts) == 8
    said = {v.published.value: str(v) for v in verdicts}
    assert said["41.98"].startswith("consistent with 41.98 (Embracing Video Evaluations")
    assert "denominator (all there, answered here)" in said["41.98"]
    assert "prompt (lmms_eval there, official here)" in said["41.98"]
    assert said["33.7"].startswith("not consistent with 33.7 ")
    assert "not stated there: prompt, reader, denominator" in said["33.7"]
    assert "doubtful" in said["46.5"]
    assert "frames (8 there, 32 here)" in said["39.3"]
    assert "subtitles (yes there, no here)" in said["47.7"]


def test_diagnoses_and_parts_of_a_benchmark_are_told_apart(tmp_path):
    asked = {"task": "videomme", "backend": CHECKPOINT, "frames": 32}
    run = write(tmp_path, records(60, 0.42), limit=20, control="blank", expected=61, **asked)
    differs = published.against(run)[0].differs
    assert "limit (20 here)" in differs
    assert "control (blank here)" in differs
    assert "coverage (the run is incomplete)" in differs


def test_a_model_without_published_values_says_who_has_some(tmp_path):
    run = write(tmp_path, records(60), task="videomme", model="tiny_video")
    with pytest.raises(RequestError, match=r"'tiny_video' on 'videomme'; --as may be one of"):
        published.against(run)
    assert published.against(run, "llava-next-video-34b")
    mine = write(tmp_path, records(60), task="mine", protocol={"name": "mine"})
    with pytest.raises(RequestError, match="no such benchmark"):
        published.against(mine)


def test_the_page_names_every_source(tmp_path):
    run = write(tmp_path, records(60), task="videomme", backend=CHECKPOINT)
    text = published.markdown(run, published.against(run))
    assert "VideoLLaMA 2" in text
    assert "Video-RAG" in text
    assert len(published.rows(published.against(run))) == len(published.against(run))


def test_a_judged_run_beside_a_published_value_says_that_its_judge_is_another(tmp_path):
    run = write(
        tmp_path, records(60, 0.42), task="activitynet_qa", model="llava_next_video",
        backend=CHECKPOINT, frames=32, judge={"rule": "word overlap"},
    )  # fmt: skip
    said = [v for v in published.against(run) if v.published.judge]
    assert said
    assert all("another judge (" in str(v) and "word overlap here" in str(v) for v in said)
