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

from harness.models.transformers import Transformers, preparing, spans, torchvision
from harness.models.transformers.preparing import WholePixels
from harness.models.transformers.resizing import ProcessorResize
from harness.models.transformers.shown import Shown, plain_sample
from harness.models.transformers.spans import SpannedPixels
from harness.models.transformers.written import Written
from harness.types import Clip, Frames, Image, Part, Prompt, Question, Sample, Text, Turn, Video
from harness.video import read
from harness.video.prefetch import Prefetcher, ReadRequest
from harness.video.sampling import Sampling
from tests import families

pytestmark = pytest.mark.skipif(
    not torchvision.available(), reason="needs the extra video-families (make test installs it)"
)
EVERY = families.FAMILIES | families.UNNAMED
VIDEOS = [name for name, family in EVERY.items() if family.frames_as == "video"]
# resize in a way of their own, or twice; Qwen-Omni's enlarges frames as small as these here
WHOLE = {"gemma4", "gemma4_unified", "minicpmv4_6", "molmo2", "smolvlm", "qwen2_5_omni"} & {*VIDEOS}
SMALLER = [name for name in VIDEOS if name not in WHOLE]
ROOT = Path(__file__).parents[1]
DEMO = ROOT / "harness" / "demo" / "data" / "videos"


def model(name: str, **given: Any) -> Transformers:
    how: Any = EVERY[name].frames_as
    folder = str(families.build(name))
    return Transformers(folder, frames_as=how, dtype="float32", device="cpu", **given)


def noise(frames: int) -> Frames:
    """Frames of 150 × 266 pixels: no family's size, nor a multiple of one."""
    pixels = np.random.default_rng(0).integers(0, 256, (frames, 150, 266, 3), np.uint8)
    return Frames(pixels, np.arange(frames) / 2.0, tuple(range(frames)))


def numbers(value: Any, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return value.on("cpu", dtype) if isinstance(value, WholePixels | SpannedPixels) else value


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


@pytest.mark.parametrize(("width", "height"), [(128, 128), (200, 200), (96, 96)])
def test_a_frame_that_is_shown_in_slices_too_stays_whole(width: int, height: int) -> None:
    """They are made of the frame as it was, and not of what its whole was made."""
    resize = model("minicpmv4_6").frame_resize
    assert resize is not None
    assert resize.size(4, width, height) is None


def test_a_size_that_only_a_processors_own_calls_have() -> None:
    """No file of a Qwen-Omni checkpoint says it."""
    made = model("qwen2_5_omni")
    resize = made.frame_resize
    assert resize is not None
    assert resize.size(4, 128, 128) is None  # they are enlarged
    pixels = np.random.default_rng(0).integers(0, 256, (4, 720, 1280, 3), np.uint8)
    shown = Frames(pixels, np.arange(4) / 2.0, tuple(range(4)))
    size = resize.size(4, 1280, 720)
    assert size is not None
    small = np.stack([resize.resized(frame, *size) for frame in pixels])
    whole = asked(shown)
    resized = dataclasses.replace(whole, frames=dataclasses.replace(shown, pixels=small))
    [one], [other] = made.write(whole), made.write(resized)
    assert isinstance(one, Written)
    assert isinstance(other, Written)
    for key, value in one.inputs.items():
        assert torch.equal(numbers(value), numbers(other.inputs[key])), key


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


# what its prompt says of a frame depends on what the frame before shows
BY_CONTENT = {"video_llama_3"}


@pytest.mark.parametrize("name", VIDEOS)
@pytest.mark.parametrize("count", [5, 8])
def test_a_few_frames_at_a_time_are_the_whole_clip(
    name: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, sample = model(name), asked(noise(count))
    writer: Any = made._writer
    [one] = made.write(sample)
    [plain] = writer._all(sample, False)
    assert isinstance(one, Written)
    assert one.inputs.keys() == plain.inputs.keys()
    unmade = {key: v for key, v in one.inputs.items() if isinstance(v, SpannedPixels)}
    pixels = {key for key in plain.inputs if key.startswith("pixel_values")}
    assert bool(unmade) == (name not in BY_CONTENT)
    assert not unmade or pixels <= unmade.keys()
    monkeypatch.setattr(spans, "AT_ONCE", 1)  # as few at a time as there can be
    for key, value in plain.inputs.items():
        later = key in pixels & unmade.keys()
        for dtype in (torch.float32, torch.bfloat16) if later else (torch.float32,):
            expected = value.to(dtype) if later else value
            assert torch.equal(numbers(one.inputs[key], dtype), expected), key


@pytest.mark.parametrize("name", ["qwen3_vl", "qwen2_5_vl", "glm4v", "internvl"])
def test_frames_that_were_not_resized_before_become_as_large_as_in_their_clip(name: str) -> None:
    """Forty frames become smaller than two would by themselves."""
    sample = asked(noise(40))
    [one], [plain] = model(name).write(sample), model(name)._writer._all(sample, False)  # type: ignore[attr-defined]
    assert isinstance(one, Written)
    [key] = [key for key, value in one.inputs.items() if isinstance(value, SpannedPixels)]
    assert torch.equal(numbers(one.inputs[key]), plain.inputs[key])


def test_a_clip_s_questions_show_the_same_frames() -> None:
    sample = asked(noise(4))
    again = Prompt(Question("again", "?"), sample.prompts[0].turns)
    prompts = (*sample.prompts, again)
    one, other = model("qwen3_vl").write(dataclasses.replace(sample, prompts=prompts))
    assert isinstance(one, Written)
    assert isinstance(other, Written)
    key = "pixel_values_videos"
    assert one.inputs[key].same(other.inputs[key])


def test_pixels_stay_bytes_and_are_looked_up_little_by_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("qwen3_vl", "internvl", "llava_onevision"):
        [one] = model(name).write(asked(noise(6)))
        assert isinstance(one, Written)
        [spanned] = [v for v in one.inputs.values() if isinstance(v, SpannedPixels)]
        pixels = spanned.spans.make(0, 2)[spanned.name]
        assert isinstance(pixels, WholePixels)
        assert pixels.values.dtype == torch.uint8
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
    spanned = one.inputs["pixel_values_videos"]
    assert spanned.spans.make(0, 2)["pixel_values_videos"].dtype == torch.float32


def test_what_has_to_see_the_whole_clip_is_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that makes frames darker by what the whole clip shows: found by trying."""
    made = model("internvl")
    video = made._writer.processor.video_processor  # type: ignore[attr-defined]
    scale = type(video).rescale_and_normalize

    def darker(self: Any, clip: torch.Tensor, *how: Any, **named: Any) -> Any:
        scaled = scale(self, clip, *how, **named)
        return scaled - scaled.mean()

    monkeypatch.setattr(type(video), "rescale_and_normalize", darker)
    [one] = made.write(asked(noise(4)))
    assert isinstance(one, Written)
    assert one.inputs["pixel_values"].dtype == torch.float32


@pytest.mark.parametrize("family", ["qwen3_vl", "qwen2_5_vl", "internvl"])
def test_768_frames_of_1080p_take_little_beside_their_bytes(family: str) -> None:
    command = [sys.executable, "-m", "benchmarks.long_clips", "--noise", "--json"]
    done = subprocess.run([*command, "--family", family], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["frames"] == 768
    beside = {name: each["peak"] - found["bytes"] for name, each in found["stages"].items()}
    assert beside.keys() == {"read", "written", "on its device"}
    assert max(beside.values()) < 140, beside


@pytest.mark.parametrize("name", VIDEOS)
def test_planning_counts_without_frames(name: str) -> None:
    made = model(name)
    ask = Prompt(Question("q", "?"), (Turn("user", (Video(), Text("?"))),))
    black = plain_sample(7, [ask])
    [written] = made.write(black)
    assert isinstance(written, Written)
    assert made.count([ask], 7) == [len(written.tokens)]
    pixels = [v.numel() for k, v in written.inputs.items() if k.startswith("pixel_values")]
    assert sum(made._writer.picture_sizes(7)) == sum(pixels)


def test_two_sizes_may_be_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next clip is written while this one's frames are resized."""
    resizer: Any = model("qwen3_vl").frame_resize._processor  # type: ignore[union-attr]
    kind, frame = type(resizer._video), noise(1).pixels[0]
    expected, real, between = resizer.resized(frame, 96, 160), kind.resize, []

    def resize(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not between:
            between.append(None)
            between.append(resizer.target(40, 150, 266))
        return real(self, *args, **kwargs)

    monkeypatch.setattr(kind, "resize", resize)
    assert np.array_equal(resizer.resized(frame, 96, 160), expected)
    assert between[1] == resizer.target(40, 150, 266)


@pytest.mark.parametrize("why", ["it looks at numbers", "it was given a copy"])
def test_what_fails_without_numbers_is_written_with_them(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, sample = model("qwen3_vl"), asked(noise(4))
    writer: Any = made._writer
    [plain] = writer._all(sample, False)
    if why == "it looks at numbers":

        def spans(*_: Any) -> Any:
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")

        monkeypatch.setattr(writer._spanning, "spans", spans)
    else:
        assert writer._spanning is not None
        real = Shown.video
        monkeypatch.setattr(Shown, "video", lambda *args: real(*args).copy())
    [one] = made.write(sample)
    assert isinstance(one, Written)
    key = "pixel_values_videos"
    assert torch.equal(one.inputs[key], plain.inputs[key])
