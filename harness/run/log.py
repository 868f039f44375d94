"""A run's own log, ``run.log`` in its folder: what was told, what failed, how fast it went."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "run.log"


@contextmanager
def run_log(folder: Path) -> Iterator[logging.Logger]:
    """Appends what the harness logs to ``run.log`` while the block runs; a resumed run goes on in
    the same file. Nothing is left on the logger afterwards."""
    log = logging.getLogger("harness")
    handler = logging.FileHandler(folder / NAME, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level, to_root = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False  # the root may print: the library itself prints nothing
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()
        log.setLevel(level)
        log.propagate = to_root
