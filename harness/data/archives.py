"""Unpacking archives from strangers: whole, or not at all, and never outside the target folder."""

from __future__ import annotations

import io
import json
import lzma
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.data.folder import safe_name, shadow
from harness.errors import DataError

MANIFEST = ".manifest"
_KINDS = r"\.(zip|tar|tgz|tar\.gz|tar\.bz2|tar\.xz)"
_PART = re.compile(
    rf"(?P<whole>.+{_KINDS})[._-]?(part)?[._-]?(?P<place>[a-z]{{2}}|\d{{1,4}})", re.IGNORECASE
)
_WHOLE = re.compile(rf".+{_KINDS}", re.IGNORECASE)

Member = tuple[str, int, IO[bytes]]
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,  # zipfile's word for a compression it does not know
)


def whole(name: str) -> tuple[str, str]:
    """The archive that a part belongs to, and the part's place in order.

    ``v.tar.part.aa`` → ``("v.tar", "aa")``, ``v.zip.10`` → ``("v.zip", "0010")``; any other file
    is its own: ``("v.zip", "")``.
    """
    part = None if is_archive(name) else _PART.fullmatch(name)
    return (part["whole"], part["place"].zfill(4)) if part else (name, "")


def is_archive(name: str) -> bool:
    """Whether ``name`` (of a whole archive) is one that ``unpack`` can read."""
    return _WHOLE.fullmatch(name) is not None


def unpack(parts: Sequence[Path], name: str, into: Path, scratch: Path) -> None:
    """Extracts the archive ``name``, given as its parts in order, to the new folder ``into``.

    Everything goes to the empty folder ``scratch`` (same file system) first, then a manifest
    of names and sizes, then one rename: a folder that is there is complete. Raises DataError, and
    leaves nothing behind, for a damaged archive or a member that is a link, a device or outside.
    """
    sizes: dict[str, int] = {}
    try:
        scratch.mkdir(parents=True)
        with _opened(parts) as file:
            for member, size, stream in _members(file, name):
                path = safe_name(member, f"{name}: the archive")
                if any(map(shadow, path.parts)):
                    continue
                sizes[str(path)] = _save(stream, scratch / path, size)
        (scratch / MANIFEST).write_text(json.dumps(sizes, indent=0, sort_keys=True))
        into.parent.mkdir(parents=True, exist_ok=True)
        scratch.rename(into)
    except DAMAGED as error:
        raise DataError(
            f"{name}: the archive is damaged ({error}); run again to fetch it anew."
        ) from error
    except OSError as error:
        raise DataError(f"{name}: cannot extract to {into}: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def manifest(folder: Path) -> dict[str, int]:
    """Names and sizes (bytes) of what was extracted to ``folder``; empty when there is none."""
    file = folder / MANIFEST
    sizes: dict[str, int] = json.loads(file.read_text()) if file.is_file() else {}
    return sizes


def sizes_below(root: Path) -> dict[Path, int]:
    """Every file that was extracted somewhere below ``root``, with the size (bytes) it had."""
    sizes: dict[Path, int] = {}
    for folder, below, files in os.walk(root):
        if MANIFEST in files:
            below.clear()  # it speaks for everything below, which may be 100,000 frames
            sizes |= {Path(folder, name): size for name, size in manifest(Path(folder)).items()}
    return sizes


def intact(path: Path, size: int | None) -> bool:
    """Whether ``path`` is there and still of its ``size`` (None: of any)."""
    return path.exists() and (size is None or path.stat().st_size == size)


def _members(file: IO[bytes], name: str) -> Iterator[Member]:
    if name.casefold().endswith(".zip"):
        yield from _zip_members(file, name)
    else:
        yield from _tar_members(file, name)


def _zip_members(file: IO[bytes], name: str) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            mode = info.external_attr >> 16
            if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _no_file(name, info.filename)
            if info.flag_bits & 1:
                raise DataError(
                    f"{name}: the archive is encrypted; extract it and set data=FOLDER."
                )
            # zipfile cuts names at a NUL; the original shows what was meant
            if not info.is_dir():
                with archive.open(info) as stream:
                    yield info.orig_filename, info.file_size, stream


def _tar_members(file: IO[bytes], name: str) -> Iterator[Member]:
    with tarfile.open(fileobj=file, mode="r|*") as archive:
        for info in archive:
            stream = archive.extractfile(info) if info.isreg() else None
            if stream is not None:
                yield info.name, info.size, stream
            elif not info.isdir():
                raise _no_file(name, info.name)


def _no_file(name: str, member: str) -> DataError:
    return DataError(
        f"{name}: the archive holds {member!r}, a link or device, which is never extracted."
    )


def _save(stream: IO[bytes], path: Path, size: int) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:  # x: a name that comes twice is an attack or a mistake
        shutil.copyfileobj(stream, file, 1 << 20)
        written = file.tell()
    if written != size:
        raise EOFError(f"{path.name} ends after {written} of {size} bytes")
    return written


@contextmanager
def _opened(parts: Sequence[Path]) -> Iterator[IO[bytes]]:
    if len(parts) == 1:
        with parts[0].open("rb") as file:
            yield file
    else:
        with io.BufferedReader(_Joined(parts), 1 << 20) as file:
            yield file


class _Joined(io.RawIOBase):
    """Files read as one, so that 100 GB in parts need not be joined on disk."""

    def __init__(self, parts: Sequence[Path]) -> None:
        self._parts = parts
        self._sizes = [part.stat().st_size for part in parts]
        self._position = 0

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
                    count = file.readinto(buffer)
                self._position += count
                return int(count)
            start += size
        return 0
