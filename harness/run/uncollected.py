"""The search for garbage, put off while there is none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """No search for reference cycles while the block runs. Where records and questions are made by
    the hundred thousand all of them are kept, and going through them again and again, as Python
    does when many objects are made, takes a third of the time (benchmarks/large.py). Not for a
    block in which a model runs: what it drops may lie in cycles."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # else a program has frozen its own, which must stay so
            gc.freeze()
            gc.unfreeze()  # what was made counts as old now, without a look at it
        gc.enable()
