"""Decoded frames kept on disk, so that a sweep over models and frame counts decodes each once.

Off by default. A frame is kept as it was read, uncompressed (0.6 MB at 336 × 597; undoing
a compression takes about as long as decoding), under what decides its pixels: the content of the
video file, the frame's index, ``size``, the decoder and its version. Files appear whole or not at
all; what was used longest ago goes first once the cache is larger than its limit.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from harness.errors import HarnessError
from harness.types import Frames, Pixels, VideoInfo
from harness.video.pixel_buffer import Allocate

_PACKAGES = {"pyav": "av"}
_KEPT = 0.9  # of the limit is left after cleaning, so that cleaning is rare


@dataclass(frozen=True)
class FrameCache:
    """A folder of frames of at most ``gigabytes``, which any number of processes may share."""

    folder: Path
    gigabytes: float = 50.0

    def video(self, path: Path, size: int | None, decoder: str) -> CachedVideo:
        """Where the frames of this video are kept, read like this."""
        package = _PACKAGES.get(decoder, decoder)
        way = f"{size or 'full'}-{decoder}-{version(package)}"
        return CachedVideo(self, self.folder / "frames" / self._digest(path) / way)

    def _digest(self, path: Path) -> str:
        """The hash of the file's content; remembered until its size or date changes."""
        status = path.stat()
        stamp = [status.st_size, status.st_mtime_ns]
        name = hashlib.blake2b(str(path.resolve()).encode(), digest_size=16).hexdigest()
        memo = self.folder / "files" / f"{name}.json"
        with suppress(OSError, ValueError, KeyError):
            known = json.loads(memo.read_text())
            if known["stamp"] == stamp:
                return str(known["digest"])
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        line = json.dumps({"stamp": stamp, "digest": digest}).encode()
        _write(memo, lambda file: file.write(line))
        return digest

    def clean(self) -> None:
        """Deletes what was used longest ago, if the cache is larger than its limit."""
        limit = self.gigabytes * 1e9
        found = []
        for file in self.folder.glob("frames/*/*/*.npy"):
            with suppress(FileNotFoundError):  # another process cleans too
                status = file.stat()
                found.append((status.st_mtime_ns, status.st_size, file))
        total = sum(size for _, size, _ in found)
        if total <= limit:
            return
        for _, size, file in sorted(found):
            if total <= limit * _KEPT:
                return
            file.unlink(missing_ok=True)
            total -= size


class CachedVideo:
    """The kept frames of one video, read in one way."""

    def __init__(self, cache: FrameCache, folder: Path) -> None:
        self._cache, self._folder = cache, folder

    def info(self) -> VideoInfo | None:
        """What the video holds, if that was kept."""
        try:
            return VideoInfo(**json.loads((self._folder / "info.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def missing(self, indices: Sequence[int]) -> list[int]:
        """Which of these frames are not kept, each once."""
        return [i for i in sorted(set(indices)) if not self._file(i).exists()]

    def frames(self, indices: Sequence[int], allocate: Allocate | None = None) -> Frames | None:
        """These frames, or None unless all are kept; they count as used now."""
        kept: dict[int, tuple[float, Pixels]] = {}
        for index in set(indices):
            file = self._file(index)
            try:
                with file.open("rb") as stream:
                    kept[index] = float(np.load(stream)), np.load(stream)
                os.utime(file)
            except OSError:
                return None
            except (ValueError, EOFError):  # torn, e.g. by a full disk
                file.unlink(missing_ok=True)
                return None
        shape = (len(indices), *kept[indices[0]][1].shape)
        pixels = allocate(shape) if allocate else np.empty(shape, np.uint8)
        for row, index in enumerate(indices):
            pixels[row] = kept[index][1]
        times = np.array([kept[index][0] for index in indices])
        return Frames(pixels, times, tuple(indices))

    def keep_info(self, info: VideoInfo) -> None:
        """Keeps what the video holds. Raises HarnessError when the disk does not take it."""
        line = json.dumps(asdict(info)).encode()
        _write(self._folder / "info.json", lambda file: file.write(line))

    def keep(self, frames: Frames) -> None:
        """Keeps these frames. Raises HarnessError when the disk does not take them."""
        for index, time, pixels in zip(frames.indices, frames.times, frames.pixels, strict=True):
            _write(self._file(index), _npy(float(time), pixels))
        self._cache.clean()

    def _file(self, index: int) -> Path:
        return self._folder / f"{index}.npy"


def _npy(time: float, pixels: Pixels) -> Callable[[BinaryIO], object]:
    def write(file: BinaryIO) -> None:
        np.save(file, np.float64(time))
        np.save(file, pixels)

    return write


def _write(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """A file that appears whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            part = Path(file.name)
            try:
                write(cast(BinaryIO, file))
            except BaseException:
                part.unlink()
                raise
        part.replace(path)
    except OSError as error:
        raise HarnessError(
            f"{path.parent}: the cache of frames cannot be written ({error.strerror or error}): "
            "make room, lower its limit, or switch it off"
        ) from error
