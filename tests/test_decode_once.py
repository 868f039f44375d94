"""Decoding is not done twice, and colour and fields are treated alike on every path."""

from __future__ import annotations

import threading
from pathlib import Path

import av
import numpy as np
import pytest

from harness.types import Frames, VideoInfo
from harness.video import full_decode as decoder
from harness.video import probe, read
from harness.video.exact_reader import OpenVideo, open_video
from harness.video.frame_cache import FrameCache
from harness.video.packets import _complaints
from harness.video.prefetch import Prefetcher, ReadRequest
from harness.video.sampling import Sampling
from tests import videos
from tests.test_decode import decode_all, same
from tests.videos import FRAMES, Encoding, encode, gop, number

# Not in the list of codecs whose keyframes reset the decoder.
UNSEEKABLE = {
    "ffv1.mkv": videos.ZOO["ffv1.mkv"],
    "wmv2.asf": videos.ZOO["wmv2.asf"],
    "qtrle_alpha.mov": videos.ZOO["qtrle_alpha.mov"],
    "flv1.flv": Encoding("flv", {"g": "10"}),
}
INTRA = {
    "huffyuv.avi": Encoding("huffyuv", pix_fmt="yuv422p"),
    "ffvhuff.avi": Encoding("ffvhuff", pix_fmt="yuv420p"),
    "utvideo.avi": Encoding("utvideo", pix_fmt="yuv422p"),
    "png.mov": Encoding("png", pix_fmt="rgb24"),
    "prores.mov": Encoding("prores_ks", pix_fmt="yuv422p10le"),
    "raw.avi": Encoding("rawvideo", pix_fmt="yuv420p"),
    "jpeg2000.mov": Encoding("jpeg2000", pix_fmt="yuv420p"),
}


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Counts the frames that full decodes yield."""
    count: list[int] = []
    real = decoder.decoding

    def counted(*arguments: object) -> object:
        for frames in real(*arguments):  # type: ignore[arg-type]
            count.extend(range(len(frames)))
            yield frames

    monkeypatch.setattr(decoder, "decoding", counted)
    return count


@pytest.mark.parametrize("name", UNSEEKABLE)
def test_a_codec_that_cannot_be_sought_in_is_decoded_once(
    name: str, decoded: list[int], tmp_path: Path
) -> None:
    path = tmp_path / name
    encode(path, UNSEEKABLE[name])
    everything, _ = decode_all(path)
    request = ReadRequest("a", path, Sampling(frames=8), segment=(0.2, 1.5))
    with Prefetcher(0) as reader:
        ((_, result),) = reader.read([request])
    assert isinstance(result, tuple), result
    assert len(decoded) == FRAMES
    same(result[1].pixels, [everything[i] for i in result[1].indices])
    decoded.clear()
    other = tmp_path / f"again-{name}"  # not the file whose index is remembered
    encode(other, UNSEEKABLE[name])
    same(read(other, [30, 3]).pixels, [everything[i] for i in (30, 3)])
    assert len(decoded) == FRAMES


@pytest.mark.parametrize("name", INTRA)
def test_a_codec_of_single_pictures_is_sought_in(
    name: str, decoded: list[int], tmp_path: Path
) -> None:
    path = tmp_path / name
    encode(path, INTRA[name])
    everything, _ = decode_all(path)
    assert probe(path).count == FRAMES
    same(read(path, [39, 3, 17]).pixels, [everything[i] for i in (39, 3, 17)])
    assert len(decoded) <= 3


# ── colour and fields: the same on every path ────────────────────────────────────────────────


def _marked(path: Path, transfer: int, primaries: int, matrix: int, fields: str = "") -> None:
    """10-bit HEVC that states its colours (ITU-T H.273), or 8-bit H.264 in fields."""
    if fields:
        encode(path, Encoding(options={"x264-params": f"keyint=10:{fields}=1"}))
        return
    names = f"transfer={transfer}:colorprim={primaries}:colormatrix={matrix}"
    options = {"x265-params": f"log-level=none:pools=none:keyint=10:{names}"}
    encode(path, Encoding("libx265", options, "yuv420p10le", matrix=matrix, format="mp4"))


@pytest.mark.parametrize(
    ("transfer", "primaries", "matrix", "fields"),
    [(16, 9, 9, ""), (18, 9, 9, ""), (1, 12, 1, ""), (1, 1, 1, "tff"), (1, 1, 1, "bff")],
    ids=["PQ", "HLG", "Display P3", "top field first", "bottom field first"],
)
def test_hdr_wide_gamut_and_fields_are_read_alike_on_every_path(
    transfer: int, primaries: int, matrix: int, fields: str, tmp_path: Path
) -> None:
    """No tone mapping, no change of primaries, no deinterlacing: as PyAV's to_ndarray has it."""
    path = tmp_path / "clip.mp4"
    _marked(path, transfer, primaries, matrix, fields)
    everything, _ = decode_all(path)
    for indices in ([0], [39], [4, 17, 33], list(range(FRAMES))):
        same(read(path, indices).pixels, [everything[i] for i in indices])
    small = {size: read(path, [4, 17], size=size).pixels for size in (48, None)}
    with open_video(path) as video:
        counted = _counted(video, [4, 17], 48)
    assert np.array_equal(small[48], counted.pixels)
    assert [number(frame) for frame in small[None]] == [4, 17]
    cache = FrameCache(tmp_path / "cache")
    request = ReadRequest("a", path, Sampling(frames=3), cache=cache)
    for _ in ("kept", "found again"):
        with Prefetcher(0) as reader:
            ((_, result),) = reader.read([request])
        assert isinstance(result, tuple), result
        same(result[1].pixels, [everything[i] for i in (0, 19, 39)])


@pytest.mark.parametrize("name", ["torchcodec", "decord"])
def test_other_decoders_keep_fields_woven_and_colours_as_stated(name: str, tmp_path: Path) -> None:
    pytest.importorskip(name)
    path = tmp_path / "clip.mp4"
    _marked(path, 1, 1, 1, "tff")
    frames = read(path, [4, 17], decoder=name).pixels  # type: ignore[arg-type]
    assert [number(frame) for frame in frames] == [4, 17]
    difference = np.abs(frames.astype(int) - read(path, [4, 17]).pixels)
    assert difference.mean() < 4  # they take the chroma of both fields for one picture's


def _counted(video: OpenVideo, indices: list[int], size: int) -> Frames:
    """The certain path's frames."""
    object.__setattr__(video.index, "seekable", False)
    return video.read(indices, size=size)


# ── nothing of FFmpeg's state is left behind ─────────────────────────────────────────────────


def test_ffmpegs_log_level_is_put_back_when_the_last_thread_is_done(tmp_path: Path) -> None:
    path = tmp_path / "clip.ts"
    encode(path, Encoding(options=gop(5)))
    before = av.logging.get_level(), av.logging.get_skip_repeated()
    found: list[VideoInfo | BaseException] = []

    def work() -> None:
        for _ in range(3):
            path.touch()
            found.append(probe(path))

    threads = [threading.Thread(target=work) for _ in range(4)]
    with _complaints():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert av.logging.get_level() == av.logging.ERROR  # still listening here
    assert (av.logging.get_level(), av.logging.get_skip_repeated()) == before
    assert [info.count for info in found if isinstance(info, VideoInfo)] == [FRAMES] * 12


def test_a_folder_whose_pictures_change_is_looked_at_anew(tmp_path: Path) -> None:
    from PIL import Image

    for place in (1, 2, 3):
        Image.fromarray(videos.picture(place)).save(tmp_path / f"{place}.png")
        assert probe(tmp_path, fps=3.0).count == place
