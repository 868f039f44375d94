"""The shell completes commands, keys and names, without torch or Hydra being imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.cli import COMMANDS, main
from harness.cli.completion import SHELLS, words_like


def completed(line: str, folder: Path) -> list[str]:
    """What the shell is offered behind ``line``, by the protocol of argcomplete's own script."""
    out = folder / "offered"
    told = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(out),
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }
    code = (
        "import sys, atexit, os; from harness.cli.completion import complete_if_asked\n"
        "real = os._exit\n"
        "os._exit = lambda code: real(9 if {'torch', 'hydra'} & set(sys.modules) else code)\n"
        "complete_if_asked()"
    )
    words = [sys.executable, "-c", code]
    ran = subprocess.run(words, env={**os.environ, **told}, cwd=folder, capture_output=True)
    assert ran.returncode == 0, ran.stderr
    return sorted(word.strip() for word in out.read_text().splitlines())


def test_the_first_word_is_a_command_or_a_setting(tmp_path: Path) -> None:
    offered = completed("harness ", tmp_path)
    assert {*COMMANDS, "task=", "model=", "frames="} <= set(offered)
    assert completed("harness lead", tmp_path) == ["leaderboard"]


def test_names_of_a_group_the_working_folder_s_own_included(tmp_path: Path) -> None:
    (tmp_path / "configs" / "task").mkdir(parents=True)
    (tmp_path / "configs" / "task" / "demo_of_mine.yaml").write_text("{}")
    assert completed("harness task=demo", tmp_path) == [
        "task=demo", "task=demo/open", "task=demo/subtitles", "task=demo_of_mine",
    ]  # fmt: skip
    assert completed("harness task=demo model=tiny_i", tmp_path) == ["model=tiny_image"]


def test_a_command_s_own_options(tmp_path: Path) -> None:
    assert "--junit" in completed("harness gate --j", tmp_path)
    assert "model=tiny_image" in completed("harness doctor model=tiny_i", tmp_path)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_its_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "harness" in capsys.readouterr().out


def test_words_that_begin_like_this() -> None:
    assert words_like("allow_") == ["allow_failures=", "allow_overflow="]
    assert words_like("com", COMMANDS) == ["compare", "completion"]
