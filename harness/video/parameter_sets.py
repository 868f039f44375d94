"""Parameter sets and headers in the bytes of packets: H.264, HEVC, MPEG-1, -2, -4 and JPEG."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

_START = b"\0\0\1"


@dataclass(frozen=True)
class Units:
    """How a codec's NAL units are told apart (H.264: ITU-T H.264 table 7-1; HEVC: H.265 table
    7-1) and where its decoder configuration keeps parameter sets (ISO/IEC 14496-15). ``barriers``:
    the slices of pictures before which everything is shown that is stored before them."""

    codec: str
    kind: Callable[[int], int]
    sets: tuple[int, ...]
    slices: frozenset[int]
    barriers: frozenset[int]

    def rank(self, unit: bytes) -> int:
        """Parameter sets are given in this order: those that others refer to come first."""
        return self.sets.index(self.kind(unit[0]))

    def is_slice(self, data: memoryview, length: int) -> bool:
        """Whether a packet begins with a picture, so that no parameter set comes before one."""
        return length == 4 and len(data) > 4 and self.kind(data[4]) in self.slices

    def leading(self, data: memoryview, length: int) -> Iterator[bytes]:
        """The parameter sets in a packet, before its first slice."""
        for unit in _prefixed(data, length) if length else _marked(bytes(data), self):
            kind = self.kind(unit[0])
            if kind in self.slices:
                return
            if kind in self.sets:
                yield bytes(unit)

    def stored(self, extradata: bytes) -> Iterator[bytes]:
        """The parameter sets in the codec's extradata."""
        if not length_size(self.codec, extradata):
            yield from self.leading(memoryview(extradata), 0)
            return
        units = _avcc(extradata) if self.codec == "h264" else _hvcc(extradata)
        yield from (unit for unit in units if self.kind(unit[0]) in self.sets)


UNITS: Mapping[str, Units] = {
    "h264": Units(
        "h264", lambda head: head & 31, (7, 13, 15, 8), frozenset(range(1, 6)), frozenset({5})
    ),
    "hevc": Units(
        "hevc",
        lambda head: head >> 1 & 63,
        (32, 33, 34),
        frozenset(range(32)),
        frozenset(range(16, 24)),
    ),
}


def length_size(codec: str, extradata: bytes) -> int:
    """The bytes of each NAL unit's length field; 0 where start codes separate them."""
    if codec == "h264" and len(extradata) > 6 and extradata[0] == 1:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 22 and (extradata[0] or extradata[2] > 1):
        return (extradata[21] & 3) + 1
    return 0


def _prefixed(data: memoryview, length: int) -> Iterator[memoryview]:
    """NAL units with a length field before each; ends where the lengths make no sense."""
    at = 0
    while at + length < len(data):
        size = int.from_bytes(data[at : at + length], "big")
        at += length
        if not 0 < size <= len(data) - at:
            return
        yield data[at : at + size]
        at += size


def _marked(data: bytes, units: Units) -> Iterator[bytes]:
    """NAL units behind start codes (H.264 and HEVC, annex B), up to the first slice."""
    at = data.find(_START) + 3
    while 3 <= at < len(data) and units.kind(data[at]) not in units.slices:
        end = data.find(_START, at)
        if unit := data[at : end if end >= 0 else len(data)]:
            yield unit
        at = end + 3


def _avcc(data: bytes) -> Iterator[bytes]:
    """The parameter sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1)."""
    at = 5
    for mask in (31, 255):  # sequence parameter sets, then picture parameter sets
        if at >= len(data):
            return
        count, at = data[at] & mask, at + 1
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2], "big")
            at += 2
            if size:
                yield data[at : at + size]
            at += size


def _hvcc(data: bytes) -> Iterator[bytes]:
    """The parameter sets of an HEVCDecoderConfigurationRecord (ISO/IEC 14496-15, 8.3.3.1)."""
    at = 23
    for _ in range(data[22]):
        kind = data[at] & 63 if at < len(data) else 0
        count = int.from_bytes(data[at + 1 : at + 3], "big")
        at += 3
        for _ in range(count):
            size = int.from_bytes(data[at : at + 2], "big")
            at += 2
            if size and kind in (32, 33, 34):
                yield data[at : at + size]
            at += size


# ── MPEG-1, MPEG-2, MPEG-4 and JPEG: headers that a keyframe may leave out ────────────────────


def _sequence_header(data: bytes) -> bytes | None:
    """MPEG-1 and -2: the sequence header with its extensions, up to the first picture or GOP."""
    begin = data.find(b"\0\0\1\xb3")
    if begin < 0:
        return None
    ends = [at for code in (b"\0\0\1\0", b"\0\0\1\xb8") if (at := data.find(code, begin)) >= 0]
    return data[begin : min(ends, default=len(data))].rstrip(b"\0")


def _layer_header(data: bytes) -> bytes | None:
    """MPEG-4 part 2: the video object layer's header (start codes 0x20 to 0x2F)."""
    at = data.find(_START)
    while 0 <= at < len(data) - 3:
        end = data.find(_START, at + 3)
        if 0x20 <= data[at + 3] <= 0x2F:
            return data[at : end if end >= 0 else len(data)].rstrip(b"\0")
        at = end
    return None


def _tables(data: bytes) -> bytes | None:
    """JPEG: which tables the picture brings ("QH": for dequantisation and Huffman's)."""
    head = data[: max(data.find(b"\xff\xda"), 0)]
    return b"".join(n for n, mark in ((b"Q", b"\xff\xdb"), (b"H", b"\xff\xc4")) if mark in head)


@dataclass(frozen=True)
class Headers:
    """How to ``read`` a codec's header out of a keyframe (None: it brings none), and whether the
    headers ``found`` are ``enough`` to start decoding at any of the keyframes."""

    read: Callable[[bytes], bytes | None]
    enough: Callable[[set[bytes | None]], bool]


def _one_or_each(found: set[bytes | None]) -> bool:
    """Either all headers are the same, or every keyframe brings its own."""
    return None not in found or len(found - {None}) < 2


def _all_alike(found: set[bytes | None]) -> bool:
    """All pictures bring both tables, or all leave out Huffman's, and the standard's are meant."""
    return found in ({b"QH"}, {b"Q"})


HEADERS: Mapping[str, Headers] = {
    "mpeg1video": Headers(_sequence_header, _one_or_each),
    "mpeg2video": Headers(_sequence_header, _one_or_each),
    "mpeg4": Headers(_layer_header, _one_or_each),
    "mjpeg": Headers(_tables, _all_alike),
}
