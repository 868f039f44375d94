"""What a decoder must have been told before a keyframe, beyond the keyframe itself.

A keyframe resets the decoder's pictures, not its settings: H.264 and HEVC parameter sets, palettes,
new "extradata" and MPEG headers that came with an earlier packet stay in force, and a seek skips
them. ``SetupLog`` reads every packet once and says which of three holds for a file: nothing
changes behind its first packet (nearly every file); what changes are parameter sets, which can
be put before a keyframe's own data; or frames can only be had by decoding from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

from av.packet import Packet
from av.video.stream import VideoStream

from harness.errors import VideoError
from harness.video.parameter_sets import HEADERS, UNITS, length_size
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


NO_SETUP = Setup()


class SetupLog:
    """Follows one file's packets, in order from the first; ``result`` is then its ``Setup``."""

    def __init__(self, file: VideoFile) -> None:
        name = file.codec.name
        self._units = UNITS.get(name)
        self._path = file.path
        self._headers = HEADERS.get(name)
        extradata = bytes(file.codec.extradata or b"")
        self._length = length_size(name, extradata)
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
        if (
            units is None
            or kind != "new_extradata"
            or length_size(units.codec, data) != self._length
        ):
            self._certain = False
        else:
            self._put(place, list(units.stored(data)))

    def _put(self, place: int, sets: list[bytes]) -> None:
        """Parameter sets that come at this packet. They stay in force until others with their
        number come, so that giving all that came, in the order of their last coming, is right;
        those that others refer to first, because new ones make a decoder drop what referred to
        the old."""
        sets = [one for unit in sets if (one := unit.rstrip(b"\0"))]
        if not self._epochs:
            self._known.update(sets)
        self._changed = self._changed or not self._known.issuperset(sets)
        before = list(self._sets)
        for one in sets:
            self._sets.pop(one, None)
            self._sets[one] = None
        if before != list(self._sets) and len(self._sets) <= _MOST:
            assert self._units is not None
            ordered = sorted(self._sets, key=self._units.rank)
            self._epochs.append((place, b"".join(self._packed(one) for one in ordered)))

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
