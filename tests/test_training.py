"""The script that made the tiny checkpoints still teaches: lessons, hints, preferences."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from training import checkpoint, tokenizer, train
from training.asking import DIRECTIONS, MOTION, ORDER, ORDINALS, SPATIAL, notes
from training.curriculum import STAGES, Stage, Teacher
from training.learning import Model, Progress, logits, teach
from training.lessons import Watching, drilled
from training.packing import MEANT, Batch, Packer
from training.preference import align, margins, preferences
from training.scene import imagine

WORDS = tokenizer.build(checkpoint.CONTEXT)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model() -> Model:
    return checkpoint.build(WORDS, seed=5)


def batch(kind: Watching, frames: int = 4, lessons: int = 4) -> Batch:
    rng = np.random.default_rng(3)
    return Packer(WORDS).pack([kind.lesson(frames, rng) for _ in range(lessons)], rng)


def test_hints_stand_at_the_frames_and_at_the_end_of_each_question() -> None:
    rng = np.random.default_rng(0)
    lesson = Watching(drilled, ("sequence",), (1.0,), topic=ORDER).lesson(4, rng)
    packed = Packer(WORDS).pack([lesson], rng)
    at, word = packed.hints[3]
    assert (packed.ids.flatten()[at] == WORDS.vocab["<video>"]).all()
    assert WORDS.convert_ids_to_tokens(word[:: checkpoint.FRAME_TOKENS].tolist()) == list(ORDINALS)
    at, word = packed.hints[MEANT]
    assert set(WORDS.convert_ids_to_tokens(packed.ids.flatten()[at].tolist())) == {":"}
    said = WORDS.convert_ids_to_tokens(word.tolist())
    assert said == [branch.word for branch in lesson.branches]
    assert len(said) == 6  # two questions, three times each


def test_notes_say_only_what_the_frames_so_far_tell() -> None:
    rng = np.random.default_rng(1)
    times = np.linspace(0, 1, 8)
    assert notes(imagine(rng, "still"), times) == ("",) * 8
    moved = notes(imagine(rng, "moving", direction="left"), times)
    assert moved == ("", *["left"] * 7)
    assert "left" in DIRECTIONS
    parade = notes(imagine(rng, "sequence"), times)
    assert list(dict.fromkeys(parade)) == list(ORDINALS)


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_every_lesson_of_every_stage_can_be_drawn(stage: Stage) -> None:
    assert sum(share for share, _ in stage.kinds.values()) == pytest.approx(1)
    teacher = Teacher(Packer(WORDS, noted=stage.noted), seed=1)
    for draw in (draw for _, draw in stage.kinds.values()):
        drawn = draw(teacher)
        assert len(drawn.target) == len(drawn.at) == len(drawn.group) > 0
        assert drawn.ids.shape[1] < checkpoint.CONTEXT


@pytest.mark.parametrize("alike", [False, True])
def test_teaching_lowers_the_loss_of_answers_and_is_heard_by_inner_layers(alike: bool) -> None:
    model = checkpoint.build(WORDS, seed=5)
    told = batch(Watching(drilled, ("moving",), (1.0,), topic=MOTION))
    lines: list[str] = []

    def loss() -> float:
        with torch.inference_mode():
            return float(torch.nn.functional.cross_entropy(logits(model, told), told.target))

    before = loss()
    teach(model, lambda _: ("motion", told), 12, 2e-3, Progress(lines.append, 1), alike=alike)
    assert loss() < before - 0.5
    for layer in (3, 4):
        first, last = (
            float(line.split(f"layer {layer} ")[1].split("%")[0]) for line in lines[::11]
        )
        assert last > first


def test_alignment_prefers_the_chosen_answers(model: Model) -> None:
    pairs = batch(Watching(preferences, ("still",), (1.0,), topic=SPATIAL), frames=1)
    with torch.inference_mode():
        before = margins(model, pairs)
    align(model, lambda _: pairs, 12, 1e-3, Progress(lambda _: None, 12))
    with torch.inference_mode():
        after = margins(model, pairs)
    assert (after > before).float().mean() > 0.9


def test_the_script_goes_through_all_stages_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One step each; a second call finds everything done."""
    monkeypatch.setattr(train, "STAGES", tuple(replace(stage, steps=1) for stage in STAGES))
    monkeypatch.setattr(train, "ALIGNMENT", 1)
    words = ["train", "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", words)
    train.main()
    said = capsys.readouterr().out.splitlines()
    assert said == [*(f"{stage.name}: 1 steps" for stage in STAGES), "dpo"]
    made = sorted(path.parent.name for path in (tmp_path / "out").glob("*/model.safetensors"))
    assert made == sorted(train.NAMES.values())
    train.main()
    assert not capsys.readouterr().out
