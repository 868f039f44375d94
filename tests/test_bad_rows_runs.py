"""Rows that cannot be asked, in runs: refused before anything runs, or left out as failed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config import compose
from harness.errors import DataError
from harness.run.conclusion import Outcome
from harness.run.journal import read_records
from harness.run.loop import run
from harness.run.plan import make_plan
from harness.run.ray_cluster import here
from tests.benchmarks import lay_out


def ran(task: str, data: Path, folder: Path, *words: str) -> tuple[Outcome, list[str]]:
    told: list[str] = []
    asked = [f"task={task}", "backend=fake", f"data={data}", "video.workers=0", "frames=4"]
    request = compose([*asked, f"results={folder / 'results'}", *words])
    return run(request, tell=told.append, progress=False), told


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A small Video-MME whose second row's answer is no option."""
    folder = lay_out("videomme", tmp_path)
    (file,) = folder.rglob("rows.*")
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    lines[1]["answer"] = "E"
    file.write_text("\n".join(map(json.dumps, lines)))
    return folder


def test_nothing_runs_while_a_row_cannot_be_asked(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rows\.jsonl line 2 \(question_id .*'E' is no letter"):
        ran("videomme", data, tmp_path)
    with pytest.raises(DataError, match=r"of the options \[.*\]: does data= hold this benchmark"):
        ran("videomme", data, tmp_path)
    assert not (tmp_path / "results").exists()


def test_bad_rows_are_left_out_as_failed(data: Path, tmp_path: Path) -> None:
    for _ in range(2):  # the second finds all done
        outcome, _ = ran("videomme", data, tmp_path, "allow_failures=true")
        records = list(read_records(outcome.folder))
        (failed,) = (record for record in records if record.status == "failed")
        assert failed.stage == "data"
        assert failed.reason is not None
        assert failed.reason.startswith("rows.jsonl line 2 (question_id ")
        assert outcome.complaints == ()
        assert outcome.summary.failed == 1
        assert outcome.summary.expected == len(records) == outcome.summary.scored + 1


def test_hidden_labels_are_said(tmp_path: Path) -> None:
    folder = lay_out("egoschema/full", tmp_path)
    _, told = ran("egoschema/full", folder, tmp_path)
    assert any("hidden: answers are recorded and not scored" in line for line in told), told


def test_a_node_finds_its_videos_beside_rows_that_cannot_be_asked(
    data: Path, tmp_path: Path
) -> None:
    asked = [f"data={data}", f"results={tmp_path / 'results'}", "allow_failures=true"]
    request = compose(["task=videomme", "backend=fake", *asked])
    (clip, *_) = request.benchmark.clips([])
    elsewhere = replace(clip, video=Path("/on/another/node.mp4"))
    assert here(request, elsewhere).video == clip.video


@pytest.mark.parametrize("text_only", [False, True])
def test_an_unreadable_picture_fails_its_own_question_only(tmp_path: Path, text_only: bool) -> None:
    (tmp_path / "odd.png").write_bytes(b"no picture")
    request = compose(
        ["task=demo", "backend=fake", "limit=2", "video.workers=0", f"results={tmp_path / 'r'}"]
    )
    (clip, *others) = request.benchmark.clips()
    (first, *rest) = clip.questions
    changed = replace(clip, questions=(replace(first, images=(tmp_path / "odd.png",)), *rest))
    clips = [changed, *others]
    if text_only:
        clips = [replace(each, video=None) for each in clips]
    object.__setattr__(request.benchmark, "clips", lambda bad=None: clips)
    outcome = run(request, tell=lambda line: None, progress=False)
    (failed,) = (r for r in read_records(outcome.folder) if r.status == "failed")
    assert (failed.key, failed.stage) == (first.key, "data")
    assert "odd.png" in str(failed.reason)
    assert outcome.summary.n == 5


def test_rows_that_cannot_be_asked_are_said_of_a_run_with_a_limit(
    data: Path, tmp_path: Path
) -> None:
    outcome, told = ran("videomme", data, tmp_path, "allow_failures=true", "limit=1")
    (line,) = (line for line in told if "cannot be asked" in line)
    assert line.startswith("1 row cannot be asked, and with limit=1 none of the run's questions")
    assert "rows.jsonl line 2" in line
    assert outcome.summary.failed == 0
    assert outcome.summary.complete


@pytest.mark.parametrize("field", ["question_id", "question", "options"])
def test_half_a_character_fails_its_row_and_is_not_asked_again(tmp_path: Path, field: str) -> None:
    folder = lay_out("videomme", tmp_path)
    (file,) = folder.rglob("rows.*")
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    lines[1]["answer"] = "A"
    value = lines[1].get(field)
    lines[1][field] = ["\ud83d", *value[1:]] if isinstance(value, list) else "odd \ud83d"
    file.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match=r"line 2 .*half of a character .*\\ud83d") as caught:
        ran("videomme", folder, tmp_path)
    str(caught.value).encode()  # a terminal can show it
    for _ in range(2):
        outcome, told = ran("videomme", folder, tmp_path, "allow_failures=true")
    assert "nothing left to ask" in " ".join(told)
    (failed,) = (r for r in read_records(outcome.folder) if r.status == "failed")
    assert failed.stage == "data"


def test_an_unreadable_picture_is_missing_from_the_plan_alone(tmp_path: Path) -> None:
    (tmp_path / "odd.png").write_bytes(b"no picture")
    request = compose(["task=demo", "model=tiny_video", "limit=2", f"results={tmp_path / 'r'}"])
    clips = request.benchmark.clips()[:2]
    (first, *rest) = clips[0].questions
    changed = replace(first, images=(tmp_path / "odd.png",))
    some = [replace(clips[0], questions=(changed, *rest)), clips[1]]
    whole, planned = (make_plan(request, each) for each in (clips, some))
    assert len(planned.tokens) == len(whole.tokens) - 1
