"""Frames resized one by one as they are decoded are what the processor makes of the whole clip."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.models.transformers import Transformers, torchvision
from harness.models.transformers.resizing import ProcessorResize
from harness.models.transformers.written import Written
from harness.types import Clip, Frames, Prompt, Question, Sample, Text, Turn, Video
from harness.video import read
from harness.video.prefetch import Prefetcher, ReadRequest
from harness.video.sampling import Sampling
from tests import families

pytestmark = pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)
VIDEOS = [name for name, family in families.FAMILIES.items() if family.frames_as == "video"]
WHOLE = {"gemma4", "minicpmv4_6", "molmo2", "smolvlm"}  # resize in a way of their own, or twice
SMALLER = [name for name in VIDEOS if name not in WHOLE]
DEMO = Path(__file__).parents[1] / "harness" / "demo" / "data" / "videos"


def model(name: str, **given: Any) -> Transformers:
    how: Any = families.FAMILIES[name].frames_as
    folder = str(families.build(name))
    return Transformers(folder, frames_as=how, dtype="float32", device="cpu", **given)


def noise(frames: int) -> Frames:
    """Frames of 150 × 266 pixels: no family's size, nor a multiple of one."""
    pixels = np.random.default_rng(0).integers(0, 256, (frames, 150, 266, 3), np.uint8)
    return Frames(pixels, np.arange(frames) / 2.0, tuple(range(frames)))


# as SmolVLM2 is published: both of its two steps have the same size
ONE_SIZE = {"smolvlm": {"videos_kwargs": {"size": {"longest_edge": 32}}}}


@pytest.mark.parametrize("name", [*SMALLER, *ONE_SIZE])
def test_frame_by_frame_is_the_whole_clip(name: str) -> None:
    made = model(name, processor=ONE_SIZE.get(name, {}))
    resize = pickle.loads(pickle.dumps(made.frame_resize))
    shown = noise(6)
    size = resize.size(6, 266, 150)
    assert size is not None
    small = np.stack([resize.resized(frame, *size) for frame in shown.pixels])
    assert small.shape == (6, size[1], size[0], 3)
    assert small.dtype == np.uint8
    prompt = Prompt(Question("q", "?"), (Turn("user", (Video(), Text("?"))),))
    whole = Sample(Clip("c", None), families.information(shown), shown, (prompt,))
    resized = dataclasses.replace(whole, frames=dataclasses.replace(shown, pixels=small))
    [one], [other] = made.write(whole), made.write(resized)
    assert isinstance(one, Written)
    assert isinstance(other, Written)
    assert one.inputs.keys() == other.inputs.keys()
    for key, value in one.inputs.items():
        assert torch.equal(value, other.inputs[key]), key


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_cannot_be_told_stays_whole(name: str) -> None:
    resize = model(name).frame_resize
    assert resize is not None
    assert resize.size(6, 266, 150) is None


def test_frames_are_never_enlarged() -> None:
    resize = model("internvl").frame_resize
    assert resize is not None
    assert resize.size(4, 20, 20) is None


def test_more_frames_together_are_smaller() -> None:
    resize = model("qwen3_vl").frame_resize
    assert resize is not None
    few, many = resize.size(4, 640, 360), resize.size(64, 640, 360)
    assert few is not None
    assert many is not None
    assert many[0] * many[1] < few[0] * few[1]


def test_pictures_are_not_resized_here() -> None:
    assert model("gemma3").frame_resize is None


@pytest.mark.parametrize("workers", [0, 1])
def test_a_video_is_resized_as_it_is_decoded(workers: int) -> None:
    made = model("internvl")
    resize = made.frame_resize
    assert isinstance(resize, ProcessorResize)
    path = sorted(DEMO.glob("*.mp4"))[0]
    whole = read(path, [0, 5, 9])
    side = whole.pixels.shape[1:3][::-1]
    size = resize.size(3, *side)
    assert size is not None
    expected = np.stack([resize.resized(frame, *size) for frame in whole.pixels])
    assert np.array_equal(read(path, [0, 5, 9], resize=resize).pixels, expected)
    request = ReadRequest("c", path, Sampling(frames=3), resize=resize)
    with Prefetcher(workers=workers) as prefetcher:
        [(_, result)] = prefetcher.read([request])
    assert not isinstance(result, Exception), result
    assert result[1].pixels.shape == expected.shape
