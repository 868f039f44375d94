"""What a decoder must have been told before a keyframe, beyond the keyframe itself.

A keyframe resets the decoder's pictures, not its settings: H.264 and HEVC parameter sets, palettes,
new "extradata" and MPEG headers that came with an earlier packet stay in force, and a seek skips
them. ``SetupLog`` reads every packet once and says which of three holds for a file: nothing
changes behind its first packet (nearly every file); what changes are parameter sets, which can
be put before a keyframe's own data; or frames can only be had by decoding from the start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from av.packet import Packet
from av.video.stream import VideoStream

from harness.errors import VideoError
from harness.video.video_file import VideoFile

_CHANGES = frozenset({"new_extradata", "palette", "param_change"})
_MOST = 256  # distinct parameter sets; a file with more is read from its start
_START = b"\0\0\1"


@dataclass(frozen=True)
class Setup:
    """``certain``: every keyframe can be decoded with what is here; else only reading from
    the start gives the right pixels. ``sets``: (n, bytes) – from packet n on, these parameter sets
    go before a keyframe's own bytes, in the packets' own format; empty where nothing changes."""

    certain: bool = True
    sets: tuple[tuple[int, bytes], ...] = ()

    def before(self, place: int) -> bytes:
        """The parameter sets to put before the keyframe at this packet."""
        found = b""
        for start, data in self.sets:
            if start > place:
                break
            found = data
        return found


class SetupLog:
    """Follows one file's packets, in order from the first; ``result`` is then its ``Setup``."""

    def __init__(self, file: VideoFile) -> None:
        name = file.codec.name
        self._units = _UNITS.get(name)
        self._path = file.path
        self._headers = _HEADERS.get(name)
        extradata = bytes(file.codec.extradata or b"")
        self._length = _length_size(name, extradata)
        self._sets: dict[bytes, None] = {}
        self._epochs: list[tuple[int, bytes]] = []
        self._certain = True
        self._changed = False
        self._known: set[bytes] = set()
        self._found: set[bytes | None] = set()
        if self._units is not None:
            self._put(0, list(self._units.stored(extradata)))
        elif self._headers is not None and extradata:
            self._found |= {self._headers.read(extradata)} - {None}

    def see(self, place: int, packet: Packet[VideoStream]) -> None:
        """Takes note of packet number ``place``. Raises VideoError when it is encrypted."""
        for side in packet.iter_sidedata():
            if side.data_type == "encryption_info":
                raise VideoError(
                    f"{self._path}: its pictures are encrypted (CENC): only a decrypted copy can "
                    "be read"
                )
            if side.data_type in _CHANGES:
                self._told(place, side.data_type, bytes(side))
        if self._units is not None:
            view = memoryview(packet)
            if not self._units.is_slice(view, self._length):
                self._put(place, list(self._units.leading(view, self._length)))
        elif self._headers is not None and packet.is_keyframe:
            self._found.add(self._headers.read(bytes(packet)))

    def result(self) -> Setup:
        """What the packets seen so far make of the file."""
        if not self._certain or len(self._sets) > _MOST:
            return Setup(certain=False)
        if self._headers is not None:
            return Setup(certain=self._headers.enough(self._found))
        return Setup(sets=tuple(self._epochs) if self._changed else ())

    def _told(self, place: int, kind: str, data: bytes) -> None:
        """Side data: other settings from this packet on."""
        units = self._units
        if units is None or kind != "new_extradata":
            self._certain = False
        elif _length_size(units.codec, data) != self._length:
            self._certain = False
        else:
            self._put(place, list(units.stored(data)))

    def _put(self, place: int, sets: list[bytes]) -> None:
        """Parameter sets that come at this packet. They stay in force until others with their
        number come, so that giving all that came, in the order of their last coming, is right."""
        sets = [one.rstrip(b"\0") for one in sets]
        if not self._epochs:
            self._known.update(sets)
        self._changed = self._changed or not self._known.issuperset(sets)
        before = list(self._sets)
        for one in sets:
            self._sets.pop(one, None)
            self._sets[one] = None
        if before != list(self._sets) and len(self._sets) <= _MOST:
            self._epochs.append((place, b"".join(self._packed(one) for one in self._sets)))

    def _packed(self, unit: bytes) -> bytes:
        """One parameter set as it stands in a packet of this file."""
        if self._length:
            return len(unit).to_bytes(self._length, "big") + unit
        return b"\0" + _START + unit


def with_sets(packet: Packet[VideoStream], sets: bytes) -> Packet[VideoStream]:
    """The packet with parameter sets before its own bytes."""
    if not sets:
        return packet
    made: Packet[VideoStream] = Packet(sets + bytes(packet))  # type: ignore[assignment]
    made.stream, made.time_base = packet.stream, packet.time_base
    made.pts, made.dts, made.duration = packet.pts, packet.dts, packet.duration
    made.is_keyframe = packet.is_keyframe
    return made


# ── H.264 and HEVC: NAL units ────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class _Units:
    """How a codec's NAL units are told apart (H.264: ITU-T H.264 table 7-1; HEVC: H.265 table
    7-1) and where its decoder configuration keeps parameter sets (ISO/IEC 14496-15)."""

    codec: str
    kind: Callable[[int], int]
    sets: frozenset[int]
    slices: frozenset[int]

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
        if not _length_size(self.codec, extradata):
            yield from self.leading(memoryview(extradata), 0)
        elif self.codec == "h264":
            yield from _avcc(extradata)
        else:
            yield from _hvcc(extradata)


_UNITS: Mapping[str, _Units] = {
    "h264": _Units("h264", lambda head: head & 31, frozenset({7, 8, 13, 15}), frozenset(range(1, 6))),
    "hevc": _Units(
        "hevc", lambda head: head >> 1 & 63, frozenset({32, 33, 34}), frozenset(range(32))
    ),
}


def _length_size(codec: str, extradata: bytes) -> int:
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


def _marked(data: bytes, units: _Units) -> Iterator[bytes]:
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
class _Headers:
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


_HEADERS: Mapping[str, _Headers] = {
    "mpeg1video": _Headers(_sequence_header, _one_or_each),
    "mpeg2video": _Headers(_sequence_header, _one_or_each),
    "mpeg4": _Headers(_layer_header, _one_or_each),
    "mjpeg": _Headers(_tables, _all_alike),
}
