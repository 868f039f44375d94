"""What configs/model says of checkpoints: their commits, and what their cards say of generation."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from harness.config import compose
from harness.names import written
from harness.overrides import yaml_texts
from harness.targets import locate
from harness.types import Generation

FOLDER = Path(__file__).parents[1] / "configs" / "model"
NAMED = [  # those of one checkpoint of the hub; the LLaVA-NeXT ones follow its branch main
    path
    for path in sorted(FOLDER.glob("*.yaml"))
    if not path.stem.startswith(("tiny_", "hub", "hosted", "llava_next"))
]


def test_a_checkpoint_is_pinned_or_its_pin_was_not_found() -> None:
    lines = {
        path.stem: line
        for path in NAMED
        for line in path.read_text().splitlines()
        if line.startswith("revision:")
    }
    assert set(lines) == {path.stem for path in NAMED}
    pinned = {n for n, line in lines.items() if re.match(r"revision: [0-9a-f]{40}( |$)", line)}
    loose = set(lines) - pinned
    assert all(lines[name].startswith("revision: null ") for name in loose), loose
    assert all("# not looked up" in lines[name] for name in loose), loose
    assert len(pinned) >= 50


def test_no_two_checkpoints_share_a_commit() -> None:
    commits = [c for p in NAMED if (c := yaml.safe_load(p.read_text())["revision"])]
    assert len(commits) == len(set(commits))


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("aya_vision_32b", {"temperature": 0.3}),
        ("gemma3n_e2b", {"temperature": 1.0, "top_p": 0.95, "top_k": 64}),
        ("glm4_1v_9b", {"temperature": 0.8, "top_p": 0.6, "top_k": 2}),
        ("glm4_5v", {"temperature": 1.0, "top_p": 0.0001, "top_k": 1}),
        (
            "glm4_6v_flash",
            {"temperature": 0.8, "top_p": 0.6, "top_k": 2, "repetition_penalty": 1.1},
        ),
        ("kimi_k2_5", {"temperature": 0.6, "top_p": 0.95}),
        ("mistral_small_3_1_24b", {"temperature": 0.15}),
        ("molmo2_4b", {}),
        ("perception_lm_1b", {}),
        ("qwen2_5_vl_72b", {"repetition_penalty": 1.05}),
        ("qwen2_vl_2b", {}),  # not Qwen2.5-VL's penalty
        (
            "qwen3_5_2b",
            {"temperature": 0.7, "top_p": 0.8, "top_k": 20, "presence_penalty": 1.5},
        ),
        ("video_llava_7b", {}),
        ("videollama3_2b", {}),
    ],
)
def test_a_card_s_generation_reaches_every_size(model: str, said: dict[str, float]) -> None:
    found = compose([f"model={model}", "task=videomme", "generation=card", "backend=fake"])
    assert found.generation == Generation(**said)  # type: ignore[arg-type]


def test_molmo2_sees_two_frames_a_second_and_the_last() -> None:
    found = compose(["model=molmo2_4b", "sampling=card"]).sampling
    assert (found.rule, found.frames, found.last) == ("fps:2", 384, True)


def test_what_a_card_says_is_called_by_its_own_name() -> None:
    """Every field that no backend's YAML sets, but from the model's."""
    texts = yaml_texts("backend")
    own = {
        key
        for text in texts
        for key, value in yaml.safe_load(text).items()
        if "model." not in str(value)
    }
    for field in fields(locate("harness.models.transformers.Transformers", "")):
        top = "backend" if field.name in own | {"frames"} else "model"
        assert written(f"backend.{field.name}.x") == f"{top}.{field.name}.x"
    assert written("protocol.prompt.template") == "task.prompt.template"
    assert written("protocol") == "protocol"
