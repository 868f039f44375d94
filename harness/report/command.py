"""How every report command ends: an exit code, or one line about what is wrong and 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NoReturn

from harness.errors import HarnessError


def ends(main: Callable[[], int]) -> NoReturn:
    """Runs a command's ``main`` and exits with what it returns; 2 for a HarnessError."""
    try:
        code = main()
        sys.stdout.flush()
    except HarnessError as error:
        complain(str(error))
        code = 2
    except BrokenPipeError:  # `… | head`: no one reads on, and flushing at exit must not say so
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def complain(line: str) -> None:
    """Says one line about a problem, on standard error."""
    print(f"harness: {line}", file=sys.stderr)
