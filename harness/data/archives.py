"""Unpacking archives from strangers: whole, or not at all, and never outside the target folder."""

from __future__ import annotations

import io
import json
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from harness.data import pickles
from harness.data.archives_split import Joined, split_zip
from harness.data.folder import COMMON, safe_name, shadow
from harness.data.parts import following, is_span
from harness.errors import DataError

MANIFEST = ".manifest"
Member = tuple[str, int, IO[bytes]]
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    struct.error,
    ValueError,
    NotImplementedError,  # zipfile's word for a compression it does not know
)
# what the libraries say of an archive that ends before its end
_EARLY = ("ended before", "unexpected end", "not a zip file", "ends after", "truncated header")


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
            for member, size, stream in _members(file, name, parts):
                path = safe_name(member, f"{name}: the archive")
                if any(map(shadow, path.parts)):
                    continue
                sizes[str(path)] = _save(stream, scratch / path, size)
        (scratch / MANIFEST).write_text(json.dumps(sizes, indent=0, sort_keys=True))
        into.parent.mkdir(parents=True, exist_ok=True)
        scratch.rename(into)
    except DAMAGED as error:
        raise DataError(_damage(name, parts, error)) from error
    except OSError as error:
        raise DataError(f"{name}: cannot extract to {into}: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _damage(name: str, parts: Sequence[Path], error: Exception) -> str:
    """What is said of an archive that cannot be read although it arrived as it was published."""
    do = "tell its authors, or set data=FOLDER to the videos."
    said = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, EOFError) or any(words in said for words in _EARLY):
        after = following(parts[-1].name)
        lost = f"perhaps a part is missing there ({after} would be the next)" if after else (
            "its copy there was cut short, or parts of it are missing there"
        )  # fmt: skip
        return f"{name} ends early ({said}), and is so where it was published: {lost}; {do}"
    return f"{name}: the archive is damaged ({said}), and is so where it was published; {do}"


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


def _members(file: IO[bytes], name: str, parts: Sequence[Path]) -> Iterator[Member]:
    ending = name.casefold().rpartition(".")[2]
    if ending == "zip":
        yield from _zip_members(file, name, parts)
    elif ending == "pkl":
        for video, content in pickles.videos(file, name).items():
            named = video if video.casefold().endswith(COMMON) else f"{video}.mp4"
            yield named, len(content), io.BytesIO(content)
    else:
        yield from _tar_members(file, name)


def _zip_members(file: IO[bytes], name: str, parts: Sequence[Path]) -> Iterator[Member]:
    split = is_span(parts[0].name)
    with split_zip(file, name, parts) if split else zipfile.ZipFile(file) as archive:
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
        with Joined(parts) as file:
            yield file
