"""Which clips of a benchmark are asked about: all, or a stratified few."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence

from harness.types import Clip

Groups = tuple[tuple[str, str], ...]
"""Every (group, value) that a clip's questions are in, one after another."""


def select(clips: Sequence[Clip], limit: int | None) -> list[Clip]:
    """At most ``limit`` whole clips, spread evenly over every breakdown of their questions.

    Greedy and deterministic: each step takes the first clip whose groups are the least covered
    so far. The chosen clips keep the benchmark's order.
    """
    if limit is None or limit >= len(clips):
        return list(clips)
    alike = _alike(clips)
    covered: Counter[tuple[str, str]] = Counter()

    def coverage(key: Groups) -> float:
        return sum(covered[group] for group in key) / max(len(key), 1)

    # Coverage only grows, so an entry whose coverage is still what it was when it was put in is the
    # smallest; the others are put back with what it is now.
    waiting = [(0.0, queue[-1], key) for key, queue in alike.items()]
    heapq.heapify(waiting)
    chosen: list[int] = []
    while len(chosen) < limit:
        known, index, key = heapq.heappop(waiting)
        if (now := coverage(key)) != known:
            heapq.heappush(waiting, (now, index, key))
            continue
        chosen.append(alike[key].pop())
        covered.update(key)
        if alike[key]:
            heapq.heappush(waiting, (coverage(key), alike[key][-1], key))
    return [clips[index] for index in sorted(chosen)]


def _alike(clips: Sequence[Clip]) -> dict[Groups, list[int]]:
    """Clips with the same groups, which are always equally covered: a queue of their places, the
    first of them last, for each keeps a step cheap."""
    alike: dict[Groups, list[int]] = {}
    for index in reversed(range(len(clips))):
        groups = tuple(
            (name, value)
            for question in clips[index].questions
            for name, values in question.groups.items()
            for value in values
        )
        alike.setdefault(groups, []).append(index)
    return alike
