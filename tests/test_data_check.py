"""Which videos are missing, truncated or undecodable; and the command that prepares and says so."""

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.data import Source
from tests.hub import COMMIT, REPO, Hub, serving
from tests.videos import Encoding, cut, encode


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mkv"
    encode(path, Encoding(numbers=range(40), options={"g": "10"}))
    return path


def row(name: str) -> dict[str, object]:
    texts = ("duration", "domain", "sub_category", "task_type", "question", "url")
    names = {"videoID": name, "video_id": name, "question_id": f"{name}-1"}
    return {**dict.fromkeys(texts, "x"), **names, "options": ["A. x", "B. y"], "answer": "A"}


def test_check_says_what_is_wrong_with_which_video(tmp_path: Path, clip: Path) -> None:
    for name in ("good", "cut"):
        (tmp_path / f"{name}.mkv").write_bytes(clip.read_bytes())
    cut(tmp_path / "cut.mkv", 0.6)
    (tmp_path / "noise.mp4").write_bytes(b"<html>404</html>" * 99)
    (tmp_path / "empty.mp4").write_bytes(b"")
    found = Source(path=str(tmp_path)).check(["good", "gone", "cut", "noise", "empty", "good"])
    assert [(problem.video.name, problem.kind) for problem in found] == [
        ("gone.mp4", "missing"),
        ("cut.mkv", "truncated"),
        ("noise.mp4", "undecodable"),
        ("empty.mp4", "undecodable"),
    ]
    assert all(problem.detail for problem in found)


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_the_command_prepares_and_then_checks_without_a_network(tmp_path: Path, clip: Path) -> None:
    card = "configs: [{config_name: videomme, data_files: [{split: test, path: rows.jsonl}]}]"
    rows = "\n".join(json.dumps(row(name)) for name in ("one", "two", "gone"))
    files = {
        "README.md": f"---\n{card}\n---\n".encode(),
        "rows.jsonl": rows.encode(),
        "videos_chunked_01.zip": packed({"data/one.MKV": clip.read_bytes()}),
        "videos_chunked_02.zip": packed({"data/two.mkv": clip.read_bytes()}),
        "subtitle.zip": packed({"subtitle/one.srt": b"1\n00:00:00,000 --> 00:00:01,000\nhi\n"}),
    }
    source = {"repo": REPO, "revision": COMMIT, "cache": str(tmp_path / "cache")}
    overrides = [f"++task.source.{key}={value}" for key, value in source.items()]

    def data(*words: str) -> subprocess.CompletedProcess[str]:
        quiet = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        where = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "*"}
        return subprocess.run(
            [sys.executable, "-m", "harness.data", "videomme", *words, *overrides],
            env=os.environ | quiet | where,
            capture_output=True,
            text=True,
            check=False,
        )

    with serving(Hub(files)) as hub:
        unseen = data("--check")
        assert (unseen.returncode, hub.requests) == (2, [])
        assert "would have to be fetched first" in unseen.stderr
        first = data("limit=1")
        assert hub.fetched() == ["rows.jsonl", "subtitle.zip", "videos_chunked_01.zip"]
        assert first.returncode == 0, first.stderr
        assert "1 of 1 video usable, 1 with subtitles" in first.stdout
        assert data().returncode == 1
    (extracted,) = (tmp_path / "cache").rglob("two.mkv")
    cut(extracted, 0.9)
    checked = data("--check")
    assert checked.returncode == 1
    assert [line.split()[0] for line in checked.stdout.splitlines()[:2]] == ["truncated", "missing"]
    assert "1 of 3 videos usable (1 truncated, 1 missing), 1 with subtitles" in checked.stdout
