"""What the docs tell one to write works."""

import json
import re
import runpy
import shlex
import shutil
from pathlib import Path

import pytest

import harness.demo
from harness.cli import main
from harness.report import tables
from harness.stats import accuracy

DOCS = Path(harness.__file__).parents[1] / "docs"
ROOT = DOCS.parent
BASELINES = ROOT / "results" / "baselines" / "demo"
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


def test_every_picture_is_there_small_and_drawn_by_the_script() -> None:
    drawn = runpy.run_path(str(DOCS / "pictures.py"))["NAMES"]
    text = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    assert set(re.findall(r"\]\(pictures/(\w+)\.png\)", text)) == set(drawn)
    assert {path.stem for path in (DOCS / "pictures").iterdir()} == set(drawn)
    assert all(path.stat().st_size < 150_000 for path in (DOCS / "pictures").iterdir())


def test_the_readme_names_every_page() -> None:
    linked = set(re.findall(r"\]\(docs/(\w+\.md)\)", (ROOT / "README.md").read_text()))
    assert linked == {page.name for page in DOCS.glob("*.md")} - {"index.md"}


def test_the_readmes_table_holds_the_baselines_numbers() -> None:
    rows = re.findall(r"^ +(tiny_\w+) +(.+)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert {name for name, _ in rows} == {path.stem for path in BASELINES.glob("*.json")}
    for name, shown in rows:
        kept = json.loads((BASELINES / f"{name}.json").read_text(encoding="utf-8"))
        asked = kept["questions"].values()
        cells = [str(kept["identity"]["sampling"]["frames"]), str(len(asked))]
        for part in ("short medium long", "short", "medium", "long"):
            some = [q for q in asked if q["groups"]["duration"][0] in part.split()]
            scores = [q["values"]["accuracy"] for q in some]
            cells.append(tables.interval(accuracy(scores, [q["video"] for q in some]), "%"))
        for status in ("unparsed", "failed"):
            cells.append(str(sum(q["status"] == status for q in asked)))
        assert shown.split() == " ".join(cells).split()


def test_the_first_commands_of_the_start_page_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (told,) = blocks("index.md", "console")
    for line in told.splitlines():
        assert main(shlex.split(line.removeprefix("$ harness "))) == 0, line
