"""The plan's least time and the summary's share of it, for checkpoints of several families."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import compose
from harness.models.transformers import Transformers, torchvision
from harness.run.loop import run
from harness.run.plan import make_plan
from harness.run.questions import prepared

pytestmark = pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)
RATE = 1e8  # operations a second


@pytest.mark.parametrize(
    "name", ["internvl", "qwen2_5_vl", "gemma3", "qwen3_vl_moe", "minicpmv4_6"]
)
def test_a_plan_has_the_floor_and_a_summary_the_share_of_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests import families

    monkeypatch.setattr(Transformers, "rate", RATE)  # as of a GPU, where it is measured
    request = compose(
        [
            "model=hub",
            f"model.checkpoint={families.build(name)}",
            f"model.frames_as={families.FAMILIES[name].frames_as}",
            "model.dtype=float32",
            "backend.device=cpu",
            "task=demo",
            "limit=2",
            "frames=4",
            "generation.max_new_tokens=2",
            "video.workers=0",
            f"results={tmp_path}",
        ]
    )
    plan = make_plan(request, prepared(request))
    assert plan.operations > 0
    floor = f"{plan.operations / RATE:,.0f} s at 0.1 GFLOP/s (cpu)"
    told: list[str] = []
    summary = run(request, tell=told.append, progress=False).summary
    assert any(line.endswith(floor) for text in told for line in text.splitlines())
    # clips as they were, beside those of 1280 x 720 that the plan takes: each is made as small
    assert summary.share == pytest.approx(plan.operations / RATE / summary.seconds, rel=0.05)
