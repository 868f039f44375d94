"""Simulated benchmarks: what the tables of ``benchmarks.statistics`` have in common."""

from __future__ import annotations

import numpy as np

PER_VIDEO = 3


def difficulties(
    rng: np.random.Generator, videos: int, mean: float, spread: float = 2.0
) -> np.ndarray:
    """How likely each video's questions are answered rightly [videos]: questions of one video have
    a correlation of 1 / (spread + 1)."""
    return rng.beta(mean * spread, (1 - mean) * spread, size=videos)


def clusters(videos: int) -> list[int]:
    return np.repeat(np.arange(videos), PER_VIDEO).tolist()


def percent(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}%" if of else "?"
