"""How the next token is chosen: penalties, bounds and draws, as model cards prescribe them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from harness.models.transformers.sampling import Sampler, is_greedy
from harness.types import Generation

LOGITS = torch.tensor([4.0, 3.0, 2.0, 1.0, 0.0, -1.0])


def drawn(generation: Generation, output: list[int] | None = None, times: int = 400) -> set[int]:
    """Every token that is drawn in so many questions."""
    return {Sampler(generation, f"q{i}", [5]).next(LOGITS, output or []) for i in range(times)}


def test_what_is_greedy() -> None:
    assert is_greedy(Generation())
    assert is_greedy(Generation(top_p=0.5, top_k=3))
    assert not is_greedy(Generation(temperature=0.1))
    assert not is_greedy(Generation(presence_penalty=1.5))
    assert not is_greedy(Generation(repetition_penalty=1.05))


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({}, {0, 1, 2, 3, 4, 5}),
        ({"top_k": 2}, {0, 1}),
        ({"top_p": 0.1}, {0}),
        ({"min_p": 0.3}, {0, 1}),  # at temperature 10: e^-0.1k of the first's probability
    ],
)
def test_bounds_on_what_is_drawn_from(bounds: dict[str, float], expected: set[int]) -> None:
    warm = 1.0 if "min_p" in bounds else 10.0
    assert drawn(Generation(temperature=warm, **bounds)) == expected  # type: ignore[arg-type]


def test_a_question_draws_the_same_whoever_else_is_asked() -> None:
    generation = Generation(temperature=2.0, seed=7)
    first = [Sampler(generation, "q", [1]).next(LOGITS, []) for _ in range(3)]
    assert len(set(first)) == 1
    repeats = {
        Sampler(generation, f"q [rotation 0, repeat {n}]", [1]).next(LOGITS, []) for n in range(40)
    }
    assert len(repeats) > 2


def test_the_presence_penalty_counts_the_output_once() -> None:
    generation = Generation(presence_penalty=1.5)
    assert Sampler(generation, "q", [0]).next(LOGITS, []) == 0  # the prompt does not count
    assert Sampler(generation, "q", [5]).next(LOGITS, [0]) == 1
    assert Sampler(generation, "q", [5]).next(LOGITS, [0, 0, 1]) == 0  # 2.5, 1.5, 2: once each


def test_the_repetition_penalty_counts_prompt_and_output() -> None:
    generation = Generation(repetition_penalty=2.0)
    assert Sampler(generation, "q", [0]).next(LOGITS, []) == 1
    assert Sampler(generation, "q", [0]).next(LOGITS, [1]) == 0  # 2, 1.5, 2: the first of two


def environment(**given: str) -> str:
    """GOMP_SPINCOUNT as a process has it once the models' package was imported."""
    script = (
        "import harness.models, os, sys\n"
        "print(os.environ['GOMP_SPINCOUNT'], 'torch' in sys.modules)"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GOMP", "OMP"))} | given
    here = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=env,
        cwd=here,
        check=True,
    )
    return done.stdout.strip()


def test_threads_wait_asleep_unless_told_otherwise() -> None:
    assert environment() == "10000 False"
    assert environment(GOMP_SPINCOUNT="77") == "77 False"
