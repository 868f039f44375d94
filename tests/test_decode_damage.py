"""Damaged input fails by default, saying what is wrong; what is sound is read on request only."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from harness.errors import VideoError
from harness.types import Frames, Pixels
from harness.video import probe, read, verify
from harness.video.verification import _spread
from tests import videos
from tests.videos import FRAMES, Encoding, encode, number

CUT = ["h264_faststart.mp4", "h264_fragmented.mp4", "h264_open.mkv", "vp9.webm", "mpeg4.avi"]
CUT += ["h264_closed.ts", "h264.flv", "h264_b_frames.avi", "mpeg2.ts"]
SCRAMBLED = [*CUT, "h264_closed.mp4", "hevc_open.mp4", "av1.mp4"]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[bytes, Pixels]]:
    """Each video's bytes and frames before it is damaged."""
    folder = tmp_path_factory.mktemp("sound")
    paths = {name: videos.make(name, folder) for name in sorted({*CUT, *SCRAMBLED})}
    return {n: (p.read_bytes(), read(p, range(FRAMES)).pixels) for n, p in paths.items()}


def every_frame_is_sound(frames: Frames, before: Pixels) -> None:
    """Each carries a number, and equals the frame of that number before the damage."""
    for frame in frames.pixels:
        assert np.array_equal(frame, before[number(frame)])


@pytest.mark.parametrize("name", CUT)
def test_a_cut_file_fails_and_gives_what_it_has_on_request(
    name: str, sound: dict[str, tuple[bytes, Pixels]], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(sound[name][0])
    videos.cut(path, 0.7)
    with pytest.raises(VideoError, match=r"cut at \d\d%|damaged|undecodable"):
        read(path, range(probe(path, damaged="partial").count))
    info = probe(path, damaged="partial")
    assert 0 < info.count < FRAMES
    frames = read(path, range(info.count), damaged="partial")
    every_frame_is_sound(frames, sound[name][1])
    assert frames.damage
    assert len(frames.pixels) == len(frames.indices) == len(frames.times) >= info.count - 2


@pytest.mark.parametrize("name", SCRAMBLED)
def test_a_scrambled_middle_fails_and_gives_the_rest_on_request(
    name: str, sound: dict[str, tuple[bytes, Pixels]], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(sound[name][0])
    videos.scramble(path, 0.45, 0.5)
    info = probe(path, damaged="partial")
    with pytest.raises(VideoError, match=r"damaged|missing"):
        read(path, range(info.count))
    frames = read(path, range(info.count), damaged="partial")
    every_frame_is_sound(frames, sound[name][1])
    assert "undecodable" in frames.damage
    assert FRAMES / 4 < len(frames.indices) < FRAMES
    if name.endswith(".mp4"):  # its index survives: so do the frames' places
        assert [number(frame) for frame in frames.pixels] == list(frames.indices)


@pytest.mark.parametrize("name", SCRAMBLED)
@pytest.mark.parametrize("where", [0.3, 0.45, 0.6, 0.85])
def test_verifying_finds_what_lies_between_the_ends(
    name: str, where: float, sound: dict[str, tuple[bytes, Pixels]], tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(sound[name][0])
    assert verify(path) is None
    videos.scramble(path, where, where + 0.05)
    found = verify(path)
    if found is None:  # it hit nothing that is shown, or a codec that notices nothing
        frames = read(path, range(FRAMES))
        assert np.array_equal(frames.pixels, sound[name][1])
    else:
        assert found.startswith(f"{path}: ")
        assert "\n" not in found
    assert found is not None or where != 0.45


@pytest.mark.parametrize("length", [1, 8, 60, 300])
def test_scrambled_vp9_gives_no_wrong_frame(
    length: int, sound: dict[str, tuple[bytes, Pixels]], tmp_path: Path
) -> None:
    """It has no checksums, and FFmpeg's own decoder notices next to nothing."""
    content, before = sound["vp9.webm"]
    for place in range(len(content) // 10, len(content) * 9 // 10, len(content) // 9):
        path = tmp_path / f"{place}.webm"
        noise = np.random.default_rng(place).bytes(length)
        path.write_bytes(content[:place] + noise + content[place + length :])
        try:
            frames = read(path, range(FRAMES), damaged="partial")
        except VideoError:
            continue
        for index, frame in zip(frames.indices, frames.pixels, strict=True):
            assert np.array_equal(frame, before[index]), (place, index)


def test_verifying_a_long_video_stops_when_its_time_is_up(
    sound: dict[str, tuple[bytes, Pixels]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.video import verification
    from harness.video.exact_reader import OpenVideo

    path = tmp_path / "long.mp4"
    encode(path, Encoding(options=videos.gop(4)))
    stretches: list[list[int]] = []
    monkeypatch.setattr(OpenVideo, "check", lambda _, stretch: stretches.append(stretch))
    assert verify(path) is None
    assert [s[0] for s in stretches] == [0, 36, 16, 8, 24, 4, 12, 20, 28, 32]
    stretches.clear()
    monkeypatch.setattr(verification, "SECONDS", -1.0)
    assert verify(path) is None
    assert [s[0] for s in stretches] == [0]


def test_places_are_spread_and_each_comes_once() -> None:
    for count in range(1, 40):
        assert sorted(_spread(count)) == list(range(count))
    assert list(_spread(9))[:5] == [0, 8, 4, 2, 6]


@pytest.mark.parametrize("name", ["absent.mp4", "text.mp4", "folder"])
def test_verifying_says_in_one_line_what_is_no_video(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "text.mp4":
        path.write_text("not a video")
    elif name == "folder":
        path.mkdir()
        (path / "0001.png").write_bytes(b"no picture")
    found = verify(path, fps=1.0)
    assert found is not None
    assert str(path) in found


def test_frames_before_and_after_the_damage_read_as_if_there_were_none(
    sound: dict[str, tuple[bytes, Pixels]], tmp_path: Path
) -> None:
    path = tmp_path / "scrambled.mp4"
    path.write_bytes(sound["h264_faststart.mp4"][0])
    videos.scramble(path, 0.45, 0.5)
    assert [number(frame) for frame in read(path, [2, 8, 33, 39]).pixels] == [2, 8, 33, 39]
    with pytest.raises(VideoError, match="1 of 2 target frames undecodable"):
        read(path, [2, 15])
    partial = read(path, [2, 15, 39], damaged="partial")
    assert partial.indices == (2, 39)
    assert partial.damage == "1 of 3 target frames undecodable"


def test_nothing_sound_is_an_error_even_when_damage_is_allowed(
    sound: dict[str, tuple[bytes, Pixels]], tmp_path: Path
) -> None:
    path = tmp_path / "scrambled.mp4"
    path.write_bytes(sound["h264_faststart.mp4"][0])
    videos.scramble(path, 0.45, 0.5)
    with pytest.raises(VideoError, match="1 of 1 target frames undecodable"):
        read(path, [15], damaged="partial")


def test_what_is_cut_after_the_last_frame_does_not_matter(
    sound: dict[str, tuple[bytes, Pixels]], tmp_path: Path
) -> None:
    path = tmp_path / "tail.mp4"
    path.write_bytes(sound["h264_faststart.mp4"][0] + b"\0\0\x10\0free")
    assert len(read(path, range(FRAMES)).pixels) == FRAMES


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", r"0 bytes"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "HTML page"),
        (b"\n<html><head></head></html>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "Git LFS"),
        ("not a vidéo\n".encode(), "text file"),
        (bytes(range(256)) * 40, "FFmpeg cannot open it"),
    ],
    ids=["empty", "html", "bare-html", "lfs", "text", "bytes"],
)
def test_what_is_no_video_is_named(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    for attempt in (lambda: probe(path), lambda: read(path, [0], damaged="partial")):
        with pytest.raises(VideoError, match=words) as caught:
            attempt()
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("ending", ["webp", "mp4"])
def test_an_animated_webp_is_called_what_it_is(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"clip.{ending}"
    first, *others = (Image.new("RGB", (32, 32), (shade, 0, 0)) for shade in (0, 99, 200))
    first.save(path, "WEBP", save_all=True, append_images=others)
    for attempt in (lambda: probe(path), lambda: read(path, [0])):
        with pytest.raises(VideoError, match="an animated WebP, which FFmpeg does not decode"):
            attempt()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match="no such file"):
        probe(tmp_path / "absent.mp4")


def test_a_file_cut_before_its_index_is_named(tmp_path: Path) -> None:
    path = tmp_path / "index_last.mp4"
    encode(path, Encoding())
    videos.cut(path, 0.7)
    for damaged in ("fail", "partial"):
        with pytest.raises(VideoError, match="moov"):
            probe(path, damaged=damaged)


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16000, layout="mono")
        for packet in videos.silence(sound, 0.5):
            container.mux(packet)
    with pytest.raises(VideoError, match=r"no video stream \(it holds only audio"):
        probe(path)


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=16000, layout="mono")
        cover = videos.add_cover(container)
        for packet in cover.encode(videos.frame(0, Encoding(pix_fmt="rgb24"))):
            container.mux(packet)
        for packet in videos.silence(sound, 0.5):
            container.mux(packet)
    with pytest.raises(VideoError, match="only a cover picture"):
        probe(path)
