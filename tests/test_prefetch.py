"""Reading ahead: in order, bounded, and no clip can take another one, or the run, down with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.errors import HarnessError, RequestError, VideoError
from harness.types import Frames
from harness.video.prefetch import Prefetcher, ReadClip, ReadRequest
from harness.video.sampling import Sampling
from tests.videos import Encoding, encode, number

FOUR = Sampling(frames=4)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ahead") / "clip.mp4"
    encode(path, Encoding())
    return path


@pytest.fixture
def stuck(tmp_path: Path) -> Path:
    """A video that hangs whoever opens it: a pipe that nobody writes to."""
    path = tmp_path / "stuck.mp4"
    os.mkfifo(path)
    return path


def numbers(result: ReadClip | VideoError) -> list[int]:
    assert not isinstance(result, VideoError), result
    return [number(frame) for frame in result[1].pixels]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_clips_come_in_order_with_what_was_asked(workers: int, clip: Path, tmp_path: Path) -> None:
    requests = [
        ReadRequest("a", clip, FOUR),
        ReadRequest("missing", tmp_path / "absent.mp4", FOUR),
        ReadRequest("b", clip, Sampling("arange", 5), segment=(0.4, 1.2)),
        ReadRequest("small", clip, Sampling(frames=2), size=48),
        ReadRequest("repeats", clip, Sampling(frames=50, short="repeat")),
    ]
    with Prefetcher(workers) as reader:
        got = list(reader.read(requests))
    assert [request.key for request, _ in got] == [request.key for request in requests]
    a, missing, b, small, repeats = (result for _, result in got)
    assert numbers(a) == [0, 13, 26, 39]
    assert isinstance(missing, VideoError)
    assert "no such file" in str(missing)
    assert numbers(b) == [10, 14, 18, 22, 26]
    assert not isinstance(small, VideoError)
    assert small[1].pixels.shape == (2, 48, 64, 3)
    assert len(numbers(repeats)) == 50
    assert reader.waited > 0


def test_shared_pixels_outlive_the_reader_and_may_be_written(clip: Path) -> None:
    with Prefetcher(1) as reader:
        ((_, result),) = reader.read([ReadRequest("a", clip, FOUR)])
    assert not isinstance(result, VideoError)
    frames: Frames = result[1]
    frames.pixels[0] = 7
    assert frames.pixels[0].min() == 7
    assert number(frames.pixels[3]) == 39


def test_no_more_clips_are_taken_on_than_may_be_in_flight(clip: Path) -> None:
    taken = 0

    def requests() -> Iterator[ReadRequest]:
        nonlocal taken
        for place in range(12):
            taken += 1
            yield ReadRequest(str(place), clip, FOUR)

    with Prefetcher(2, in_flight=3) as reader:
        for done, _ in enumerate(reader.read(requests()), 1):
            assert taken <= done + 3


def test_a_clip_that_hangs_costs_itself_alone(clip: Path, stuck: Path) -> None:
    requests = [ReadRequest(str(i), path, FOUR) for i, path in enumerate([clip, stuck, clip, clip])]
    with Prefetcher(1, timeout=2) as reader:
        results = [result for _, result in reader.read(requests)]
    assert isinstance(results[1], VideoError)
    assert f"{stuck}: not read within 2 s" in str(results[1])
    for healthy in (results[0], *results[2:]):
        assert numbers(healthy) == [0, 13, 26, 39]


def test_a_clip_that_crashes_its_worker_costs_itself_alone(clip: Path, stuck: Path) -> None:
    def crash() -> None:
        for child in psutil.Process().children():
            child.send_signal(signal.SIGSEGV)

    requests = [ReadRequest("stuck", stuck, FOUR), ReadRequest("next", clip, FOUR)]
    with Prefetcher(1) as reader:
        results = reader.read(requests)
        timer = threading.Timer(1.5, crash)
        timer.start()
        _, crashed = next(results)
        assert isinstance(crashed, VideoError)
        assert "the decoder crashed (signal 11)" in str(crashed)
        assert numbers(next(results)[1]) == [0, 13, 26, 39]
        timer.join()


def test_leaving_early_ends_the_workers(clip: Path, stuck: Path) -> None:
    before = set(psutil.Process().children())
    with Prefetcher(2) as reader:
        for _ in reader.read(
            ReadRequest(str(i), p, FOUR) for i, p in enumerate([clip, stuck, stuck])
        ):
            break
    assert not set(psutil.Process().children()) - before
    with pytest.raises(HarnessError, match="closed"):
        list(reader.read([ReadRequest("late", clip, FOUR)]))


def test_a_wrong_request_stops_the_run(clip: Path) -> None:
    for workers in (0, 1):
        with Prefetcher(workers) as reader, pytest.raises(RequestError, match="write pyav"):
            list(reader.read([ReadRequest("a", clip, FOUR, decoder="ffms")]))  # type: ignore[arg-type]


def test_a_defect_is_raised_with_its_traceback(clip: Path) -> None:
    with Prefetcher(1) as reader, pytest.raises(TypeError) as caught:
        list(reader.read([ReadRequest("a", clip, FOUR, size="large")]))  # type: ignore[arg-type]
    assert "Traceback" in "".join(caught.value.__notes__)


_PROGRAM = """
import sys
from pathlib import Path
from harness.video.prefetch import Prefetcher, ReadRequest
with Prefetcher(2) as reader:
    print(*[worker._process.pid for worker in reader._workers], flush=True)
    list(reader.read([ReadRequest(str(i), Path(sys.argv[1])) for i in range(4)]))
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_die_with_their_parent(how: signal.Signals, stuck: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(stuck)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
    time.sleep(1)  # the clips are being opened
    parent.send_signal(how)
    _, errors = parent.communicate(timeout=30)
    gone, alive = psutil.wait_procs(workers, timeout=30)
    assert (len(gone), alive) == (2, [])
    if how == signal.SIGINT:
        assert "KeyboardInterrupt" in errors
        assert "VideoError" not in errors


def test_workers_start_without_torch(clip: Path) -> None:
    program = "import sys, harness.video.prefetch_worker; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not {"torch", "transformers", "scipy", "pandas", "PIL"} & set(loaded.stdout.split())


def test_a_folder_of_numbered_frames_is_a_clip(tmp_path: Path) -> None:
    """MVBench's episodic_reasoning: 3 frames a second, numbered from 1."""
    from PIL import Image

    from tests.videos import picture

    for place in range(1, 13):
        Image.fromarray(picture(place)).save(tmp_path / f"{place:05d}.png")
    (tmp_path / "notes.txt").write_text("not a frame")
    request = ReadRequest("f", tmp_path, Sampling("midpoints", 3), segment=(1.0, 3.0), fps=3.0)
    with Prefetcher(1) as reader:
        results = list(reader.read([request, ReadRequest("no clock", tmp_path, fps=3.0)]))
    (_, result), (_, whole) = results
    # numbers 3 to 9 by MVBench's get_index: 3 + 1 + 2i
    assert numbers(result) == [4, 6, 8]
    assert not isinstance(result, VideoError)
    assert result[1].times == pytest.approx([1.0, 5 / 3, 7 / 3])
    assert result[0].count == 12
    assert numbers(whole) == [1, 2, 4, 5, 7, 8, 10, 12]
    assert np.array_equal(result[1].pixels[0], picture(4))
    with Prefetcher(0) as reader:  # it costs that clip, not the run
        ((_, none), (_, again)) = reader.read([ReadRequest("no clock", tmp_path), request])
    assert isinstance(none, VideoError)
    assert "no clock: give fps" in str(none)
    assert numbers(again) == [4, 6, 8]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_segment_outside_costs_its_clip_and_a_cut_one_is_noted(workers: int, clip: Path) -> None:
    requests = [
        ReadRequest("outside", clip, FOUR, segment=(7.5, 9.0)),
        ReadRequest("partly", clip, FOUR, segment=(1.0, 9.0)),
        ReadRequest("within", clip, FOUR, segment=(1.0, 1.6)),
    ]
    with Prefetcher(workers) as reader:
        outside, partly, within = (result for _, result in reader.read(requests))
    assert isinstance(outside, VideoError)
    assert str(outside).startswith(f"{clip}: the segment 7.5 to 9 s lies outside the video")
    assert numbers(partly) == [25, 29, 34, 39]
    assert partly[1].notes == ("segment 1 to 9 s cut to the video, which lasts 1.6 s",)  # type: ignore[index]
    assert within[1].notes == ()  # type: ignore[index]


def test_pixels_in_total_shrink_the_frames(clip: Path) -> None:
    card = Sampling(frames=4, total_pixels=4 * 64 * 48)
    with Prefetcher(1) as reader:
        ((_, result),) = reader.read([ReadRequest("a", clip, card)])
    assert numbers(result) == [0, 13, 26, 39]
    assert result[1].pixels.shape == (4, 48, 64, 3)  # type: ignore[union-attr]
