"""What a gate looks at, what it lets through, and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from harness import stats
from harness.errors import RequestError
from harness.metrics import Summing
from harness.types import Metric

ALPHA = 1 - stats.LEVEL
DROP = 0.05
"""The usual largest drop, as a share of the headline's scale: 5 points of an accuracy."""

_WAIVER = re.compile(r"(?P<check>[^=]+)=(?P<until>\d{4}-\d\d-\d\d)\s+(?P<reason>\S.*)")


@dataclass(frozen=True)
class Check:
    """One thing the gate looks at; ``detail`` says what it saw."""

    name: str
    passed: bool
    detail: str


@dataclass(frozen=True)
class Waiver:
    """A check, or a part ("task_type: Order"), that may fail until a day (included), and why."""

    check: str
    until: date
    reason: str

    @classmethod
    def read(cls, text: str) -> Waiver:
        """From ``CHECK=YYYY-MM-DD REASON``. Raises RequestError."""
        found = _WAIVER.fullmatch(text.strip())
        try:
            if found is None:
                raise ValueError("no date and reason")
            return cls(found["check"].strip(), date.fromisoformat(found["until"]), found["reason"])
        except ValueError as error:
            raise RequestError(
                f"--waive {text!r}: {error}; write CHECK=YYYY-MM-DD REASON, such as "
                "'task_type: Order=2027-01-31 the new decoder drops a frame'"
            ) from error


@dataclass(frozen=True)
class Rules:
    """What a gate lets through.

    ``max_drop`` is the largest drop of the headline let through though it may be chance, in the
    metric's own scale (0.05: 5 points of an accuracy, 0.2: of a judge's 0 to 5; None: ``DROP`` of
    the scale, and for a metric without bounds whatever is not significant); ``alpha`` is how often
    a run that is no worse may fail each test; ``tolerances`` are drops that single parts may have,
    by "group: value": such a part fails when it is sure to be worse, and worse by more than that.
    ``exact`` fails on any changed answer; ``ignore`` names fields of the request that may differ.
    """

    max_drop: float | None = None
    alpha: float = ALPHA
    exact: bool = False
    ignore: tuple[str, ...] = ()
    tolerances: Mapping[str, float] = field(default_factory=dict)
    waivers: tuple[Waiver, ...] = ()

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise RequestError(f"--alpha {self.alpha:g}: must lie between 0 and 1, such as 0.05")
        for name, drop in {"--max-drop": self.max_drop or 0.0, **self.tolerances}.items():
            if not drop >= 0:
                raise RequestError(f"{name}: no drop is below 0; write a number from 0")

    def drop_of(self, headline: Metric) -> float | None:
        """The largest drop of this headline, in its own scale; None: only a significant one
        counts."""
        if self.max_drop is not None or not isinstance(headline, Summing):
            return self.max_drop
        low, high = headline.low, headline.high
        return None if low is None or high is None else DROP * (high - low)
