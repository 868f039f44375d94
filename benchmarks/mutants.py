"""What share of the changed programs no test noticed: ``python -m benchmarks.mutants``.

After ``mutmut run`` (``make mutants``). One row a file: how many changes were made to code that
some test runs, how many survived all tests; and how many were made to code that no test runs.
"""

from __future__ import annotations

import json
from pathlib import Path

from tabulate import tabulate

SURVIVED, UNTESTED = 0, 33
"""Exit codes of pytest as mutmut keeps them: 0 all passed, 1 some failed, 3 an error; 33: no test
runs the function; None: not tried yet."""


def main() -> int:
    """Prints the table. 0, or 1 when mutmut has not run."""
    found = sorted(Path("mutants").rglob("*.meta"))
    counts = {str(path.relative_to("mutants").with_suffix("")): counted(path) for path in found}
    counts = {name: numbers for name, numbers in counts.items() if any(numbers)}
    if not counts:
        print("no mutants: make them with `mutmut run`")
        return 1
    tested, survived, untested = (sum(numbers[i] for numbers in counts.values()) for i in range(3))
    counts["all"] = (tested, survived, untested)
    heads = ("file", "tested", "survived", "share", "no test runs it")
    rows = [
        (name, tested, survived, f"{100 * survived / max(tested, 1):.0f}%", untested)
        for name, (tested, survived, untested) in counts.items()
    ]
    print(tabulate(rows, heads, "pipe"))
    return 0


def counted(path: Path) -> tuple[int, int, int]:
    """One file's mutants that were tested, that survived, and that no test runs."""
    codes = list(json.loads(path.read_text())["exit_code_by_key"].values())
    untested = codes.count(UNTESTED)
    return len(codes) - untested - codes.count(None), codes.count(SURVIVED), untested


if __name__ == "__main__":
    raise SystemExit(main())
