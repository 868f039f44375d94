"""Each family at a 7B's widths on a device that is not there, without numbers: no tensor is on the
wrong device through write, see, advance and head, and what it takes is what the plan says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.models.transformers import torchvision

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
    assert {name: each for name, each in found.items() if isinstance(each, str)} == {}
    assert found.keys() == families.FAMILIES.keys()
    for name, each in found.items():
        assert each["weights"] == pytest.approx(2 * each["parameters"], rel=0.02), name
        assert each["weights"] < each["peak"] < each["weights"] + 2e9, name
        assert each["longer"] > 1.5 * each["flops"] > 0, name
