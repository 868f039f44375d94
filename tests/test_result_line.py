"""A run in one line."""

import pytest

from harness.cli.result import measured, result_line, several, sweep_size

SUMMARY = {
    "task": "demo",
    "model": "tiny_video",
    "frames": 8,
    "n": 198,
    "complete": True,
    "failed": 0,
    "headline": "accuracy",
    "metrics": {"accuracy": {"value": 0.9141, "ci95": [0.873, 0.946], "unit": "%"}},
}


def test_a_run_in_one_line() -> None:
    assert result_line(SUMMARY, "run 3 of 8") == (
        "tiny_video on demo, 8 frames: 91.4 [87.3, 94.6], 198 questions, run 3 of 8"
    )


def test_what_is_missing_is_said() -> None:
    summary = {**SUMMARY, "n": 1, "frames": 1, "failed": 3, "truncated": 2, "complete": False}
    assert result_line(summary).endswith("1 question, 3 failed, 2 truncated, incomplete")
    assert result_line(summary).startswith("tiny_video on demo, 1 frame: ")


def test_a_number_without_an_interval_or_without_a_value() -> None:
    assert measured({"value": 3.14159, "ci95": None, "unit": "s"}) == "3.14 [?, ?]"
    assert measured({"value": 12.5, "ci95": [None, None], "unit": ""}) == "12.5 [?, ?]"
    assert measured({"value": None, "ci95": None, "unit": "%"}) == "no score"
    assert several(2700, "video") == "2,700 videos"


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (["frames=8"], 1),
        (["frames=8,16,32", "model=a,b"], 6),
        (["++backend.seed=range(0,4)"], 4),
        (["data='a,b'", "task.x=[a,b]"], 1),
        (["model=glob(*)"], None),
    ],
)
def test_how_many_runs_a_sweep_has(words: list[str], size: int | None) -> None:
    assert sweep_size(words) == size
