"""Whole runs of families whose prefix is copied, or whose frames are pictures: controls, several
clips in flight, frames of the model's own size, subtitles. Their engine is in
tests/test_model_families.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import compose
from harness.models.transformers import torchvision
from harness.run.journal import read_records
from harness.run.loop import run
from harness.types import Record
from tests import families

pytestmark = pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)
EVERY = families.FAMILIES | families.UNNAMED
ODD = [name for name, each in EVERY.items() if each.copied or each.frames_as == "images"]
SOME = [*ODD, "qwen2_5_vl", "qwen2_5_omni"]  # and two of the others
FEW = [name for name in ("qwen3_5", "minicpmv4_6", "gemma3", "idefics3") if name in ODD]
ALONE = ("backend.in_flight=1", "video.workers=0")
TOGETHER = ("backend.in_flight=3", "video.workers=1", "video.size=model")


def asked(name: str, results: Path, *words: str) -> list[Record]:
    """The records of two of the demo's clips, none of which failed."""
    settings = [
        "model=hub",
        f"model.checkpoint={families.build(name)}",
        f"model.frames_as={EVERY[name].frames_as}",
        "model.dtype=float32",
        "backend.device=cpu",
        "task=demo",
        "limit=2",
        "frames=4",
        "generation.max_new_tokens=4",
        f"results={results}",
        *words,
    ]
    outcome = run(compose(settings), tell=lambda line: None, progress=False)
    found = read_records(outcome.folder)
    assert [record.reason for record in found if record.status == "failed"] == []
    return found


def said(records: list[Record]) -> dict[str, str]:
    return {record.key: record.response.text for record in records if record.response}


@pytest.mark.parametrize("name", SOME)
def test_in_flight_together_at_the_models_size_says_the_same(name: str, tmp_path: Path) -> None:
    alone = said(asked(name, tmp_path / "alone", *ALONE))
    assert len(alone) == 6
    assert said(asked(name, tmp_path / "together", *TOGETHER)) == alone


@pytest.mark.parametrize("name", FEW)
def test_blank_frames_are_shown_to_the_end(name: str, tmp_path: Path) -> None:
    assert len(said(asked(name, tmp_path, "control=blank", *TOGETHER))) == 6


@pytest.mark.parametrize("name", FEW)
def test_subtitles_are_in_the_prompt(name: str, tmp_path: Path) -> None:
    shown = asked(name, tmp_path, "task=demo/subtitles", "limit=3", *TOGETHER)
    assert sum(record.subtitles or 0 for record in shown) > 0
    assert {bool(record.subtitles) for record in shown if "subtitles" in record.prompt} <= {True}
