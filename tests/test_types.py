"""The nouns are one module to the outside, whatever file they stand in."""

import pickle
import typing

import numpy as np
import pytest

import harness.types
from harness.identity import describe
from harness.types import Generation, Image, Prompt, Question, Text, Turn, Video

NOUNS = [
    found
    for found in map(vars(harness.types).get, harness.types.__all__)
    if isinstance(found, type) and found.__module__.startswith("harness")
]


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_a_noun_goes_by_its_public_name_and_its_fields_types_are_found(noun: type) -> None:
    assert noun.__module__ == "harness.types"
    typing.get_type_hints(noun)
    assert pickle.loads(pickle.dumps(noun)) is noun


def test_names_that_are_hashed_do_not_change() -> None:
    """Of judges' calls and of run ids: another name would have all of them asked again."""
    found = [describe(value)["_target_"] for value in (Generation(), Text(""), Video())]
    assert found == ["harness.types.Generation", "harness.types.Text", "harness.types.Video"]


def test_a_prompt_as_one_string() -> None:
    picture = Image(np.zeros((1, 1, 3), np.uint8))
    user = Turn("user", (Text("See "), Video(), Text("\nand "), picture))
    prompt = Prompt(Question("q", "?"), (user, Turn("assistant", (Text("Answer:"),))))
    assert prompt.text == "user: See <video>\nand <image>\nassistant: Answer:"
