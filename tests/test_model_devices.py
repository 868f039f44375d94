"""No tensor is on the wrong device: each family's whole way, on a device that is not there.

python -m tests.test_model_devices [FAMILY …]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.models.transformers import torchvision

ROOT = Path(__file__).parents[1]


def outputs(engine: Any, asked: Any) -> dict[str, tuple[list[int], list[float]]]:
    from harness.types import Generation

    return {
        branch.prompt.key: (branch.output_ids, branch.first_logits.float().cpu().tolist())
        for clip in engine.run([asked], Generation(max_new_tokens=3))
        for branch in clip.branches
    }


def main(names: list[str]) -> None:
    """Prints for each family "same", or what went wrong; in a process of its own, since torch takes
    the device for this machine's from then on."""
    import numpy as np

    from harness.models.transformers import Transformers
    from harness.types import Clip, Prompt, Question, Sample, Text, Turn, Video
    from tests import fake_device, families

    shown = families.noise(4)
    prompts = tuple(
        Prompt(Question(text, text), (Turn("user", (Video(), Text(text))),))
        for text in ("What colour is the ball?", "Where does it go?")
    )
    asked = Sample(Clip("c", None), families.information(shown), shown, prompts)
    engines, expected = {}, {}
    for name in names or families.FAMILIES:
        settings = Transformers(
            str(families.build(name)),
            frames_as="images" if families.FAMILIES[name].frames_as == "images" else "video",
            dtype="float32",
            device="cpu",
            self_test=False,
        )
        engines[name] = settings.load()
        expected[name] = outputs(engines[name], asked)
    found: dict[str, str] = {}
    with fake_device.device():
        for name, engine in engines.items():
            fake_device.move(engine.model)
            assert engine.model.device == fake_device.DEVICE
            try:
                there = outputs(engine, asked)
            except (RuntimeError, TypeError, NotImplementedError) as error:
                found[name] = str(error).splitlines()[0]
                continue
            same = all(
                there[key][0] == tokens and np.allclose(there[key][1], logits, atol=1e-4)
                for key, (tokens, logits) in expected[name].items()
            )
            found[name] = "same" if same else "other answers"
    print(json.dumps(found))


@pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)
def test_every_family_runs_on_a_device_of_its_own() -> None:
    from tests import families

    command = [sys.executable, "-m", "tests.test_model_devices"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == dict.fromkeys(families.FAMILIES, "same")


def test_two_devices_do_not_mix() -> None:
    script = (
        "import torch\n"
        "from tests import fake_device\n"
        "with fake_device.device():\n"
        "    there = torch.ones(3, device=fake_device.DEVICE)\n"
        "    print(there.device, (there + torch.tensor(1.0)).tolist(), there.cpu().device)\n"
        "    there + torch.ones(3)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "privateuseone:0 [2.0, 2.0, 2.0] cpu"
    assert "tensors on the CPU beside those on a GPU: [(3,)]" in done.stderr.splitlines()[-1]


if __name__ == "__main__":
    main(sys.argv[1:])
