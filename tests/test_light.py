"""What only looks must start at once: libraries that are slow to import stay out of it."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "torch", "transformers", "datasets", "pyarrow", "pandas", "scipy.stats", "matplotlib", "jinja2",
)  # fmt: skip
RUN = ("task=demo", "backend=fake", "limit=4", "video.workers=0")
CODE = f"""
import sys
from harness.cli import main
assert main(sys.argv[1:]) == 0
print(*[name for name in {HEAVY!r} if name in sys.modules], sep=",")
"""


def imported(folder: Path, *words: str) -> str:
    """Which of the heavy modules a command imports."""
    command = [sys.executable, "-c", CODE, *words]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    return said.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    for _ in range(2):  # the first waits for frames, the second says that it did not
        imported(folder, *RUN)
    return folder


@pytest.mark.parametrize(
    "words",
    [(*RUN, "plan=true"), RUN, ("leaderboard", "results")],
    ids=["plan", "a finished run", "leaderboard"],
)
def test_no_heavy_library_is_imported_to_look(finished: Path, words: tuple[str, ...]) -> None:
    assert imported(finished, *words) == ""
