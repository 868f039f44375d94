"""Video-MME-v2's group scores: four questions about a video earn more together than apart.

MME-Benchmarks/Video-MME-v2, evaluation/test_video_mme_v2.py. In 0..1 instead of 0..100. The source
counts an unread answer as -1, which lowers a consistency group and passes for right in a
coherence group; here it is wrong in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod

from harness.errors import DataError

CONSISTENCY = (0, 1 / 16, 4 / 16, 9 / 16, 1)
COHERENCE = {
    "[1,2,3,4]": (0, 1 / 16, 4 / 16, 9 / 16, 1),
    "[1,[2,3],4]": (0, 1 / 12, 4 / 12, 7 / 12, 1),
    "[[1,2],3,4]": (0, 1 / 10, 2 / 10, 5 / 10, 1),
}


def group_score(kind: str, structure: str, scores: Sequence[float]) -> float:
    """What a group of four earns, 0..1; its expectation where ``scores`` are probabilities.

    ``kind`` is "relevance" (by the number of right answers) or "logic" (by the unbroken chain of
    them from the first); ``structure`` tells which questions stand side by side in the chain.
    Raises DataError for another kind or structure.
    """
    total = 0.0
    for pattern in product((False, True), repeat=len(scores)):
        chance = prod(p if right else 1 - p for p, right in zip(scores, pattern, strict=True))
        if chance:
            total += chance * _points(kind, structure, pattern)
    return total


def _points(kind: str, structure: str, right: Sequence[bool]) -> float:
    if kind == "relevance":
        return CONSISTENCY[sum(right)]
    shape = structure.replace(" ", "")
    if kind != "logic" or shape not in COHERENCE:
        raise DataError(f"A group of kind {kind!r} and structure {structure!r} cannot be scored.")
    chain = right.index(False) if False in right else 4
    # of two questions side by side, the second alone is as good as the first
    if (shape == "[1,[2,3],4]" and chain == 1 and right[2]) or (
        shape == "[[1,2],3,4]" and chain == 0 and right[1]
    ):
        chain += 1
    return COHERENCE[shape][chain]
