"""The tiny builds are what they claim; plain ``generate`` on them is a truth to hold against."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from harness.types import Clip, Prompt, Question, Sample, Text, Turn, Video
from tests.families import (
    EVERY,
    FAMILIES,
    UNNAMED,
    Family,
    build,
    information,
    inputs,
    loaded,
    noise,
    reference,
    table,
)

TEXTS = ("What colour is it?", "How many are there, and where?")


def sample(frames: int = 6) -> Sample:
    shown = noise(frames)
    questions = tuple(Question(f"q{i}", text, ("red", "blue")) for i, text in enumerate(TEXTS))
    prompts = tuple(Prompt(q, (Turn("user", (Video(), Text(q.text))),)) for q in questions)
    clip = Clip("c", Path("c.mp4"), questions)
    return Sample(clip, information(shown), shown, prompts)


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """The largest difference of logits in their standard deviations."""
    return float((one - other).abs().max() / one.std())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_build_is_its_family_small_and_the_same_each_time(name: str) -> None:
    folder = build(name)
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == name
    assert sum(path.stat().st_size for path in folder.iterdir()) < 10_000_000
    first = (folder / "model.safetensors").read_bytes()
    build.cache_clear()
    assert (build(name) / "model.safetensors").read_bytes() == first


@pytest.mark.parametrize(("name", "family"), FAMILIES.items(), ids=FAMILIES)
def test_what_is_copied_has_layers_that_keep_a_state(name: str, family: Family) -> None:
    text = loaded(name)[0].config.get_text_config()
    assert family.copied == ("linear_attention" in (getattr(text, "layer_types", None) or ()))


@pytest.mark.parametrize("name", FAMILIES)
def test_the_truth_is_deterministic_and_hears_question_and_frames(name: str) -> None:
    asked = sample()
    one, other = reference(name, asked), reference(name, asked)
    assert [truth.tokens for truth in one] == [truth.tokens for truth in other]
    assert all(torch.equal(a.logits, b.logits) for a, b in zip(one, other, strict=True))
    assert apart(one[0].logits, one[1].logits) > 0.2
    assert asked.frames is not None
    back = dataclasses.replace(asked.frames, pixels=asked.frames.pixels[::-1].copy())
    turned = reference(name, dataclasses.replace(asked, frames=back), max_new_tokens=1)
    assert apart(one[0].logits, turned[0].logits) > 0.2


@pytest.mark.parametrize("name", FAMILIES)
def test_its_forward_gives_the_same_logits(name: str) -> None:
    """Without a cache and without ``generate``."""
    model, processor = loaded(name)
    asked = sample(4)
    given = inputs(name, processor, asked, asked.prompts[0])
    with torch.inference_mode():
        logits = model(**given, use_cache=False).logits[0, -1]
    assert apart(reference(name, asked, max_new_tokens=1)[0].logits, logits) < 1e-5


def test_every_model_is_of_one_family_that_is_tested() -> None:
    names = {path.stem for path in table.CONFIGS.glob("*.yaml")} - table.NO_FAMILY
    named = [name for family in EVERY.values() for name in table.models(family)]
    assert sorted(named) == sorted(names)


def test_the_table_of_families_is_up_to_date() -> None:
    page = (Path(__file__).parents[1] / "docs" / "families.md").read_text(encoding="utf-8")
    assert page.startswith(table.ABOUT)
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    assert rows.keys() == (EVERY | UNNAMED).keys()
    here = FAMILIES | UNNAMED
    assert {name: rows[name] for name in here} == {name: table.row(name) for name in here}
