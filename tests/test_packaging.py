"""The built wheel, run in a foreign folder: the demo, and a user's own task."""

import json
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import harness

ROOT = Path(harness.__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment into which the wheel was installed.

    Its dependencies are borrowed from this environment; this project itself is not (a path in a
    .pth file is no site folder, so the editable install's own .pth is not followed).
    """
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    wheel = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(wheel, check=True, capture_output=True)
    venv.create(folder / "venv", with_pip=False)
    there = folder / "venv" / "bin" / "python"
    (built,) = folder.glob("*.whl")
    subprocess.run([*pip, "--python", str(there), "install", "--no-deps", str(built)], check=True)
    purelib = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    (folder / "venv" / purelib / "deps.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return there


def run(python: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "harness", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_wheel_runs_the_demo_in_a_foreign_folder(python: Path, tmp_path: Path) -> None:
    where = "import harness, tasks.videomme as t; print(harness.__file__, t.__file__)"
    said = subprocess.run([str(python), "-c", where], cwd=tmp_path, capture_output=True, text=True)
    assert said.stdout.count(str(python.parent.parent)) == 2, said
    ran = run(python, tmp_path, "limit=4")
    assert ran.returncode == 0, ran.stderr
    assert "tiny_video" in ran.stdout
    assert list((tmp_path / "results" / "demo" / "tiny_video").glob("*/summary.json"))
    assert "videomme/subtitles" in run(python, tmp_path, "--help").stdout


def code_block(after: str, language: str) -> str:
    """The first code block of ``language`` in the README after a line."""
    rest = README.partition(after)[2]
    return rest.partition(f"```{language}\n")[2].partition("```")[0]


def test_the_readme_s_own_task_works_in_the_working_folder(python: Path, tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "mine.py").write_text(code_block("`tasks/mine.py`", "python"))
    (tmp_path / "configs" / "task").mkdir(parents=True)
    settings = code_block("`configs/task/mine.yaml`", "yaml")
    (tmp_path / "configs" / "task" / "mine.yaml").write_text(settings)
    videos = tmp_path / "my_videos" / "videos"
    videos.mkdir(parents=True)
    clip = sorted((ROOT / "harness" / "demo" / "data" / "videos").glob("*.mp4"))[0]
    (videos / "one.mp4").write_bytes(clip.read_bytes())
    row = {"id": "1", "video": "one", "question": "?", "options": ["a", "b"], "answer": "B"}
    (tmp_path / "my_videos" / "rows.jsonl").write_text(json.dumps(row) + "\n")
    ran = run(python, tmp_path, "task=mine", "backend=fake", "backend.rule=gold")
    assert ran.returncode == 0, ran.stderr
    (summary,) = (tmp_path / "results" / "mine").rglob("summary.json")
    assert json.loads(summary.read_text())["accuracy"] == 1.0
    assert "mine" in run(python, tmp_path, "--help").stdout
