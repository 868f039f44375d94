"""The built wheel, run in a foreign folder: the command, the demo, a user's own task and model."""

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
import yaml

import harness
from harness.names import DISTRIBUTION

ROOT = Path(harness.__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TASK = """\
from dataclasses import dataclass

from harness.task import Row, Task
from harness.types import Question


@dataclass(frozen=True)
class Mine(Task):
    ending: str = "?"

    def question(self, row: Row) -> Question:
        text = row["ask"] + self.ending
        return Question(row["id"], text, tuple(row["options"]), row["answer"])
"""
SETTINGS = """\
# @package _global_
task:
  _target_: tasks.mine.Mine
  name: mine
  source: {_target_: harness.data.Source, path: "${data}"}
  prompt:
    _target_: harness.prompts.PromptTemplate
    template: "{question} {options}"
  scorer: {_target_: harness.scoring.choice.ChoiceScorer}
data: my_videos
"""
MODEL = """\
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from harness.types import Generation, Response, Sample


@dataclass(frozen=True)
class Second:
    always: str

    def identity(self) -> dict[str, str]:
        return {"always": self.always}

    def generate(self, samples: Iterable[Sample], generation: Generation) -> Iterator[Response]:
        for sample in samples:
            for prompt in sample.prompts:
                yield Response(prompt.key, self.always)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    make = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(make, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def bin(wheel: Path) -> Path:
    """The programs of an environment into which the wheel was installed.

    Its dependencies are borrowed from this environment; this project itself is not (a path in a
    .pth file is no site folder, so the editable install's own .pth is not followed).
    """
    folder = wheel.parent
    venv.create(folder / "venv", with_pip=False)
    there = folder / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    into = ["--python", str(there / "python"), "install", "--no-deps", str(wheel)]
    subprocess.run([*pip, *into], check=True)
    purelib = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    (folder / "venv" / purelib / "deps.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return there


def run(bin: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The console script, in a folder, without this checkout on its path."""
    command = [str(bin / "harness"), *words]
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=clean)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A working folder with a task and a model of its own."""
    for name, text in {
        "tasks/mine.py": TASK,
        "configs/task/mine.yaml": SETTINGS,
        "second.py": MODEL,
        "configs/model/second.yaml": "name: second\n",
        "configs/backend/second.yaml": "_target_: second.Second\nalways: A\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    videos = tmp_path / "my_videos" / "videos"
    videos.mkdir(parents=True)
    clip = sorted((ROOT / "harness" / "demo" / "data" / "videos").glob("*.mp4"))[0]
    shutil.copy(clip, videos / "one.mp4")
    rows = [
        {"id": str(n), "video": "one", "ask": "What", "options": ["a", "b"], "answer": right}
        for n, right in enumerate("ABB")
    ]
    (tmp_path / "my_videos" / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return tmp_path


def test_the_wheel_holds_what_users_need_and_not_how_the_demo_was_made(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "harness/py.typed", "harness/configs/config.yaml", "harness/configs/task/demo.yaml",
        "tasks/videomme.py", "harness/report/published.csv",
    ):  # fmt: skip
        assert needed in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("training/", "tests/", "benchmarks/"))]


def test_the_wheel_runs_the_demo_in_a_foreign_folder(bin: Path, tmp_path: Path) -> None:
    said = run(bin, tmp_path, "--version").stdout
    assert said == f"harness {PROJECT['version']}\n"
    ran = run(bin, tmp_path, "limit=2", "video.workers=0")
    assert ran.returncode == 0, ran.stderr
    assert "tiny_video" in ran.stdout
    assert list((tmp_path / "results" / "demo" / "tiny_video").glob("*/summary.json"))
    assert "videomme/subtitles" in run(bin, tmp_path, "--help", "task").stdout


def test_a_task_and_a_model_of_the_working_folder_work_as_built_in_ones(
    bin: Path, own: Path
) -> None:
    ran = run(bin, own, "task=mine", "model=second", "backend=second", "task.ending=!")
    assert ran.returncode == 0, ran.stderr
    (summary,) = (own / "results" / "mine" / "second").rglob("summary.json")
    headline = json.loads(summary.read_text())["metrics"]["accuracy"]
    assert headline["value"] == pytest.approx(1 / 3)
    assert "What! A. a" in next(summary.parent.glob("records-*.jsonl")).read_text()
    said = run(bin, own, "--help").stdout
    assert "  mine  " in said
    assert "second" in said


def test_a_package_that_hides_the_built_in_tasks_is_named(bin: Path, own: Path) -> None:
    (own / "tasks" / "__init__.py").write_text("")
    ran = run(bin, own, "backend=fake")
    assert ran.returncode == 2
    assert "tasks/__init__.py hides the built-in tasks: delete that file" in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_extras_are_named_by_this_project_s_own_name_and_exist() -> None:
    named = [
        (match[1], match[2])
        for folder in ("harness", "tasks", "configs", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".yaml", ".md"}
        for match in re.finditer(r"([\w-]+)\[([\w,-]+)\]['\"`]", path.read_text())
        if "pip install" in path.read_text()[max(0, match.start() - 20) : match.start()]
    ]
    assert named
    assert {name for name, _ in named} == {DISTRIBUTION} == {PROJECT["name"]}
    extras = {extra for _, several in named for extra in several.split(",")}
    assert extras <= PROJECT["optional-dependencies"].keys()


def test_files_about_the_project_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])
    assert f"({PROJECT['version']})" in (ROOT / "CHANGELOG.md").read_text()
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    assert {"run": ".ci/run"} in workflow["jobs"]["test"]["steps"]
    for form in (ROOT / ".github" / "ISSUE_TEMPLATE").iterdir():
        assert yaml.safe_load(form.read_text())["body"]


def test_every_dependency_is_pinned_for_the_tests() -> None:
    pinned = {
        line.partition("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    needed = {re.split(r"[<>=\[]", word)[0].lower() for word in PROJECT["dependencies"]}
    assert {name.replace("_", "-") for name in needed} <= pinned
    assert metadata.version("hydra-core")
