"""Frames resized one by one as they are decoded are what the processor makes of the whole clip."""

from __future__ import annotations

import dataclasses
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.models.transformers import Transformers, preparing, torchvision
from harness.models.transformers.preparing import WholePixels
from harness.models.transformers.resizing import ProcessorResize
from harness.models.transformers.shown import Shown, plain_sample
from harness.models.transformers.written import Written
from harness.types import Clip, Frames, Image, Part, Prompt, Question, Sample, Text, Turn, Video
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
ROOT = Path(__file__).parents[1]
DEMO = ROOT / "harness" / "demo" / "data" / "videos"


def model(name: str, **given: Any) -> Transformers:
    how: Any = families.FAMILIES[name].frames_as
    folder = str(families.build(name))
    return Transformers(folder, frames_as=how, dtype="float32", device="cpu", **given)


def noise(frames: int) -> Frames:
    """Frames of 150 × 266 pixels: no family's size, nor a multiple of one."""
    pixels = np.random.default_rng(0).integers(0, 256, (frames, 150, 266, 3), np.uint8)
    return Frames(pixels, np.arange(frames) / 2.0, tuple(range(frames)))


def numbers(value: Any, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return value.on("cpu", dtype) if isinstance(value, WholePixels) else value


def asked(frames: Frames, *parts: Part) -> Sample:
    prompt = Prompt(Question("q", "?"), (Turn("user", (*parts, Video(), Text("?"))),))
    return Sample(Clip("c", None), families.information(frames), frames, (prompt,))


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
    whole = asked(shown)
    resized = dataclasses.replace(whole, frames=dataclasses.replace(shown, pixels=small))
    [one], [other] = made.write(whole), made.write(resized)
    assert isinstance(one, Written)
    assert isinstance(other, Written)
    assert one.inputs.keys() == other.inputs.keys()
    for key, value in one.inputs.items():
        assert torch.equal(numbers(value), numbers(other.inputs[key])), key


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


# these compare or pool pixels once they are scaled; Kimi's are bytes with a black border, in which
# no channel can be told from another
FRACTIONS = {"gemma4", "kimi_k25", "minicpmv4_6", "video_llama_3"}


@pytest.mark.parametrize("name", VIDEOS)
def test_pixels_stay_bytes_and_become_the_same_numbers(name: str) -> None:
    made, sample = model(name), asked(noise(5))
    writer: Any = made._writer
    [one] = made.write(sample)
    [plain] = writer._all(sample, Shown(sample), False, {})
    assert isinstance(one, Written)
    held = {key for key, value in one.inputs.items() if isinstance(value, WholePixels)}
    assert held == (
        set() if name in FRACTIONS else {k for k in plain.inputs if "pixel_values" in k}
    )
    for key, value in plain.inputs.items():
        for dtype in (torch.float32, torch.bfloat16) if key in held else (torch.float32,):
            assert torch.equal(numbers(one.inputs[key], dtype), value.to(dtype)), key


def test_bytes_are_looked_up_little_by_little(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("qwen3_vl", "internvl", "llava_onevision"):
        [one] = model(name).write(asked(noise(6)))
        assert isinstance(one, Written)
        [pixels] = [v for v in one.inputs.values() if isinstance(v, WholePixels)]
        whole = pixels.on("cpu", torch.float32)
        with monkeypatch.context() as small:
            small.setattr(preparing, "AT_ONCE", 1000)
            assert torch.equal(pixels.on("cpu", torch.float32), whole)


def test_beside_another_picture_pixels_are_numbers() -> None:
    still = Image(noise(1).pixels[0])
    for also in (still, Video(0, 2)):  # and beside another video, which may be padded
        [one] = model("qwen3_vl").write(asked(noise(4), also))
        assert isinstance(one, Written)
        assert one.inputs["pixel_values_videos"].dtype == torch.float32


def test_what_has_to_see_scaled_pixels_is_given_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor whose result is another where pixels are left bytes: found by trying."""
    made = model("qwen3_vl")
    video = made._writer.processor.video_processor  # type: ignore[attr-defined]
    patchify = type(video).patchify

    def brighter(self: Any, clip: torch.Tensor, **how: Any) -> Any:
        patches, *grid = patchify(self, clip, **how)
        return (patches + 1 if clip.is_floating_point() else patches), *grid

    monkeypatch.setattr(type(video), "patchify", brighter)
    [one] = made.write(asked(noise(4)))
    assert isinstance(one, Written)
    assert one.inputs["pixel_values_videos"].dtype == torch.float32


def test_768_frames_of_1080p_take_less_than_half_a_gigabyte() -> None:
    command = [sys.executable, "-m", "benchmarks.long_clips", "--noise", "--json"]
    done = subprocess.run(
        [*command, "--family", "qwen3_vl"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["frames"] == 768
    assert {name: each["peak"] < 500 for name, each in found["stages"].items()} == {
        "read": True,
        "written": True,
        "on its device": True,
    }


@pytest.mark.parametrize("name", VIDEOS)
def test_planning_counts_without_frames(name: str) -> None:
    made = model(name)
    ask = Prompt(Question("q", "?"), (Turn("user", (Video(), Text("?"))),))
    black = plain_sample(7, [ask])
    [written] = made.write(black)
    assert isinstance(written, Written)
    assert made.count([ask], 7) == [len(written.tokens)]
    pixels = [v.numel() for k, v in written.inputs.items() if k.startswith("pixel_values")]
    assert made._writer.pixels(7) == sum(pixels)
