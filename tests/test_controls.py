"""Questions turned and repeated, and evidence taken away."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.controls import CONTROLS, Control, asked, remove_evidence, rotate
from harness.types import Clip, Frames, Question

QUESTION = Question("q", "Who?", ("cat", "dog", "cow"), "B", {"kind": ("who",)})
OPEN = Question("o", "Who is it?", target="a dog")
CLIP = Clip("v", Path("v.mp4"), (QUESTION, OPEN))
PIXELS = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1) * np.ones((1, 2, 2, 3), np.uint8) + 1
FRAMES = Frames(PIXELS, np.arange(5.0), tuple(range(5)))


def test_rotating_moves_the_right_letter_with_its_text() -> None:
    turned = rotate(QUESTION, 1)
    assert turned.options == ("cow", "cat", "dog")
    assert (turned.target, turned.id, turned.rotation) == ("C", "q", 1)
    assert turned.key == "q [rotation 1, repeat 0]"
    for by in range(3):
        turned = rotate(QUESTION, by)
        assert turned.options["ABC".index(str(turned.target))] == "dog"


def test_rotating_by_nothing_or_by_all_changes_nothing() -> None:
    assert rotate(QUESTION, 0) == rotate(QUESTION, 3) == QUESTION
    assert rotate(QUESTION, 4) == rotate(QUESTION, 1)
    assert rotate(OPEN, 1) == OPEN


def test_targets_that_are_no_letter_stay() -> None:
    hidden = rotate(replace(QUESTION, target=None), 2)
    assert (hidden.target, hidden.options) == (None, ("dog", "cow", "cat"))
    for target in (["B"], "a dog", "E"):
        assert rotate(replace(QUESTION, target=target), 1).target == target


def test_pictures_for_options_move_with_them() -> None:
    pictures = tuple(Path(f"{name}.png") for name in "abc")
    turned = rotate(replace(QUESTION, option_images=pictures), 1)
    assert [path.stem for path in turned.option_images] == ["c", "a", "b"]


def test_each_question_is_asked_by_rotation_and_repeat_and_each_asking_has_a_key() -> None:
    (clip,) = asked([CLIP], rotations=5, repeats=2)
    found = [(q.id, q.rotation, q.repeat) for q in clip.questions]
    assert found == [("q", r, n) for r in range(3) for n in range(2)] + [("o", 0, 0), ("o", 0, 1)]
    assert len({question.key for question in clip.questions}) == len(found)
    assert clip.questions[0] == QUESTION


def test_options_are_hidden_and_still_known() -> None:
    (clip,) = asked([CLIP], control="no_options", rotations=2)
    assert all(question.options_hidden for question in clip.questions)
    assert clip.questions[0].options == QUESTION.options
    assert asked([CLIP]) == [CLIP]


@pytest.mark.parametrize("control", CONTROLS)
def test_evidence_is_taken_away_and_nothing_else(control: Control) -> None:
    before = FRAMES.pixels.copy()
    found = remove_evidence(FRAMES, control, "seed")
    assert np.array_equal(FRAMES.pixels, before)
    assert found.pixels.shape == before.shape
    assert found.indices == FRAMES.indices
    shades = found.pixels[:, 0, 0, 0].tolist()
    if control == "blank":
        assert shades == [0] * 5
    elif control == "single_frame":
        assert shades == [3] * 5
    elif control == "shuffled":
        assert (sorted(shades), shades) != (shades, sorted(shades))
        assert sorted(shades) == [1, 2, 3, 4, 5]
    else:
        assert shades == [1, 2, 3, 4, 5]
    wanted = [0.0] * 5 if control == "no_times" else [0.0, 1.0, 2.0, 3.0, 4.0]
    assert found.times.tolist() == wanted


def test_the_same_seed_shuffles_the_same_way() -> None:
    one, same, other = (
        remove_evidence(FRAMES, "shuffled", seed).pixels[:, 0, 0, 0].tolist()
        for seed in ("a", "a", "b")
    )
    assert one == same != other
