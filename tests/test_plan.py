"""Preflight: what a run will need is said, and what cannot fit is refused, before weights load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.backends.memory import Needs
from harness.config import compose
from harness.errors import PlanError
from harness.plan import Plan, make_plan
from harness.types import Clip, Question
from tests.small_models import save

GB = 10**9


def plan(**changes: object) -> Plan:
    """32 frames of 144 tokens for a 34B model's 4,096."""
    needs = Needs(
        context=4096,
        weights=14 * GB,
        kv_per_token=524_288,
        activations=GB,
        device="cuda",
        memory=80 * GB,
        in_flight=2,
    )
    made = Plan(
        clips=2,
        questions=6,
        frames=32,
        missing=(),
        tokens=(4658, 4700),
        longest="q2",
        new=16,
        tokens_per_frame=144,
        per_clip=3,
        needs=needs,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def test_32_frames_of_144_tokens_do_not_fit_4096() -> None:
    with pytest.raises(PlanError) as raised:
        plan().refuse()
    line = str(raised.value)
    assert "question q2: its prompt of 4,700 tokens" in line
    assert "exceed the context of 4,096 by 620" in line
    assert "frames=27 fits" in line  # 620 tokens are more than four frames
    assert "model.rope_scaling=auto" in line
    assert "allow_overflow=true" in line
    plan().refuse(allow_overflow=True)


def test_a_longer_context_fits() -> None:
    made = plan()
    assert made.needs is not None
    replace(made, needs=replace(made.needs, context=8192)).refuse()  # type: ignore[type-var]


def test_too_little_memory() -> None:
    made = plan(tokens=(400,))
    assert made.needs is not None
    small = replace(made, needs=replace(made.needs, memory=12 * GB))  # type: ignore[type-var]
    with pytest.raises(PlanError, match=r"of memory are needed and cuda has 12.0 GB: .*=nf4"):
        small.refuse()


def test_it_says_what_a_run_needs() -> None:
    said = str(plan(missing=("a", "b", "c", "d")))
    assert "2 clips, 6 questions, 32 frames each" in said
    assert "prompts of up to 4,700 tokens (median 4,679) + 16 new, in a context of 4,096" in said
    assert "weights 14.0 GB" in said
    assert "4 videos are missing: a, b, c, …" in said


def test_a_backend_without_a_context_is_never_refused() -> None:
    made = plan(tokens=(), needs=None)
    made.refuse()
    assert str(made) == "2 clips, 6 questions, 32 frames each"


def test_tokens_are_counted_from_the_checkpoints_tokenizer(tmp_path: Path) -> None:
    folder = save(tmp_path / "model", "vicuna")
    (folder / "model.safetensors").unlink()  # no weights are needed to plan
    request = compose(
        [f"model.checkpoint={folder}", "frames=6", "task=demo", "model.rope_scaling=checkpoint"]
    )
    question = Question("q1", "What colour is the ball?", ("red", "blue"), "A")
    clips = [Clip("c1", tmp_path / "c1.mp4", (question, replace(question, id="q2")))]
    made = make_plan(request, clips)
    assert (made.clips, made.questions, made.frames, made.missing) == (1, 2, 6, ("c1",))
    assert made.tokens_per_frame == 4
    prompt = request.benchmark.prompt(clips[0], question, ())
    assert made.tokens == tuple(request.backend.count([prompt, prompt], 6) or ())
    assert made.needs is not None
    assert made.needs.context == 2560
    made.refuse()
