"""What share of the changed programs no test noticed: ``python -m benchmarks.mutants``.

After ``mutmut run`` (``make mutants``). One row a file: how many changes were made to code that some
test runs, how many survived all tests; and how many were made to code that no test runs.
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
    rows = [row(path) for path in found]
    rows = [entry for entry in rows if entry["tested"] or entry["untested"]]
    if not rows:
        print("no mutants: make them with `mutmut run`")
        return 1
    total = {name: sum(entry[name] for entry in rows) for name in ("tested", "survived")}
    untested = sum(entry["untested"] for entry in rows)
    rows.append({"file": "all", **total, "untested": untested})
    for entry in rows:
        entry["share"] = f"{100 * entry['survived'] / max(entry['tested'], 1):.0f}%"
    print(tabulate(rows, "keys", "pipe"))
    return 0


def row(path: Path) -> dict[str, object]:
    """The counts of one file."""
    codes = list(json.loads(path.read_text())["exit_code_by_key"].values())
    untested = codes.count(UNTESTED)
    name = path.relative_to("mutants").with_suffix("")
    return {
        "file": str(name),
        "tested": len(codes) - untested - codes.count(None),
        "survived": codes.count(SURVIVED),
        "untested": untested,
    }


if __name__ == "__main__":
    raise SystemExit(main())
