"""The documentation builds without a warning, and its generated pages say what the code says."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_the_generated_pages_are_those_of_the_code() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "generate.py"))
    for name, text in made["pages"]():
        kept = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert kept == text, f"docs/{name}: run `make docs`"


def test_it_builds_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "concepts" / "index.html").is_file()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_every_page_is_in_the_table_of_contents(page: Path) -> None:
    assert page.name in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
