"""Each family at a 7B's widths on a device that is not there, without numbers: no tensor is on the
wrong device through write, see, advance and head, and what it takes is what the plan says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from harness.models.transformers import torchvision
from tests import fake_device

# Gemma 3n's tower, a network of convolutions, is not in the plan's estimate
APART = {"gemma3n": 0.04}

ROOT = Path(__file__).parents[1]


@pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)
def test_every_family_at_the_shapes_of_a_7b() -> None:
    from tests import families

    script = (  # one process: to import all takes as long as to count five families
        "from tests.families.shapes import main\n"
        "main([], whole=False, as_json=True)\n"
        "main(['qwen3_vl'], whole=True, as_json=True)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    *lines, whole = [json.loads(li) for li in done.stdout.splitlines() if li.startswith("{")]
    found = {name: each for line in lines for name, each in line.items()}
    assert found.keys() == families.FAMILIES.keys()
    published = whole["qwen3_vl"]
    assert published["parameters"] == pytest.approx(8.7e9, rel=0.01)
    assert published["estimated"] == pytest.approx(published["flops"], rel=0.001)
    failed = {name: each for name, each in found.items() if isinstance(each, str)}
    assert not failed
    for name, each in found.items():
        assert each["weights"] == pytest.approx(2 * each["parameters"], rel=0.001), name
        assert each["weights"] < each["peak"] < each["weights"] + 5e8, name
        assert each["estimated"] == pytest.approx(each["flops"], rel=APART.get(name, 0.03)), name
        assert each["longer"] > 1.5 * each["flops"] > 0, name


@pytest.mark.parametrize(
    ("function", "sizes"),
    [
        ("linear", [(2, 5, 8), (3, 8), (3,)]),
        ("matmul", [(2, 5, 8), (8, 3)]),
        ("scaled_dot_product_attention", [(1, 2, 5, 8), (1, 2, 7, 8), (1, 2, 7, 8)]),
        ("conv2d", [(1, 3, 8, 8), (4, 3, 2, 2)]),
    ],
)
def test_products_are_counted_as_torch_does(function: str, sizes: list[tuple[int, ...]]) -> None:
    operation = getattr(torch.ops.aten, function)
    given = [torch.empty(size, device="meta") for size in sizes]
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        made = operation(*given)
    assert fake_device.PRODUCTS[operation](made, *given) == counter.get_total_flops() > 0
