"""Archives in parts, read as one; and zips that were split (``zip -s``)."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from harness.errors import DataError

_END, _LOCATOR, _END64 = b"PK\5\6", b"PK\6\7", 76  # _END64: its length with the locator's


class Joined(io.BufferedReader):
    """Files read as one, so that 100 GB in parts need not be joined on disk."""

    def __init__(self, parts: Sequence[Path]) -> None:
        self.joined = _Joined(parts)
        super().__init__(self.joined, 1 << 20)


class _Joined(io.RawIOBase):
    def __init__(self, parts: Sequence[Path]) -> None:
        self._parts = parts
        self._sizes = [part.stat().st_size for part in parts]
        self._position = 0
        self.instead: tuple[int, bytes] = 0, b""  # what is read at a place, whatever is there

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: sum(self._sizes)}
        self._position = max(0, start[whence] + offset)
        return self._position

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        start = 0
        for part, size in zip(self._parts, self._sizes, strict=True):
            if self._position < start + size:
                with part.open("rb") as file:
                    file.seek(self._position - start)
                    count = int(file.readinto(buffer))
                self._replace(buffer, count)
                self._position += count
                return count
            start += size
        return 0

    def _replace(self, buffer: memoryview, count: int) -> None:
        at, data = self.instead
        low, high = max(at, self._position), min(at + len(data), self._position + count)
        if low < high:
            there = low - self._position
            buffer[there : there + high - low] = data[low - at : high - at]


def split_zip(file: IO[bytes], name: str, parts: Sequence[Path]) -> zipfile.ZipFile:
    """The zip ``name`` that was split into ``parts``, opened; ``file`` is a ``Joined`` of them.

    Places in it count from the start of each part (APPNOTE.TXT 8.5), which zipfile does not know:
    they are put right here. Raises DataError when parts are missing.
    """
    with Joined(parts) as first:
        length = first.seek(0, io.SEEK_END)
        begin = first.seek(max(0, length - (1 << 16) - 22 - _END64))
        tail = first.read()
    end = tail.rfind(_END)
    if end < 0:
        return zipfile.ZipFile(file)  # which says what is wrong
    disk, _, _, _, size, offset = struct.unpack_from("<4x4H2L", tail, end)
    after = begin + end
    if tail[end - 20 : end - 16] == _LOCATOR:  # over 4 GB, or 65,535 members (zip64)
        after -= _END64
        _, _, _, disk, _, _, _, size, offset = struct.unpack_from("<4xQ2H2L4Q", tail, end - _END64)
        # zipfile refuses to look for that record in another part
        assert isinstance(file, Joined)
        file.joined.instead = after + 60, struct.pack("<LQL", 0, after, 1)
    if disk + 1 != len(parts):
        raise DataError(
            f"{name} is the last part of a split zip of {disk + 1} parts, of which {len(parts)} "
            f"are there ({', '.join(p.name for p in parts)}); nothing was unpacked. Tell the data "
            "set's authors, or set data=FOLDER to the videos."
        )
    archive = zipfile.ZipFile(file)
    sizes = [part.stat().st_size for part in parts]
    added = after - size - offset  # what zipfile took for bytes before the archive
    for info in archive.infolist():
        info.header_offset += sum(sizes[: info.volume]) - added
        if hasattr(info, "_end_offset"):  # newer Pythons' guard, reckoned from the wrong places
            info._end_offset = None
    return archive
