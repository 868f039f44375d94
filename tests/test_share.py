"""The share of a device's arithmetic that a run made use of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from harness.run.share import share_of_peak
from harness.types import Question, Record, Response, Usage

Asked = tuple[int, tuple[int, ...], int]


@dataclass
class Costed:
    """A model whose operations are its tokens, at 100 a second."""

    rate: float | None = 100.0
    asked: list[Asked] = field(default_factory=list)

    def operations(self, frames: int, tokens: Sequence[int], new: int) -> float:
        self.asked.append((frames, tuple(tokens), new))
        return float(sum(tokens) + new * len(tokens))


def record(video: str, read: int, written: int, seconds: float, frames: int = 2) -> Record:
    response = Response("q", "A", usage=Usage(read, written), seconds=seconds)
    return Record(Question(f"{video}{read}", "?"), video, "?", tuple(range(frames)), (), response)


def test_clips_are_counted_once_each_by_what_was_read_and_written() -> None:
    model = Costed()
    records = [record("a", 10, 1, 0.5), record("b", 20, 2, 0.5), record("a", 30, 3, 1.0)]
    assert share_of_peak(model, records) == pytest.approx((10 + 30 + 4 + 20 + 2) / 2.0 / 100)
    assert model.asked == [(2, (10, 30), 2), (2, (20,), 2)]


def test_what_failed_needed_nothing() -> None:
    failed = Record(Question("f", "?"), "a", "?", (0, 1), status="failed")
    one = record("a", 10, 0, 1.0)
    assert share_of_peak(Costed(), [one, failed]) == share_of_peak(Costed(), [one])


@pytest.mark.parametrize(
    ("model", "records"),
    [
        (Costed(rate=None), [record("a", 10, 1, 0.5)]),  # a CPU
        (object(), [record("a", 10, 1, 0.5)]),
        (Costed(), []),
        (Costed(), [record("a", 10, 1, 0.0)]),  # answered in no time: a fake
    ],
)
def test_where_nothing_is_known_nothing_is_said(model: object, records: list[Record]) -> None:
    assert share_of_peak(model, records) is None
