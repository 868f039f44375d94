"""The doctor: sound models pass every way, a planted defect does not."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.cli import doctor
from harness.errors import RequestError
from harness.models.transformers import packing
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.proof import examine
from harness.types import Generation
from tests.small_models import backend, clip, save

GENERATION = Generation(max_new_tokens=6)
CLIPS = [clip(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("model"), "mistral")


def test_a_sound_model(folder: Path) -> None:
    verdict = examine(backend(folder).load(), CLIPS, GENERATION, "small")
    assert verdict.sound
    assert [found.way for found in verdict.comparisons] == [
        "plain generate",
        "one question at a time",
        "4 clips in flight",
        "eager attention",
    ]
    assert all((found.questions, found.flipped) == (9, 0) for found in verdict.comparisons)
    assert all(found.share < 1e-4 for found in verdict.comparisons)
    assert "verdict: the same answers, every way" in str(verdict)


def test_it_leaves_the_model_as_it_was(folder: Path) -> None:
    engine = backend(folder).load()
    examine(engine, CLIPS[:1], GENERATION, "small")
    assert engine.model.config._attn_implementation == "sdpa"
    assert engine.model.model.language_model.config._attn_implementation == "sdpa"


def test_half_precision_differs_by_rounding_only(folder: Path) -> None:
    verdict = examine(backend(folder, dtype="bfloat16").load(), CLIPS[:1], GENERATION, "small")
    assert verdict.sound
    assert max(found.share for found in verdict.comparisons) > 0


def test_branches_that_see_each_other_are_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = packing.Segment.mask

    def leaky(segment: Any, *rest: Any) -> Any:
        mask = real(segment, *rest)
        return mask if mask is None else mask | True

    monkeypatch.setattr(packing.Segment, "mask", leaky)
    verdict = examine(backend(folder, self_test=False).load(), CLIPS[:1], GENERATION, "small")
    assert not verdict.sound
    assert "verdict: NOT the same" in str(verdict)


def test_positions_that_do_not_restart_are_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Decoder.advance

    def shifted(self: Decoder, segments: Any, part: Any, rules: Any) -> Any:
        start = segments[0].row.length
        positions = torch.arange(start, start + part.length)[None]
        return real(self, segments, dataclasses.replace(part, positions=positions), rules)

    monkeypatch.setattr(Decoder, "advance", shifted)
    verdict = examine(backend(folder, self_test=False).load(), CLIPS[:1], GENERATION, "small")
    assert not verdict.sound


def test_nothing_answered_is_not_sound(folder: Path) -> None:
    assert not examine(backend(folder).load(), [], GENERATION, "small").sound


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"model=tiny_video model.checkpoint={folder} limit=1 frames=2 video.workers=0"
    assert doctor.main(words.split()) == 0
    said = capsys.readouterr().out
    assert said.startswith("tiny_video: the shared way beside others")
    assert said.rstrip().endswith("verdict: the same answers, every way")


def test_the_command_wants_a_model() -> None:
    with pytest.raises(RequestError, match="examines backend=transformers"):
        doctor.main(["backend=fake"])
