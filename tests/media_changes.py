"""Videos whose decoder is told something behind the first packet, and not again.

``CHANGED`` names those whose parameter sets change midway (H.264 with CABAC and CAVLC, HEVC),
``PALETTES`` those whose palette only the first packet carries. Each is a function of the path to
write; the pictures are those of ``tests.videos``, numbered.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from harness.video.parameter_sets import UNITS, length_size
from tests.videos import FRAMES, Encoding, encode, picture

_HALF = FRAMES // 2
_KEYS = "keyint=5:min-keyint=5:scenecut=0:bframes=0"


def _h264(cabac: int, qp: int, numbers: range) -> Encoding:
    return Encoding(
        options={"x264-params": f"{_KEYS}:cabac={cabac}:8x8dct=0:qp={qp}"}, numbers=numbers
    )


def _hevc(ctu: int, numbers: range) -> Encoding:
    settings = f"log-level=none:pools=none:{_KEYS}:open-gop=0:ctu={ctu}:qp={ctu // 2 + 4}"
    return Encoding("libx265", {"x265-params": settings}, numbers=numbers)


_FIRST, _SECOND = range(_HALF), range(_HALF, FRAMES)
_CAVLC = _h264(0, 20, _FIRST), _h264(0, 38, _SECOND)
_CABAC = _h264(1, 20, _FIRST), _h264(1, 38, _SECOND)
_MIXED = _h264(0, 24, _FIRST), _h264(1, 30, _SECOND)
_HEVC = _hevc(16, _FIRST), _hevc(64, _SECOND)
_Pair = tuple[Encoding, Encoding]


def _halves(path: Path, pair: _Pair, suffix: str) -> tuple[Path, Path]:
    """Both encodings as files of their own."""
    first, second = path.with_suffix(f".1{suffix}"), path.with_suffix(f".2{suffix}")
    encode(first, pair[0])
    encode(second, pair[1])
    return first, second


def _packets(path: Path) -> tuple[bytes, list[tuple[bytes, bool]]]:
    """The extradata, and each packet with whether it is a keyframe."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [(bytes(p), p.is_keyframe) for p in container.demux(stream) if p.size]
        return bytes(stream.codec_context.extradata or b""), packets


def in_band(path: Path, pair: _Pair) -> None:
    """The second half's parameter sets stand in its first packet, and nowhere else."""
    first, second = _halves(path, pair, ".mp4")
    _, packets = _packets(first)
    extradata, more = _packets(second)
    codec = "h264" if pair[0].codec == "libx264" else "hevc"
    size = length_size(codec, extradata)
    sets = b"".join(len(s).to_bytes(size, "big") + s for s in UNITS[codec].stored(extradata))
    _remux(path, first, [*packets, (sets + more[0][0], True), *more[1:]])


def _remux(
    path: Path, template: Path, packets: list[tuple[bytes, bool]], *, bare: bool = False
) -> None:
    """Writes packets as a stream that is set up like the template's; ``bare``: without its
    parameter sets, which the transport stream's muxer would else put before every keyframe."""
    with av.open(str(template)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        if bare:
            stream.codec_context.extradata = None
        for place, (data, key) in enumerate(packets):
            packet: Packet[VideoStream] = Packet(data)  # type: ignore[assignment]
            packet.stream, packet.time_base = stream, Fraction(1, 25)
            packet.pts = packet.dts = place
            packet.duration, packet.is_keyframe = 1, key
            out.mux(packet)


def annexb(path: Path, pair: _Pair) -> None:
    """Start codes instead of lengths, parameter sets only in each half's first packet."""
    parts = []
    for half in _halves(path, pair, ".h264"):
        _, packets = _packets(half)
        parts += [packets[0], *((_without_sets(data), key) for data, key in packets[1:])]
    _remux(path, path.with_suffix(".1.h264"), parts, bare=True)


def _without_sets(data: bytes) -> bytes:
    units = [unit.lstrip(b"\0") for unit in data.split(b"\0\0\1") if unit.strip(b"\0")]
    return b"".join(b"\0\0\0\1" + unit for unit in units if unit[0] & 31 not in (7, 8))


def flv_headers(path: Path, pair: _Pair) -> None:
    """A live recording whose encoder was set anew: a second sequence header midway."""
    first, second = _halves(path, pair, ".flv")
    tags = [tag for tag in _tags(first) if tag[2][1] != 2]  # 2: the end of the sequence
    later = tags[-1][1] + 40
    tags += [(kind, at + later, body) for kind, at, body in _tags(second)]
    out = first.read_bytes()[:13]
    for kind, at, body in tags:
        size = len(body).to_bytes(3, "big")
        clock = (at & 0xFFFFFF).to_bytes(3, "big") + bytes([at >> 24])
        out += bytes([kind]) + size + clock + b"\0\0\0" + body
        out += (11 + len(body)).to_bytes(4, "big")
    path.write_bytes(out)


def _tags(path: Path) -> Iterator[tuple[int, int, bytes]]:
    """FLV's video tags: kind, milliseconds, body."""
    data, at = path.read_bytes(), 13
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        clock = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        if data[at] == 9:
            yield 9, clock, data[at + 11 : at + 11 + size]
        at += 15 + size


def two_descriptions(path: Path, pair: _Pair) -> None:
    """An MP4 of one track with two sample descriptions, as MP4Box joins clips."""
    first, second = _halves(path, pair, ".mp4")
    top, one, before = _track(first)
    _, two, after = _track(second)
    samples = before + after
    numbers = partial(struct.pack, f">{len(samples)}I")
    ftyp = _box(b"ftyp", top[b"ftyp"])
    start = len(ftyp) + 8
    starts = start, start + sum(len(s) for s, _ in before)
    keys = [place for place, (_, key) in enumerate(samples, 1) if key]
    table = _box(
        b"stbl",
        _box(b"stsd", _u32(0, 2), one, two),
        _box(b"stts", _u32(0, 1, len(samples), 512)),  # 1/25 s in PyAV's 12800 a second
        _box(b"stss", _u32(0, len(keys), *keys)),
        _box(b"stsc", _u32(0, 2, 1, len(before), 1, 2, len(after), 2)),
        _box(b"stsz", _u32(0, 0, len(samples)), numbers(*(len(s) for s, _ in samples))),
        _box(b"stco", _u32(0, 2, *starts)),
    )
    moov = _box(b"moov", _with_table(top[b"moov"], table, len(samples)))
    path.write_bytes(ftyp + _box(b"mdat", *(s for s, _ in samples)) + moov)


def _track(path: Path) -> tuple[dict[bytes, bytes], bytes, list[tuple[bytes, bool]]]:
    """Top-level boxes, the one sample description, the samples."""
    top = dict(_boxes(path.read_bytes()))
    inner = top[b"moov"]
    for name in (b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        inner = dict(_boxes(inner))[name]
    return top, inner[8:], _packets(path)[1]


def _with_table(data: bytes, table: bytes, count: int) -> bytes:
    """A movie's boxes with another sample table and the durations that fit it."""
    out = b""
    for name, body in _boxes(data):
        if name == b"stbl":
            out += table
        elif name in (b"trak", b"mdia", b"minf"):
            out += _box(name, _with_table(body, table, count))
        elif name == b"mdhd":
            out += _box(name, body[:16], _u32(count * 512), body[20:])
        elif name == b"tkhd":
            out += _box(name, body[:20], _u32(count * 40), body[24:])
        elif name == b"mvhd":
            out += _box(name, body[:16], _u32(count * 40), body[20:])
        elif name != b"edts":
            out += _box(name, body)
    return out


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        yield name, data[at + 8 : at + size]
        at += size


def _box(name: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, name) + body


def _u32(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def palette(codec: str, path: Path) -> None:
    """Pictures in 256 colours of their first one."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "pal8"
        for place in range(FRAMES):
            grey = picture(place).mean(-1).astype("uint8")
            frame = VideoFrame(128, 96, "pal8")
            frame.planes[0].update(grey.tobytes())
            frame.planes[1].update(b"".join(bytes([i, 255 - i, i // 2, 255]) for i in range(256)))
            frame.pts, frame.time_base = place, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


CHANGED: Mapping[str, Callable[[Path], None]] = {
    **{
        f"{way}_{kind}.{suffix}": partial(make, pair=pair)
        for make, way, suffixes in (
            (in_band, "in_band", ("mkv", "mp4", "mov")),
            (annexb, "annexb", ("ts", "avi", "h264")),
            (flv_headers, "headers", ("flv",)),
            (two_descriptions, "descriptions", ("mp4",)),
        )
        for suffix in suffixes
        for kind, pair in (("cavlc", _CAVLC), ("cabac", _CABAC), ("mixed", _MIXED))
    },
    "in_band_hevc.mkv": partial(in_band, pair=_HEVC),
    "in_band_hevc.mp4": partial(in_band, pair=_HEVC),
    "descriptions_hevc.mp4": partial(two_descriptions, pair=_HEVC),
}

PALETTES: Mapping[str, Callable[[Path], None]] = {
    "palette_raw.avi": partial(palette, "rawvideo"),
    "palette_raw.mov": partial(palette, "rawvideo"),
    "palette_msrle.avi": partial(palette, "msrle"),
}
