"""The doctor: sound models pass every way, a planted defect does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import doctor
from harness.models import branches
from harness.models.transformers.proof import examine
from harness.errors import RequestError
from harness.types import Decoding
from tests.small_models import backend, clip, save

DECODING = Decoding(max_new_tokens=6)
CLIPS = [clip(seed) for seed in range(3)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("model"), "mistral")


def test_a_sound_model(folder: Path) -> None:
    verdict = examine(backend(folder).load(), CLIPS, DECODING, "small")
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
    examine(engine, CLIPS[:1], DECODING, "small")
    assert engine.model.config._attn_implementation == "sdpa"
    assert engine.model.model.language_model.config._attn_implementation == "sdpa"


def test_half_precision_differs_by_rounding_only(folder: Path) -> None:
    verdict = examine(backend(folder, dtype="bfloat16").load(), CLIPS[:1], DECODING, "small")
    assert verdict.sound
    assert max(found.share for found in verdict.comparisons) > 0


def test_branches_that_see_each_other_are_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = branches.Segment.mask

    def leaky(segment: Any) -> Any:
        mask = real(segment)
        return mask if mask is None else mask | True

    monkeypatch.setattr(branches.Segment, "mask", leaky)
    verdict = examine(backend(folder).load(), CLIPS[:1], DECODING, "small")
    assert not verdict.sound
    assert "verdict: NOT the same" in str(verdict)


def test_positions_that_do_not_restart_are_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import harness.models.transformers.asking as asking

    real = asking.advance

    def shifted(model: Any, segments: Any, embedded: Any, positions: Any) -> Any:
        return real(model, segments, embedded, np.arange(len(positions)) + segments[0].row.length)

    monkeypatch.setattr(asking, "advance", shifted)
    verdict = examine(backend(folder).load(), CLIPS[:1], DECODING, "small")
    assert not verdict.sound


def test_nothing_answered_is_not_sound(folder: Path) -> None:
    assert not examine(backend(folder).load(), [], DECODING, "small").sound


def test_the_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"doctor model=tiny_video model.checkpoint={folder} limit=1 frames=2 video.workers=0"
    monkeypatch.setattr("sys.argv", words.split())
    assert doctor.main() == 0
    said = capsys.readouterr().out
    assert said.startswith("tiny_video: the shared way beside others")
    assert said.rstrip().endswith("verdict: the same answers, every way")


def test_the_command_wants_a_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["doctor", "backend=fake"])
    with pytest.raises(RequestError, match="backend=transformers only"):
        doctor.main()
