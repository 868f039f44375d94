"""Clips of one file that follow one another are read by one pass, to the bit as each by itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import VideoError
from harness.video import full_decode, remembered, seeking_reader
from harness.video.clip_reading import ReadClip, ReadRequest, look, look_together
from harness.video.frame_cache import FrameCache
from harness.video.prefetch import Prefetcher
from harness.video.reading_process import ReadingProcess
from harness.video.sampling import Sampling
from harness.video.video_file import VideoFile
from tests import videos
from tests.videos import FRAMES, Encoding, encode, gop

FOUR = Sampling(frames=4)
Read = Sequence[ReadClip | VideoError]


def prefixes(path: Path, ends: Sequence[float], **words: Any) -> list[ReadRequest]:
    """The file up to each of these moments, in seconds."""
    return [ReadRequest(f"0-{end:g}", path, FOUR, (0.0, end), **words) for end in ends]


ENDS = [0.3, 0.5, 0.62, 0.8, 1.0, 1.1, 1.3, 1.4, 1.5, 1.59]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of few keyframes, as x264 makes them."""
    path = tmp_path_factory.mktemp("together") / "long.mp4"
    encode(path, Encoding(options=gop(20, 2)))
    return path


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """How often files are opened and indexed, and how many frames the decoders give."""
    count = {"opened": 0, "indexed": 0, "frames": 0}

    def count_in(owner: Any, name: str, key: str) -> None:
        real = getattr(owner, name)

        def counting(*arguments: Any) -> Any:
            found = real(*arguments)
            count[key] += len(found) if key == "frames" else 1
            return found

        monkeypatch.setattr(owner, name, counting)

    count_in(VideoFile, "_open", "opened")
    count_in(remembered, "sample_table", "indexed")
    count_in(seeking_reader, "_sound", "frames")
    monkeypatch.setattr(remembered, "_held", {})
    return count


def same(one: ReadClip | VideoError, other: ReadClip | VideoError) -> None:
    if isinstance(one, VideoError) or isinstance(other, VideoError):
        assert str(one) == str(other)
        return
    assert one[0] == other[0]
    assert np.array_equal(one[1].pixels, other[1].pixels)
    assert np.array_equal(one[1].times, other[1].times)
    assert (one[1].indices, one[1].damage, one[1].notes) == (
        (other[1].indices, other[1].damage, other[1].notes)
    )


def apart(requests: Sequence[ReadRequest]) -> list[ReadClip | VideoError]:
    with Prefetcher(0) as reader:
        return [result for _, result in reader.read(requests)]


@pytest.mark.parametrize("size", [None, 48])
def test_ten_moments_of_a_file_are_read_by_one_pass(
    long: Path, counted: dict[str, int], size: int | None
) -> None:
    requests = prefixes(long, [*ENDS, 9.0], size=size)  # the last is cut, and noted so
    each = [look(request) for request in requests]
    alone = dict(counted)
    for key in counted:
        counted[key] = 0
    together = look_together(requests, [np.empty] * len(requests))  # type: ignore[list-item]
    assert together is not None
    for one, other in zip(together, each, strict=True):
        same(one, other)
    assert counted["opened"] == 1 < alone["opened"]
    assert counted["frames"] * 4 < alone["frames"]
    assert (counted["indexed"], alone["indexed"]) == (0, 1)  # what was found out is kept


def test_a_file_that_must_be_decoded_whole_is_so_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "wmv2.asf"
    encode(path, videos.ZOO["wmv2.asf"])
    each = apart(prefixes(path, ENDS))
    monkeypatch.setattr(remembered, "_held", {})
    frames, real = [0], full_decode.decoding

    def decoding(*arguments: Any) -> Any:
        for found in real(*arguments):
            frames[0] += len(found)
            yield found

    monkeypatch.setattr(full_decode, "decoding", decoding)
    together = look_together(prefixes(path, ENDS), [np.empty] * 10)  # type: ignore[list-item]
    assert together is not None
    for one, other in zip(together, each, strict=True):
        same(one, other)
    assert frames == [FRAMES]


def test_clips_that_share_no_stretch_are_read_apart(tmp_path: Path) -> None:
    path = tmp_path / "intra.mp4"
    encode(path, Encoding(options=gop(4)))
    requests = [
        ReadRequest(str(place), path, FOUR, (place * 0.32, place * 0.32 + 0.3))
        for place in range(5)
    ]
    assert look_together(requests, [np.empty] * 5) is None  # type: ignore[list-item]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each reading process was asked for at once."""
    asked: list[int] = []
    lock = threading.Lock()
    one, several = ReadingProcess.clip, ReadingProcess.clips

    def clip(self: ReadingProcess, request: ReadRequest, timeout: float) -> ReadClip:
        with lock:
            asked.append(1)
        return one(self, request, timeout)

    def clips(
        self: ReadingProcess, requests: list[ReadRequest], timeout: float
    ) -> list[ReadClip] | None:
        with lock:
            asked.append(len(requests))
        return several(self, requests, timeout)

    monkeypatch.setattr(ReadingProcess, "clip", clip)
    monkeypatch.setattr(ReadingProcess, "clips", clips)
    return asked


def test_a_run_of_clips_is_read_together_and_its_neighbours_are_not(
    long: Path, tmp_path: Path, asked: list[int]
) -> None:
    other = tmp_path / "other.mp4"
    encode(other, Encoding())
    requests = [ReadRequest("before", other, FOUR), *prefixes(long, ENDS)]
    requests += [ReadRequest("after", other, FOUR)]
    with Prefetcher(1, in_flight=20) as reader:
        read = list(reader.read(requests))
    assert [request.key for request, _ in read] == [request.key for request in requests]
    for (_, one), two in zip(read, apart(requests), strict=True):
        same(one, two)
    assert sorted(asked) == [1, 1, 10]


@pytest.mark.parametrize("in_flight", [3, 6])
def test_no_more_are_in_flight_and_none_is_lost(
    long: Path, asked: list[int], in_flight: int
) -> None:
    taken = 0

    def requests() -> Iterator[ReadRequest]:
        nonlocal taken
        for request in prefixes(long, [*ENDS, *ENDS]):
            taken += 1
            yield request

    with Prefetcher(1, in_flight=in_flight) as reader:
        for done, _ in enumerate(reader.read(requests()), 1):
            assert taken <= done + in_flight
    assert done == 20
    assert max(asked) == (in_flight + 1) // 2


@pytest.mark.parametrize("damaged", ["fail", "partial"])
def test_a_damaged_stretch_costs_only_the_clips_that_need_it(tmp_path: Path, damaged: Any) -> None:
    path = tmp_path / "broken.mp4"
    encode(path, Encoding(options=gop(10)))
    videos.scramble(path, 0.6, 0.65)
    requests = prefixes(path, [0.3, 0.35, 0.38, 1.0, 1.5], damaged=damaged)
    with Prefetcher(1, in_flight=10) as reader:
        results = [result for _, result in reader.read(requests)]
    for one, other in zip(results, apart(requests), strict=True):
        same(one, other)
    assert [isinstance(result, VideoError) for result in results[:3]] == [False] * 3
    if damaged == "fail":
        assert isinstance(results[-1], VideoError)


def test_a_file_that_hangs_costs_its_own_clips(long: Path, tmp_path: Path) -> None:
    stuck = tmp_path / "stuck.mp4"
    os.mkfifo(stuck)
    requests = [*prefixes(long, ENDS[:3]), *prefixes(stuck, ENDS[:2]), *prefixes(long, ENDS[:3])]
    with Prefetcher(1, timeout=2, in_flight=6) as reader:
        results = [result for _, result in reader.read(requests)]
    for result in results[3:5]:
        assert "not read within 2 s" in str(result)
    sound = [*results[:3], *results[5:]]
    for one, other in zip(sound, apart(prefixes(long, ENDS[:3])) * 2, strict=True):
        same(one, other)


def test_a_cache_of_frames_shares_by_itself(long: Path, tmp_path: Path, asked: list[int]) -> None:
    cache = FrameCache(tmp_path / "frames")
    with Prefetcher(1, in_flight=10) as reader:
        results = [result for _, result in reader.read(prefixes(long, ENDS[:4], cache=cache))]
    for one, other in zip(results, apart(prefixes(long, ENDS[:4])), strict=True):
        same(one, other)
    assert asked == [1] * 4
