"""Kinds of file that other programs make, each held against decoding everything.

Most come from the ffmpeg program, by the words below. What PyAV alone can make stands in
``tests.videos``.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageOps

from harness.video import probe, read
from tests.test_decode import decode_all, same, some
from tests.videos import FRAMES, Encoding, encode, gop, number, picture

_X264 = "-c:v libx264 -preset veryfast -g 12 -bf 3 -pix_fmt yuv420p"
_X265 = "-c:v libx265 -preset ultrafast -x265-params log-level=none:pools=none:keyint=12:bframes=3"
_FIELDS = "-flags +ildct+ilme"

# The words behind the input (a moving test picture) and before the output.
RECIPES: Mapping[str, str] = {
    "access_unit_delimiters.mp4": f"{_X264} -x264-params aud=1",
    "alpha.webm": "-c:v libvpx -auto-alt-ref 0 -pix_fmt yuva420p -g 20 -deadline realtime",
    "animated.apng": "-f apng",
    "animated.gif": "",
    "aom.mkv": "-c:v libaom-av1 -cpu-used 8 -lag-in-frames 19 -g 25",
    "av1.ivf": "-c:v libsvtav1 -preset 12 -g 20 -svtav1-params lp=1",
    "avc3.mp4": f"{_X264} -tag:v avc3 -bsf:v dump_extra",
    "b16.mp4": "-c:v libx264 -bf 16 -b_strategy 0 -g 250",
    "cinepak.mov": "-s 80x60 -t 1 -c:v cinepak",
    "dash.mp4": f"{_X264} -movflags dash",
    "fake_interlaced.mp4": f"{_X264} -x264-params fake-interlaced=1",
    "fields.mpg": f"-c:v mpeg2video -g 12 -bf 2 {_FIELDS}",
    "fields.ts": f"{_X264} {_FIELDS} -x264-params interlaced=1",
    "fields_hevc.mp4": "-c:v libx265 -x265-params log-level=none:pools=none:field=1",
    "fragment_each.mp4": f"{_X264} -movflags frag_every_frame+empty_moov",
    "fragments_behind.mp4": f"{_X264} -movflags frag_keyframe",
    "late.mp4": f"{_X264} -vf setpts=PTS+10/TB -copyts",
    "layers_hevc.mp4": f"{_X265}:temporal-layers=2",
    "live.mkv": f"{_X264} -live 1 -f matroska",
    "lossless_444.mp4": "-c:v libx264 -qp 0 -pix_fmt yuv444p",
    "magicyuv.avi": "-c:v magicyuv -pix_fmt gbrp",
    "mpeg2.m2v": "-c:v mpeg2video -g 12 -bf 2",
    "mpeg2.mxf": "-c:v mpeg2video -g 12",
    "negative_offsets.mp4": f"{_X264} -movflags negative_cts_offsets",
    "negative_offsets_hevc.mp4": f"{_X265} -movflags negative_cts_offsets",
    "negative_times.mkv": f"{_X264} -output_ts_offset -1.5 -avoid_negative_ts disabled",
    "open_groups.mkv": f"{_X264} -x264-params open-gop=1",
    "palette.mov": "-c:v smc -pix_fmt pal8",
    "periodic_refresh.mp4": f"{_X264} -x264-params intra-refresh=1",
    "repeated_headers_hevc.mp4": f"{_X265}:repeat-headers=1:open-gop=1",
    "screen.flv": "-c:v flashsv",
    "slices.mp4": f"{_X264} -x264-params slices=4",
    "theora.ogv": "-c:v libtheora -g 12",
    "timescale_1000.mp4": f"{_X264} -video_track_timescale 1000",
    "variable.mp4": "-c:v libx264 -vf select='not(mod(n,3))+lt(n,20)' -fps_mode vfr",
    "vp8_alt_ref.ivf": "-c:v libvpx -auto-alt-ref 1 -lag-in-frames 16 -g 40 -cpu-used 5",
    "vp9_444.webm": "-c:v libvpx-vp9 -pix_fmt yuv444p -profile:v 1 -deadline realtime -cpu-used 8",
    "vp9_alt_ref.mp4": "-c:v libvpx-vp9 -auto-alt-ref 1 -lag-in-frames 16 -g 40 -cpu-used 5",
    "wraps.ts": f"{_X264} -output_ts_offset 95443",
    "zero_latency.mp4": "-c:v libx264 -tune zerolatency",
    "zmbv.avi": "-c:v zmbv",
}
# Made of others without encoding them anew: the inputs, and the words behind them.
COPIED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "cropped.mp4": (
        ("one.mp4",),
        "-bsf:v h264_metadata=crop_left=8:crop_top=8:crop_right=16:crop_bottom=4",
    ),
    "empty_edit.mp4": (("one.mp4",), "-output_ts_offset 1.5"),
    "split_superframes.mkv": (("vp9_alt_ref.mp4",), "-bsf:v vp9_superframe_split"),
    **{f"joined.{suffix}": (("one.mp4", "two.mp4"), "") for suffix in ("mkv", "mp4", "mov", "flv")},
    **{f"joined.{suffix}": (("one.mp4", "two.mp4"), "") for suffix in ("ts", "nut")},
    "joined_sizes.mkv": (("one.mp4", "large.mp4"), ""),
    "joined_sizes.mp4": (("one.mp4", "large.mp4"), ""),
}
_PARTS = {
    "one.mp4": _X264,
    "two.mp4": "-vf hue=h=90 -c:v libx264 -g 12 -pix_fmt yuv420p -x264-params cabac=0:ref=1",
    "large.mp4": f"-s 224x176 {_X264}",
}
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs the ffmpeg program")


def _made(name: str, folder: Path) -> Path:
    path = folder / name
    words = (RECIPES | _PARTS).get(name)
    if words is not None:
        source = ["-f", "lavfi", "-i", "testsrc2=s=160x120:r=25:d=2"]
        what = words.split()
    else:
        parts, more = COPIED[name]
        listing = folder / f"{name}.txt"
        listing.write_text("".join(f"file '{_made(part, folder)}'\n" for part in parts))
        source = ["-f", "concat", "-safe", "0", "-i", str(listing)]
        source = source if len(parts) > 1 else ["-i", str(folder / parts[0])]
        what = ["-c", "copy", *more.split()]
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *source, *what, str(path)], capture_output=True, text=True
    )
    if done.returncode:  # built without this encoder
        pytest.skip(done.stderr.strip().splitlines()[0])
    return path


def exact(path: Path, *, first_size: bool = False) -> int:
    """Holds what is read against decoding everything; ``first_size``: where the size changes, only
    frames of the first size."""
    everything, _ = decode_all(path)
    info = probe(path)
    assert info.count == len(everything)
    alike = [i for i, f in enumerate(everything) if f.shape == everything[0].shape]
    assert first_size == (len(alike) < len(everything))
    for asked in [*some(len(alike), 9), [1], [20]]:
        got = read(path, [alike[i] for i in asked])
        same(got.pixels, [everything[alike[i]] for i in asked])
        assert not got.damage
    return info.count


@needs_ffmpeg
@pytest.mark.parametrize("name", [*RECIPES, *COPIED])
def test_what_the_ffmpeg_program_makes_is_read_exactly(name: str, tmp_path: Path) -> None:
    exact(_made(name, tmp_path), first_size="sizes" in name)


@needs_ffmpeg
def test_transport_streams_in_a_row_are_read_exactly(tmp_path: Path) -> None:
    """Other parameter sets, another size, the first ones again; the clock starts anew each time."""
    parts = []
    for name in ("one.mp4", "two.mp4", "large.mp4", "one.mp4"):
        part = tmp_path / f"{name}.ts"
        words = ["ffmpeg", "-v", "error", "-y", "-i", str(_made(name, tmp_path)), "-c", "copy"]
        subprocess.run([*words, str(part)], check=True)
        parts.append(part.read_bytes())
    path = tmp_path / "all.ts"
    path.write_bytes(b"".join(parts))
    assert exact(path, first_size=True) == 200


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_times_that_are_those_of_storage_are_not_believed(
    codec: str, suffix: str, tmp_path: Path
) -> None:
    """What comes of a bare bitstream that is put into a container without its frames' order."""
    path, bare = tmp_path / f"clip{suffix}", tmp_path / f"bare{suffix}"
    options = gop(12, 3)
    if codec == "libx265":
        options = {"x265-params": "keyint=12:bframes=3:log-level=none:pools=none"}
    encode(path, Encoding(codec, options))
    with av.open(str(path)) as source, av.open(str(bare), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        packets = [p for p in source.demux(video=0) if p.size]
        for place, packet in enumerate(packets):
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = place
            packet.duration = 1
            out.mux(packet)
    assert exact(bare) >= FRAMES - 3  # the muxer or decoder may drop the last
    assert [number(f) for f in read(bare, [5, 9, 21]).pixels] == [5, 9, 21]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_with_exif_are_read_upright(orientation: int, tmp_path: Path) -> None:
    """PyAV knows no EXIF among a frame's side data, and its rotation tells no mirroring."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "camera.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuvj420p"
        for place in range(4):
            jpeg = io.BytesIO()
            Image.fromarray(picture(place)).save(jpeg, "JPEG", exif=exif.tobytes())
            packet = av.Packet(jpeg.getvalue())
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = place
            out.mux(packet)
    frames = read(path, [0, 3]).pixels
    for frame, place in zip(frames, [0, 3], strict=True):
        stored = Image.fromarray(picture(place))
        stored.getexif()[0x0112] = orientation
        upright = np.asarray(ImageOps.exif_transpose(stored))
        assert frame.shape == upright.shape
        assert np.abs(frame.astype(int) - upright).mean() < 6
