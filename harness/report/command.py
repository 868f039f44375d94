"""How every report command ends: an exit code, or one line about what is wrong and 2."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from harness.errors import HarnessError


def ends(main: Callable[[], int]) -> NoReturn:
    """Runs a command's ``main`` and exits with what it returns; 2 for a HarnessError."""
    try:
        code = main()
    except HarnessError as error:
        complain(str(error))
        code = 2
    sys.exit(code)


def complain(line: str) -> None:
    """Says one line about a problem, on standard error."""
    print(f"harness: {line}", file=sys.stderr)
