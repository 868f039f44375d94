"""Each family at the shapes of a 7B on a device that is not there, without numbers: no tensor on
the wrong device through write, see, advance and head; operations and peak bytes are counted.

python -m tests.test_model_shapes [FAMILY …]
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.models.transformers import torchvision

ROOT = Path(__file__).parents[1]
FRAMES = 4


def count(name: str) -> dict[str, Any]:
    """What a clip with two questions of two tokens takes: TFLOP counted and estimated, bytes."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoModelForImageTextToText

    from harness.models.transformers.chat import ChatTemplate
    from harness.models.transformers.engine import Engine
    from harness.models.transformers.processor import ProcessorWriter
    from harness.types import Clip, Generation, Prompt, Question, Sample, Text, Turn, Video
    from tests import fake_device, families
    from tests.families.published import at_7b

    _, processor = families.loaded(name)
    as_images = families.FAMILIES[name].frames_as == "images"
    writer = ProcessorWriter(
        processor,
        ChatTemplate(processor.chat_template, processor, processor.tokenizer.bos_token or ""),
        frames_as="images" if as_images else "video",
    )
    shown = families.noise(FRAMES)
    prompts = tuple(
        Prompt(Question(text, text), (Turn("user", (Video(), Text(text))),))
        for text in ("What colour is the ball?", "Where does it go?")
    )
    asked = Sample(Clip("c", None), families.information(shown), shown, prompts)
    with torch.device("meta"):
        model = AutoModelForImageTextToText.from_config(at_7b(name), dtype=torch.bfloat16).eval()
    gc.collect()
    before = fake_device.peak.now
    fake_device.move(model)
    weights = fake_device.peak.now - before
    fake_device.peak.start()
    engine = Engine(model, writer, context=100_000, stops=frozenset())
    with FlopCounterMode(display=False) as counter:
        [clip] = engine.run([asked], Generation(max_new_tokens=2))
    assert [len(branch.output_ids) for branch in clip.branches] == [2, 2]
    assert model.device == fake_device.DEVICE
    return {
        "parameters": sum(p.numel() for p in model.parameters()),
        "weights": weights,
        "peak": fake_device.peak.most - before,
        "flops": counter.get_total_flops(),
        "tokens": [len(branch.written.tokens) for branch in clip.branches],
    }


def main(names: list[str]) -> None:
    """Prints what each family takes, or what went wrong; in a process of its own, since torch takes
    the device for this machine's from then on."""
    from tests import fake_device, families

    found: dict[str, Any] = {}
    for name in names or families.FAMILIES:
        with fake_device.device():
            try:
                found[name] = count(name)
            except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
                found[name] = f"{type(error).__name__}: {error}"[:300]
    print(json.dumps(found))


@pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)
def test_every_family_at_the_shapes_of_a_7b() -> None:
    from tests import families

    command = [sys.executable, "-m", "tests.test_model_shapes"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: each for name, each in found.items() if isinstance(each, str)} == {}
    assert found.keys() == families.FAMILIES.keys()
    for name, each in found.items():
        assert each["weights"] == pytest.approx(2 * each["parameters"], rel=0.02), name
        assert each["weights"] < each["peak"] < each["weights"] + 2e9, name
        # two operations a weight and token is the least: what is shared goes through once
        assert each["flops"] > 1e11, name


if __name__ == "__main__":
    main(sys.argv[1:])
