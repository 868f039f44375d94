"""How every command ends: its exit code, or one line about what is wrong and why."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

from harness.errors import HarnessError

STOPPED = 130
"""The exit code after Ctrl-C, as shells have it."""


def ended(command: Callable[[], int]) -> int:
    """Runs a command to its end: its own code; 2 for a HarnessError, and for a file that the
    system refuses, in one line; 1 for a bug in a user's own code, shown with the user's lines only.
    A bug of the harness keeps its traceback."""
    try:
        code = command()
        sys.stdout.flush()
        return code
    except HarnessError as error:
        refused(error)
        return 2
    except BrokenPipeError:  # `… | head`: no one reads on, and flushing at exit must not say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        complain("stopped")
        return STOPPED
    except Exception as error:
        shown = users_bug(error)
        if shown is not None:
            print(shown, file=sys.stderr)
            return 1
        if not isinstance(error, OSError) or error.filename is None:
            raise
        complain(f"{error.filename}: {str(error.strerror).lower()}")
        return 2


def refused(error: HarnessError) -> None:
    """Says what is wrong in one line, and all that its notes say is wrong too in a line each."""
    for line in (str(error), *getattr(error, "__notes__", ())):
        complain(line)


def complain(line: str) -> None:
    """Says one line about a problem, on standard error."""
    print(f"harness: {line}", file=sys.stderr)


def users_bug(error: BaseException) -> str | None:
    """An error raised by code in the working folder, with its lines; None for anybody else's."""
    from harness.run.raised import clause, frames_of, users

    mine = [frame for frame in frames_of(error) if users(frame.filename)]
    if not mine:
        return None
    lines = "".join(traceback.format_list(mine))
    return f"harness: {clause(error)}\n{lines}{type(error).__name__}: {error}"
