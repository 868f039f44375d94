"""The doctor: sound models pass every way, a planted defect does not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from harness.cli import doctor
from harness.config import compose
from harness.errors import RequestError
from harness.models.openai.proof import Served
from harness.models.transformers import packing
from harness.models.transformers.decoder import Decoder
from harness.models.transformers.proof import examine
from harness.report import leaderboard
from harness.types import Generation
from tests.bad_server import MODEL, serving
from tests.runs import records, write
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


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"model=tiny_video model.checkpoint={folder} limit=1 frames=2 video.workers=0"
    assert doctor.main([*words.split(), f"results={tmp_path}"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("tiny_video: the shared way beside others")
    *_, verdict, kept = said.splitlines()
    assert verdict == "verdict: the same answers, every way"
    (path,) = tmp_path.rglob("doctor.json")
    assert kept == f"kept in {path}"
    assert json.loads(path.read_text())["sound"] is True


def served_words(url: str, results: Path) -> list[str]:
    words = ["model=tiny_video", "backend=openai", f"backend.url={url}", f"backend.model={MODEL}"]
    return [*words, "frames=2", "video.workers=0", f"results={results}"]


def test_what_the_doctor_finds_of_a_served_model_stands_in_the_leaderboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Beside the run that was asked alike of all clips, although the doctor looked at one."""
    found = Served("it", 40, ("a",), (), 0.02)
    monkeypatch.setattr("harness.models.openai.proof.compare", lambda *asked: found)
    with serving() as server:
        request = compose(served_words(server.url, tmp_path))
        identity = request.identity()
        known = {key: value for key, value in identity.items() if key not in ("task", "model")}
        made = write(tmp_path, records(30), model=request.model, **known)
        other = write(tmp_path, records(30), model=request.model, **known | {"repeats": 2})
        plain = write(tmp_path, records(30), model="plain", protocol=known["protocol"])
        before = leaderboard.cells([made])
        assert before[0]["served by"] == identity["backend"]["dialect"]
        assert before[0]["flips"] == "?"
        assert doctor.main([*served_words(server.url, tmp_path), "limit=1"]) == 1
    assert capsys.readouterr().out.endswith(f"kept in {made.folder / 'doctor.json'}\n")
    rows = leaderboard.cells([made, plain])
    assert [row["flips"] for row in rows] == ["2.5% of 40, not the same", ""]
    assert [row["served by"] for row in rows] == [identity["backend"]["dialect"], ""]
    assert not (other.folder / "doctor.json").exists()
    assert "served by" not in leaderboard.cells([plain])[0]
    (row,) = (row for row in leaderboard.figures([made]) if row["run"] == made.id)
    assert (row["flips"], row["flips of"]) == (0.025, 40)
    (made.folder / "doctor.json").write_text("{")
    assert leaderboard.cells([made])[0]["flips"] == "?"


def test_the_command_wants_a_model() -> None:
    with pytest.raises(RequestError, match="examines backend=transformers"):
        doctor.main(["backend=fake"])
