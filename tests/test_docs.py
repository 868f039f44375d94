"""What the docs tell one to write works."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

import harness.demo
from harness.cli import main

DOCS = Path(harness.__file__).parents[1] / "docs"
CLIPS = sorted((Path(harness.demo.__path__[0]) / "data" / "videos").iterdir())


def blocks(name: str, language: str) -> list[str]:
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands(name: str) -> list[list[str]]:
    lines = re.findall(
        r"^    harness (.+)$", (DOCS / name).read_text(encoding="utf-8"), re.MULTILINE
    )
    return [shlex.split(line) for line in lines]


def test_own_benchmark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (rows,) = blocks("own_benchmark.md", "csv")
    (tmp_path / "rows.csv").write_text(rows)
    for name, clip in zip(("one", "two"), CLIPS, strict=False):
        shutil.copy(clip, tmp_path / f"{name}.mp4")
    told = commands("own_benchmark.md")
    assert [words[0] for words in told[:2]] == ["new", "try"]
    for words in told:
        assert main(words) == 0, words
    assert len(list(tmp_path.rglob("summary.json"))) == 2


def test_python_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    told = blocks("python_api.md", "python")
    assert len(told) == 3
    for code in told:
        exec(code, names)  # noqa: S102  # the docs' own code
    assert names["run"] is not names["blind"]
