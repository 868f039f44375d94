"""What is known of a model before it is loaded: without torch where its files spell it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import harness.demo
from harness.models.transformers import Transformers, configuration, memory
from harness.models.transformers.checkpoint import parameters

CHECKPOINT = Path(harness.demo.__path__[0]) / "checkpoints" / "tiny_video"


def settings(folder: Path = CHECKPOINT, **given: object) -> Transformers:
    made = {"tokens_per_frame": 4, "dtype": "float32", "device": "cpu"} | given
    return Transformers(str(folder), **made)  # type: ignore[arg-type]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(CHECKPOINT, tmp_path / "copy"))


def test_planning_loads_no_torch() -> None:
    script = (
        "import sys\n"
        "from harness.models.transformers import Transformers\n"
        "from harness.types import Prompt, Question, Text, Turn, Video\n"
        f"model = Transformers({str(CHECKPOINT)!r}, tokens_per_frame=4)\n"
        "prompt = Prompt(Question('q', 'Why?'), (Turn('user', (Video(), Text('Why?'))),))\n"
        "model.identity(), model.frame_size, model.count([prompt], 8), model.memory(8)\n"
        "print([m for m in ('torch', 'torchvision') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("rope", ["checkpoint", "none", "linear:2.5", "auto"])
def test_files_and_classes_say_the_same(copy: Path, rope: str) -> None:
    """A file that leaves something to its class is read by the class: to the same plan."""
    quick = settings(copy, rope_scaling=rope, frames=2000)
    expected = (quick.identity(), quick.memory(8), quick.frame_size)
    config = json.loads((copy / "config.json").read_text())
    del config["text_config"]["num_key_value_heads"]  # as many as heads, the class says
    (copy / "config.json").write_text(json.dumps(config))
    slow = settings(copy, rope_scaling=rope, frames=2000)
    assert configuration.config_file.spelled(copy) is None
    assert (slow.memory(8), slow.frame_size) == expected[1:]
    assert {**slow.identity(), "content": ""} == {**expected[0], "content": ""}


def test_parameters_are_counted_in_the_files(copy: Path) -> None:
    counted = parameters(copy)
    assert counted == memory._weightless_bytes(settings(copy), copy) // 4
    (copy / "model.safetensors").unlink()
    assert parameters(copy) == 0
    assert settings(copy).memory(8).weights == 4 * counted  # of a model without weights


def test_a_machine_without_a_gpus_driver_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.models.transformers.devices.may_have_gpu", lambda: False)
    assert settings(device="auto").resolved_device() == "cpu"
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert settings(device="cuda:1").resolved_device() == "cuda:1"
