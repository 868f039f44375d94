"""Sound files that are hard to open are read; what cannot be read is called by its name."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from harness.errors import VideoError
from harness.video import probe, read
from tests import videos
from tests.test_decode import decode_all, same, some
from tests.videos import FRAMES, ZOO, Encoding, encode, gop

_PLAIN = {
    "h264": Encoding(options=gop(10, 2)),
    "hevc": replace(ZOO["hevc_closed.mkv"], format=None),
    "vp8": ZOO["vp8.webm"],
    "vp9": ZOO["vp9.webm"],
    "av1": ZOO["av1.mkv"],
    "mpeg4": Encoding("mpeg4", {"g": "10"}),
    "mpeg2": Encoding("mpeg2video", {"g": "10"}),
    "mjpeg": Encoding("mjpeg", pix_fmt="yuvj420p", full_range=True),
    "ffv1": ZOO["ffv1.mkv"],
}


def without_key_marks(path: Path) -> None:
    """Takes the mark of a keyframe from every SimpleBlock of a Matroska file."""
    data = bytearray(path.read_bytes())

    def number(at: int, *, whole: bool) -> tuple[int, int, int]:
        length = 9 - data[at].bit_length()
        value = int.from_bytes(data[at : at + length], "big")
        return value if whole else value & ((1 << 7 * length) - 1), at + length, length

    def walk(at: int, end: int) -> None:
        while at < end:
            name, at, _ = number(at, whole=True)
            size, at, length = number(at, whole=False)
            if size == (1 << 7 * length) - 1:  # left open
                size = end - at
            if name in (0x18538067, 0x1F43B675):  # Segment, Cluster
                walk(at, min(end, at + size))
            elif name == 0xA3:
                _, block, _ = number(at, whole=False)
                data[block + 2] &= 0x7F
            at += size

    walk(0, len(data))
    path.write_bytes(data)


@pytest.mark.parametrize("codec", _PLAIN)
@pytest.mark.parametrize("live", [True, False], ids=["no cues", "cues"])
@pytest.mark.parametrize("marked", [True, False], ids=["marked", "unmarked"])
def test_matroska_without_cues_or_key_marks_is_read(
    codec: str, *, live: bool, marked: bool, tmp_path: Path
) -> None:
    path = tmp_path / "clip.mkv"
    encode(path, replace(_PLAIN[codec], format="matroska", muxer={"live": str(int(live))}))
    if not marked:
        without_key_marks(path)
    everything, _ = decode_all(path)
    assert probe(path).count == len(everything) == FRAMES
    for indices in some(FRAMES, 2)[1:]:
        same(read(path, indices).pixels, [everything[i] for i in indices])


def refusal(path: Path) -> str:
    """What probing and reading say alike, under any treatment of damage."""
    words = set()
    for attempt in (lambda: probe(path, damaged="partial"), lambda: read(path, [0])):
        with pytest.raises(VideoError) as caught:
            attempt()
        words.add(str(caught.value))
    assert len(words) == 1
    (one,) = words
    assert str(path) in one
    assert "\n" not in one
    assert "not permitted" not in one
    return one


@pytest.mark.parametrize("scheme", ["cenc-aes-ctr"])
def test_an_encrypted_file_is_said_to_be_encrypted(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    keys = {"encryption_scheme": scheme, "encryption_key": "01" * 16, "encryption_kid": "02" * 16}
    encode(path, Encoding(options=gop(10), muxer=keys))
    assert "encrypted (CENC)" in refusal(path)


@pytest.mark.parametrize("name", ["clip.mp4", "clip.webm"])
def test_a_file_of_headers_only_is_said_to_hold_no_frame(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if path.suffix == ".webm":
        encode(path, ZOO["vp9.webm"])
        data = path.read_bytes()
        path.write_bytes(data[: data.index(b"\x1f\x43\xb6\x75")])  # up to the first Cluster
    else:
        encode(path, ZOO["h264_fragmented.mp4"])
        data = path.read_bytes()
        end = data.index(b"moof") - 4
        sidx = data.find(b"sidx")
        path.write_bytes(data[: min(end, sidx - 4) if 0 < sidx < end else end])
    assert "not one frame is in it, only its header" in refusal(path)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".flv", ".ts", ".webm"])
def test_a_file_that_ends_in_its_header_is_refused_in_plain_words(
    suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"clip{suffix}"
    encode(path, ZOO["vp9.webm"] if suffix == ".webm" else Encoding(options=gop(10)))
    data = path.read_bytes()
    for size in (40, 300, 600):
        path.write_bytes(data[:size])
        refusal(path)


def test_a_path_that_looks_like_a_protocol_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("run:2024", "http:", "concat:a|b", "50%d", "file:", "data:,"):
        (tmp_path / name).mkdir()
        videos.encode(tmp_path / name / "a:b.mp4", Encoding(numbers=[1, 2, 3]))
    monkeypatch.chdir(tmp_path)
    for name in os.listdir():
        for path in (Path(name) / "a:b.mp4", tmp_path / name / "a:b.mp4"):
            assert [videos.number(f) for f in read(path, [0, 2]).pixels] == [1, 3]
