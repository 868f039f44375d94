"""Each family at a 7B's widths on a device that is not there, without numbers: no tensor is on the
wrong device through write, see, advance and head, and what it takes is what the plan says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.models.transformers import torchvision

# what goes through with numbers (``test_model_devices``) and not yet without: their forward chooses
# by values of fractions, or by whole numbers kept in tensors that have none here; of Gemma 3n the
# bytes counted are 5% less than its parameters take
LEFT = {"gemma3n", "gemma4", "molmo2", "minicpmv4_6", "kimi_k25"}
# experts' kernels are not among the operations that torch counts
UNCOUNTED = {"qwen3_vl_moe", "glm4v_moe"}

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)
def test_every_family_at_the_shapes_of_a_7b() -> None:
    from tests import families

    command = [sys.executable, "-m", "tests.families.shapes", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    found = {name: each for line in lines for name, each in line.items()}
    assert found.keys() == families.FAMILIES.keys()
    failed = {name: each for name, each in found.items() if isinstance(each, str)}
    assert failed.keys() <= LEFT, failed
    for name, each in found.items():
        if name in LEFT:
            continue
        assert each["weights"] == pytest.approx(2 * each["parameters"], rel=0.02), name
        assert each["weights"] < each["peak"] < each["weights"] + 2e9, name
        if name not in UNCOUNTED:
            assert each["estimated"] == pytest.approx(each["flops"], rel=0.1), name
        assert each["longer"] > 1.5 * each["flops"] > 0, name
