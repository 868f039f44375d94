"""Opening a video file, and saying in one line what is wrong with one that cannot be read."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from harness.errors import VideoError

# Streams that look like video to FFmpeg and are not the film: album covers, chapter stills.
_STILLS = (
    av.stream.Disposition.attached_pic
    | av.stream.Disposition.timed_thumbnails
    | av.stream.Disposition.still_image
)
_AGAIN = "download it again"


class VideoFile:
    """An open file: its ``container`` and its video ``stream``, decoded with one thread.

    One thread, because there is one worker process per core; FFmpeg's own threads only add delay
    and memory then. Raises VideoError with the reason when there is no video.
    """

    first: VideoFrame | None = None
    """The first frame, where indexing has decoded it: it need not be decoded again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._strict = False
        self._open()

    def _open(self) -> None:
        try:
            self.container: InputContainer = av.open(_as_file(self.path), metadata_errors="replace")
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise VideoError(f"{self.path}: {diagnosis(self.path) or _plain(error)}") from error
        try:
            self.stream = _video_stream(self.container, self.path)
        except VideoError:
            self.close()
            raise
        for other in self.container.streams:
            if other.index != self.stream.index:
                other.discard = av.stream.Discard.all  # the demuxer then skips its bytes
        own = self.stream.codec_context
        self.codec = _strict(own) if self._strict else own
        self.codec.thread_count = 1
        self.codec.thread_type = av.codec.context.ThreadType.NONE

    def close(self) -> None:
        self.container.close()

    def be_strict(self) -> None:
        """From here on decodes with the decoder that notices damage (``has_strict``)."""
        self._strict = True
        self.rewind()

    def packets(self) -> Iterator[Packet[VideoStream]]:
        """The video's packets from where the file stands, without empty ones (AVI writes such
        for "the last frame again", and to the decoder they mean the end).

        Raises FFmpegError where the file is damaged.
        """
        return (p for p in self.container.demux(self.stream) if p.size)

    def rewind(self) -> None:
        """Back to the very first packet, with a fresh decoder: the file is opened anew.

        A seek to the start would not do: some files refuse it (Matroska without cues), some land
        behind the first packet, and none brings back what the first packet told the decoder.
        """
        self.close()
        self._open()

    @property
    def indexed(self) -> bool:
        """Whether the format states each frame's own time and keyframes in an index of its own."""
        return self.container.format.name.startswith(("mov,mp4", "matroska"))


_STRICT = {"vp9": "libvpx-vp9"}


def has_strict(file: VideoFile, first: VideoFrame) -> bool:
    """Whether a decoder that notices damage gives the same frames, ``first`` being one of them.

    VP9 has no checksums, but libvpx checks that each tile ends where it should: of 39 places
    scrambled in turn it finds 39 where FFmpeg's own decoder finds 1, in the same time, and on
    sound files gives the same pixels. It is not told of turned pictures, and may lack 10 bits.
    """
    if _STRICT.get(file.codec.name) not in av.codecs_available:
        return False
    return first.format.name == "yuv420p" and not len(first.side_data)


def _strict(own: VideoCodecContext) -> VideoCodecContext:
    made = av.CodecContext.create(_STRICT[own.name], "r")
    assert isinstance(made, VideoCodecContext)
    made.extradata = own.extradata
    return made


def _as_file(path: Path) -> str:
    """The path as FFmpeg is told it: as a file, whatever it looks like (``run:2024/a.mp4``)."""
    return f"file:{path}"


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    films = [s for s in container.streams.video if not s.disposition & _STILLS]
    if not films:
        kinds = sorted({str(s.type) for s in container.streams}) or ["nothing"]
        what = "only a cover picture" if container.streams.video else f"only {', '.join(kinds)}"
        raise VideoError(f"{path}: no video stream (it holds {what}): give a video file")
    best = container.streams.best("video")
    stream = next((s for s in films if best is not None and s.index == best.index), films[0])
    if stream.codec_context is None or not stream.codec_context.codec.name:
        raise VideoError(f"{path}: its video codec is unknown to FFmpeg: convert it, e.g. to H.264")
    return stream


def diagnosis(path: Path) -> str:
    """What the file is, if it is plainly no readable video: one clause, or an empty string."""
    if not path.exists():
        return "no such file: check the data folder, or let the harness download it"
    if path.stat().st_size == 0:
        return f"an empty file (0 bytes): {_AGAIN}"
    with path.open("rb") as file:
        head = file.read(4096)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP" and b"ANIM" in head:
        return "an animated WebP, which FFmpeg does not decode: convert it, e.g. to GIF or MP4"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return f"an HTML page, not a video (a failed download?): {_AGAIN}"
    if text.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer, not the video: fetch it with git lfs pull"
    if b"\0" not in head and _is_text(head):
        return f"a text file, not a video: {_AGAIN}"
    if head[4:8] == b"ftyp" and not _has_box(path, b"moov"):
        return f"cut short: its index (the moov box, at the end) is missing: {_AGAIN}"
    return ""


def _is_text(head: bytes) -> bool:
    try:
        head[:-4].decode("utf-8")  # -4: the cut may split a character
    except UnicodeDecodeError:
        return False
    return True


def _plain(error: Exception) -> str:
    """FFmpeg's words without Python's numbers and the path, which the caller names."""
    if isinstance(error, av.error.EOFError):
        return (
            "not one frame is in it, only its header or a part of that (the first piece of a "
            "stream, or a broken download): get the whole file"
        )
    return f"FFmpeg cannot open it ({plain_words(error)}): {_AGAIN}, or convert it"


def plain_words(error: Exception) -> str:
    """What FFmpeg says of an error. Its EPERM is not about permissions: demuxers say so of what
    they cannot do."""
    if isinstance(error, av.error.PermissionError) and getattr(error, "errno", 0) == errno.EPERM:
        return "its demuxer cannot do what it was asked"
    return str(getattr(error, "strerror", None) or error)


def share_present(path: Path) -> float:
    """How much of the file is there (0..1) by the length that its own first bytes declare.

    MP4 (top-level boxes), Matroska and WebM (the Segment's size) and AVI (RIFF chunks) declare
    one; 1.0 for formats that do not, and for live recordings, which leave it open.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
            declared = max((end for _, end in boxes(file)), default=size)
        elif head[:4] == b"\x1a\x45\xdf\xa3":
            declared = _segment_end(file)
        elif head[:4] == b"RIFF":
            declared = 8 + struct.unpack("<I", head[4:8])[0]
        else:
            declared = size
    return min(1.0, size / declared) if declared else 1.0


def boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """MP4's top-level boxes: (name, offset of its end as declared). ISO/IEC 14496-12, 4.2."""
    offset = 0
    while True:
        file.seek(offset)
        head = file.read(16)
        if len(head) < 8:
            return
        size, name = struct.unpack(">I4s", head[:8])
        if size == 1 and len(head) == 16:
            size = struct.unpack(">Q", head[8:])[0]
        if size < 8:  # 0: up to the end of the file
            return
        offset += size
        yield name, offset


def _has_box(path: Path, name: bytes) -> bool:
    """Whether the whole of this box is there."""
    with path.open("rb") as file:
        size = path.stat().st_size
        return any(found == name and end <= size for found, end in boxes(file))


def _segment_end(file: BinaryIO) -> int:
    """Where Matroska's Segment ends as declared; 0 if left open. RFC 8794, sections 4 and 5."""
    file.seek(4)
    header, known = _vint(file)
    file.seek(header, os.SEEK_CUR)
    if not known or file.read(4) != b"\x18\x53\x80\x67":
        return 0
    size, known = _vint(file)
    return file.tell() + size if known else 0


def _vint(file: BinaryIO) -> tuple[int, bool]:
    """One EBML variable-length size, and whether it is known (all ones: it is not)."""
    first = (file.read(1) or b"\0")[0]
    length = 9 - first.bit_length()
    if length > 8:
        return 0, False
    rest = file.read(length - 1)
    value = int.from_bytes(bytes([first & ((1 << (8 - length)) - 1)]) + rest, "big")
    return value, value != (1 << (7 * length)) - 1
