"""torchvision is imported in one place, whatever build of torch lies beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import ModelError
from harness.models.transformers import torchvision

# an installed torchvision whose compiled part does not fit: as PyPI's beside a CPU build
MISFIT = """
import torch
torch.library.register_fake("torchvision::nms")(lambda dets, scores, threshold: dets)
torch.library.register_fake("torchvision::qnms")(lambda dets, scores, threshold: dets)
import torchvision.later
whole = True
"""


def install(folder: Path, source: str) -> None:
    package = folder / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(source)
    (package / "later.py").write_text("")


def run(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, where nothing is imported yet."""
    root = Path(__file__).parents[1]
    start = f"import sys; sys.path[:0] = [{str(folder)!r}, {str(root)!r}]\n"
    command = [sys.executable, "-c", start + script]
    return subprocess.run(command, capture_output=True, text=True, check=False)


LOAD = "from harness.models.transformers import torchvision as t; t.load(); t.load()\n"


def test_one_that_does_not_fit_is_loaded_all_the_same(tmp_path: Path) -> None:
    install(tmp_path, MISFIT)
    alone = run(tmp_path, "import torchvision")
    assert "operator torchvision::nms does not exist" in alone.stderr
    done = run(tmp_path, LOAD + "import torchvision; print(torchvision.whole)")
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr


def test_one_that_fits_is_a_plain_import(tmp_path: Path) -> None:
    install(tmp_path, "import torchvision.later\nwhole = True\n")
    done = run(tmp_path, LOAD + "print(t._declared, sys.modules['torchvision'].whole)")
    assert (done.returncode, done.stdout) == (0, "[] True\n"), done.stderr


@pytest.mark.parametrize(
    "source",
    ["raise RuntimeError('CUDA driver')", "import no_such_library", MISFIT + "raise ImportError()"],
)
def test_a_broken_one_is_one_line_and_leaves_nothing_behind(tmp_path: Path, source: str) -> None:
    install(tmp_path, source)
    script = f"try:\n    {LOAD}except Exception as e:\n    print(type(e).__name__, e)\n"
    done = run(tmp_path, script + "print([n for n in sys.modules if n.startswith('torchvision')])")
    said, left = done.stdout.splitlines()
    assert said.startswith("ModelError torchvision cannot be imported")
    assert "video-families" in said
    assert left == "[]"


def test_none_is_a_line_that_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision, "available", lambda: False)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    with pytest.raises(ModelError, match=r"resizes with torchvision.*video-families"):
        torchvision.load()
