"""How every command ends: its exit code, or one line about what is wrong and why."""

from __future__ import annotations

import os
import sys
import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path

from harness.errors import HarnessError

STOPPED = 130
"""The exit code after Ctrl-C, as shells have it."""


def ended(command: Callable[[], int]) -> int:
    """Runs a command to its end: its own code; 2 for a HarnessError, in one line; 1 for a bug in a
    user's own code, shown with the user's lines only. A bug of the harness keeps its traceback."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except HarnessError as error:
        complain(str(error))
        return 2
    except BrokenPipeError:  # `… | head`: no one reads on, and flushing at exit must not say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        complain("stopped")
        return STOPPED
    except Exception as error:
        shown = users_bug(error)
        if shown is None:
            raise
        print(shown, file=sys.stderr)
        return 1


def complain(line: str) -> None:
    """Says one line about a problem, on standard error."""
    print(f"harness: {line}", file=sys.stderr)


def users_bug(error: BaseException) -> str | None:
    """An error raised by code in the working folder, with its lines; None for anybody else's."""
    from harness.run.raised import WorkerTraceback

    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error.__cause__, WorkerTraceback):
        frames = error.__cause__.frames
    mine = [frame for frame in frames if _users(frame.filename)]
    if not mine:
        return None
    last = mine[-1]
    kind = type(error).__name__
    lines = traceback.format_list(mine)
    place = f"{_short(last.filename)}, line {last.lineno}, in {last.name}"
    return f"harness: a bug in {place}: {kind}: {error}\n{''.join(lines)}{kind}: {error}"


def _users(file: str) -> bool:
    """Whether a source file is the user's: in the working folder, and no package's."""
    path = Path(file)
    if not path.is_file() or not path.resolve().is_relative_to(Path.cwd().resolve()):
        return False
    ours = [Path(__file__).resolve().parents[1], *map(Path, sysconfig.get_paths().values())]
    return not any(path.resolve().is_relative_to(folder) for folder in ours)


def _short(file: str) -> str:
    return str(Path(file).resolve().relative_to(Path.cwd().resolve()))
