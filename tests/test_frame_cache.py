"""The cache of decoded frames: exact, shared, whole or absent, and bounded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from harness.errors import HarnessError, VideoError
from harness.types import Frames
from harness.video import read
from harness.video.frame_cache import FrameCache
from harness.video.prefetch import Prefetcher, ReadRequest
from harness.video.sampling import Sampling
from tests import videos
from tests.videos import FRAMES, Encoding, encode


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cache") / "clip.mp4"
    encode(path, Encoding(muxer={"movflags": "faststart"}))
    return path


def look(
    clip: Path, cache: FrameCache, frames: int, size: int | None = 48, workers: int = 0
) -> Frames:
    with Prefetcher(workers) as reader:
        request = ReadRequest("a", clip, Sampling(frames=frames), size=size, cache=cache)
        ((_, result),) = reader.read([request])
    assert not isinstance(result, VideoError), result
    return result[1]


def kept(cache: FrameCache) -> list[Path]:
    return sorted(cache.folder.glob("frames/*/*/*.npy"))


@pytest.mark.parametrize("workers", [0, 1])
def test_stored_frames_equal_read_ones(workers: int, clip: Path, tmp_path: Path) -> None:
    cache = FrameCache(tmp_path)
    for _ in range(2):  # the second time from disk
        for size in (48, None):
            frames = look(clip, cache, 8, size, workers)
            true = read(clip, frames.indices, size=size)
            assert np.array_equal(frames.pixels, true.pixels)
            assert np.array_equal(frames.times, true.times)
            assert frames.indices == true.indices
    assert len(kept(cache)) == 16


def test_frames_of_a_sampling_that_bounds_pixels_are_kept_at_their_size(
    clip: Path, tmp_path: Path
) -> None:
    cache, seen = FrameCache(tmp_path), []
    for total in (8 * 64 * 48, None, 8 * 64 * 48):
        sampling = Sampling(frames=8, total_pixels=total)
        with Prefetcher(0) as reader:
            ((_, result),) = reader.read(
                [ReadRequest("a", clip, sampling, segment=(1.0, 9.0), cache=cache)]
            )
        assert not isinstance(result, VideoError), result
        assert result[1].notes
        seen.append(result[1].pixels)
    assert np.array_equal(seen[0], seen[2])
    assert seen[0].shape[1:3] == (48, 64)
    assert seen[1].shape[1:3] == (96, 128)
    assert len(kept(cache)) == 16


def test_each_frame_is_decoded_once(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.video.exact_reader import OpenVideo

    asked: list[int] = []
    real = OpenVideo.read

    def counted(self: OpenVideo, indices: list[int], **options: object) -> Frames:
        asked.extend(indices)
        return real(self, indices, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenVideo, "read", counted)
    cache = FrameCache(tmp_path)
    for frames in (4, 8, 4, 40, 8):
        look(clip, cache, frames)
    assert sorted(asked) == list(range(FRAMES))


def test_a_copy_of_the_file_shares_and_a_changed_one_does_not(clip: Path, tmp_path: Path) -> None:
    cache = FrameCache(tmp_path / "cache")
    copy = tmp_path / "copy.mp4"
    shutil.copy(clip, copy)
    look(clip, cache, 4)
    look(copy, cache, 4)
    assert len(kept(cache)) == 4
    encode(copy, Encoding(numbers=range(100, 140)))
    assert not np.array_equal(look(copy, cache, 4).pixels, look(clip, cache, 4).pixels)
    assert len(kept(cache)) == 8


def test_a_torn_file_is_read_anew(clip: Path, tmp_path: Path) -> None:
    cache = FrameCache(tmp_path)
    before = look(clip, cache, 4)
    torn = kept(cache)[2]
    torn.write_bytes(torn.read_bytes()[:1000])
    for _ in range(2):
        assert np.array_equal(look(clip, cache, 4).pixels, before.pixels)
    assert torn.stat().st_size == kept(cache)[0].stat().st_size


def test_what_was_used_longest_ago_goes_first(clip: Path, tmp_path: Path) -> None:
    cache = FrameCache(tmp_path)
    look(clip, cache, FRAMES)
    one = kept(cache)[0].stat().st_size
    for file in kept(cache):
        used = 2000 if int(file.stem) in (0, 39) else 1000
        os.utime(file, (used, used))
    FrameCache(tmp_path, gigabytes=one * 10.5 / 1e9).clean()
    assert len(kept(cache)) <= 10
    assert {"0", "39"} <= {file.stem for file in kept(cache)}
    assert len(look(clip, cache, FRAMES).pixels) == FRAMES


def test_a_cache_smaller_than_a_clip_still_reads(clip: Path, tmp_path: Path) -> None:
    frames = look(clip, FrameCache(tmp_path, gigabytes=1e-6), 8)
    assert np.array_equal(frames.pixels, read(clip, frames.indices, size=48).pixels)


def test_damaged_videos_are_not_kept(clip: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    shutil.copy(clip, path)
    videos.cut(path, 0.7)
    cache = FrameCache(tmp_path / "cache")
    for _ in range(2):
        with Prefetcher(0) as reader:
            request = ReadRequest("a", path, damaged="partial", cache=cache)
            ((_, result),) = reader.read([request])
        assert not isinstance(result, VideoError)
        assert "cut" in result[1].damage
    assert not kept(cache)
    with Prefetcher(0) as reader:
        ((_, failed),) = reader.read([ReadRequest("a", path, cache=cache)])
    assert isinstance(failed, VideoError)


def test_a_cache_that_cannot_be_written_says_what_to_do(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(HarnessError, match="cannot be written"):
        look(clip, FrameCache(tmp_path / "file"), 4)
