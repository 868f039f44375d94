"""A run beside the rows of the hub's leaderboard of its benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.cli import main
from harness.cli.ending import ended
from harness.data import network
from tests.hub import REPO, Hub, point_at, serving
from tests.runs import records, write


def row(rank: int, model: str, value: float, **more: Any) -> dict[str, Any]:
    author = {"type": "org", "name": model.partition("/")[0], "avatarUrl": "", "fullname": ""}
    named = {"rank": rank, "modelId": model, "value": value, "author": author}
    return {**named, "filename": ".eval_results/a.yaml", "verified": False, **more}


ROWS = [
    row(1, "other/Big-Model", 71.5, verified=True),
    row(2, "llava-hf/LLaVA-NeXT-Video-7B-hf", 41.5, notes="32 frames", pullRequest=7,
        source={"url": "https://example.org/run"}),
    row(3, "me/llava-next-video-7b", 33.25),
]  # fmt: skip


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(network, "_reached", set())
    monkeypatch.chdir(tmp_path)


def compared(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    run = write(
        Path("results"), records(180, 0.42), task="videomme", model="llava_next_video",
        backend={"checkpoint": "llava-hf/LLaVA-NeXT-Video-7B-hf"}, data={"repo": REPO},
    )  # fmt: skip
    capsys.readouterr()
    code = ended(lambda: main(["compare", "--paper", str(run.folder), *words]))
    return code, *capsys.readouterr()


def test_the_hub_s_rows_stand_beside_those_of_papers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Hub({}, leaderboard=ROWS)) as hub:
        point_at(hub, monkeypatch, tmp_path / "cache")
        code, out, err = compared(capsys)
        assert (code, err) == (0, "")
        assert any("base_model=" in path for _, path, _ in hub.requests)  # fine-tuned ones too
        assert compared(capsys, "--as", "Big-Model")[1].count("\n- ") == 1
    lines = [line for line in out.splitlines() if line.startswith("- ") and "hub lead" in line]
    assert len(lines) == 2
    assert lines[0].startswith(f"- consistent with 41.5 (hub leaderboard of {REPO}, rank 2)")
    assert lines[1].startswith("- not consistent with 33.25 ")
    assert "not stated there: frames, subtitles, prompt, reader, denominator" in lines[0]
    assert "32 frames; pull request 7" in out
    assert "41.98" in out  # a paper's


def test_shares_are_told_from_percentages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shares = [{**found, "value": found["value"] / 100} for found in ROWS]
    with serving(Hub({}, leaderboard=shares)) as hub:
        point_at(hub, monkeypatch, tmp_path / "cache")
        out = compared(capsys)[1]
    assert "- consistent with 41.5 (hub leaderboard" in out


@pytest.mark.parametrize(
    ("leaderboard", "said"),
    [
        (None, "it has no leaderboard (404)"),
        ([{"rank": 1}], "its leaderboard is not what it should be (KeyError('modelId'))"),
        ({"error": "busy"}, "its leaderboard is not what it should be"),
    ],
)
def test_without_rows_a_line_says_why_and_papers_are_shown(
    leaderboard: Any,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(Hub({}, leaderboard=leaderboard)) as hub:
        point_at(hub, monkeypatch, tmp_path / "cache")
        code, out, err = compared(capsys)
    assert code == 0
    assert "41.98" in out
    assert err.startswith(f"harness: no rows of the hub's leaderboard of {REPO}: {said}")
    assert err.count("\n") == 1


def test_without_a_network_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Hub({})) as hub:
        point_at(hub, monkeypatch, tmp_path / "cache")
    code, out, err = compared(capsys)  # nothing listens there any more
    assert code == 0
    assert "41.98" in out
    assert "127.0.0.1 cannot be reached (Connection refused)" in err
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in compared(capsys)[2]


def test_a_hub_client_that_is_too_old_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(Hub({}, leaderboard=ROWS)) as hub:
        point_at(hub, monkeypatch, tmp_path / "cache")
        monkeypatch.delattr("huggingface_hub.HfApi.get_dataset_leaderboard")
        code, _, err = compared(capsys)
    assert code == 0
    assert "is too old to read leaderboards" in err
