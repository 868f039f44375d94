"""Decoding a file from its start, every frame traced to the packet that it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from harness.video.video_file import VideoFile


def decoding(
    file: VideoFile, packets: Iterable[Packet[VideoStream]]
) -> Iterator[list[VideoFrame] | str]:
    """What each packet yields: frames, or the decoder's complaint. Drains it at the end."""
    for packet in packets:
        try:
            yield file.codec.decode(packet)
        except av.error.FFmpegError as error:
            yield error.strerror or str(error)
    try:
        yield file.codec.decode(None)
    except av.error.FFmpegError as error:
        yield error.strerror or str(error)


def traced(
    file: VideoFile, flaws: list[float], done: Callable[[], bool] = lambda: False
) -> Iterator[tuple[VideoFrame, int]]:
    """Every frame of a full decode with its packet, counted in the file's order.

    Packets that the decoder refuses or conceals are added to ``flaws``. Stops at the first keyframe
    once ``done()``.
    """
    place = -1

    def fed() -> Iterator[Packet[VideoStream]]:
        nonlocal place
        try:
            for place, packet in enumerate(file.packets()):
                if packet.is_keyframe and done():
                    return
                # PyAV keeps these by their id: a bare number is one object for all files that
                # are being decoded, and is forgotten as soon as the first of them is done with it
                packet.opaque = [place]
                yield packet
        except av.error.FFmpegError:  # the index has noted where the file breaks off
            return

    file.rewind()
    file.codec.copy_opaque = True
    for frames in decoding(file, fed()):
        if isinstance(frames, str):
            flaws.append(place)
            continue
        for frame in frames:
            origin = frame.opaque[0] if isinstance(frame.opaque, list) else place
            if frame.is_corrupt:
                flaws.append(origin)
            yield frame, origin
    file.codec.flush_buffers()
