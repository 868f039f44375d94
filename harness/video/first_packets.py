"""The start of a file, decoded: its first frame, and whether its packets are to be believed."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from harness.errors import VideoError
from harness.video.full_decode import decoding
from harness.video.packets import Packets
from harness.video.video_file import VideoFile, diagnosis, plain_words

# Codecs of which every packet is one picture on its own.
INTRA = frozenset(
    (
        *("mjpeg", "png", "jpeg2000", "huffyuv", "ffvhuff", "utvideo", "magicyuv"),
        *("prores", "dnxhd", "rawvideo", "v210", "dvvideo"),
    )
)
_CHECKED = 48  # packets decoded at the start when the container is not taken at its word


class Opening:
    """Decodes the first packets as they come, until the first frame."""

    def __init__(self, file: VideoFile) -> None:
        self._file = file
        self._frame: VideoFrame | None = None
        self._words = ""

    @property
    def done(self) -> bool:
        """Whether the first frame is there."""
        return self._frame is not None

    def see(self, packet: Packet[VideoStream]) -> None:
        """Takes the next packet, if one is still needed."""
        if self._frame is None:
            self._decode(packet)

    def frame(self, packets: int) -> VideoFrame:
        """The first frame; ``packets``: how many there were. Raises VideoError without one."""
        if self._frame is None:
            self._decode(None)
        self._file.codec.flush_buffers()
        if self._frame is not None:
            return self._frame
        if not packets:
            raise VideoError(
                f"{self._file.path}: not one frame is in it, only its header (the first piece of a "
                "stream, or a broken download): get the whole file"
            )
        if known := diagnosis(self._file.path):
            raise VideoError(f"{self._file.path}: {known}")
        words = f" ({self._words})" if self._words else ""
        raise VideoError(
            f"{self._file.path}: not one frame can be decoded{words}: download it again"
        )

    def _decode(self, packet: Packet[VideoStream] | None) -> None:
        try:
            frames = self._file.codec.decode(packet)
        except av.error.FFmpegError as error:
            self._words = plain_words(error)
        else:
            self._frame = frames[0] if frames else None


def must_check(file: VideoFile, packets: Packets, first: VideoFrame) -> bool:
    """Whether the start may hold packets that yield no frame of their own, or other times than
    their frames': B-frames that all are stored in the order in which they are said to be shown."""
    leading = packets.pts[packets.shown].min() < packets.pts[0] and packets.shown[0]
    stored = file.codec.has_b_frames and bool((np.diff(packets.pts) > 0).all())
    return bool(leading or stored) or not file.indexed or first.interlaced_frame


def checked(file: VideoFile, packets: Packets) -> Packets:
    """The packets without those at the start that the decoder drops; ``timed`` False if it
    yields anything else than they say."""
    key = packets.keys.nonzero()[0]
    n = int(key[1]) if len(key) > 1 else len(packets.pts)
    n = min(len(packets.pts), 2 if file.codec.name in INTRA else max(n, _CHECKED))
    file.rewind()
    got = []
    for frames in decoding(file, islice(file.packets(), n)):
        if not isinstance(frames, str):
            got += [frame.pts for frame in frames]
    file.codec.flush_buffers()
    shown = packets.shown.copy()
    dropped = ~np.isin(packets.pts[:n], [p for p in got if p is not None])
    shown[:n] &= ~(dropped & (packets.pts[:n] < packets.pts[0]))
    agree = got == sorted(packets.pts[:n][shown[:n]].tolist())
    return replace(packets, shown=shown, timed=agree)
