"""Finding a file by the name a data set gives it, in one folder and never outside it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from harness.errors import DataError

VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".gif")
SUBTITLES = (".srt", ".vtt", ".json", ".jsonl")
FRAMES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def safe_name(name: str, where: str) -> PurePosixPath:
    """``name`` as a relative path that stays inside the folder it is joined to.

    Raises DataError for an empty name, a NUL, a ``..``, a backslash, or an absolute path (POSIX
    or Windows): ids and archive members come from strangers and become paths on this machine.
    """
    path = PurePosixPath(name)
    bad = (
        not path.parts
        or "\0" in name
        or "\\" in name
        or ".." in path.parts
        or path.is_absolute()
        or PureWindowsPath(name).drive
    )
    if bad:
        raise DataError(f"{where} names the file {name!r}, which is not a path inside a folder.")
    return path


class Folder:
    """The files of ``names`` (relative paths below ``root``) that have one of ``extensions``.

    With ``frames``, folders that hold pictures count too (a video stored as numbered frames).
    Names are looked up below ``first`` before anywhere else.
    """

    def __init__(
        self,
        root: Path,
        names: Iterable[PurePosixPath],
        extensions: tuple[str, ...],
        *,
        frames: bool = False,
        first: str = "",
    ) -> None:
        self.root = root
        self.first = first
        self.extensions = extensions
        self._by_stem: dict[str, list[PurePosixPath]] = defaultdict(list)
        taken: set[PurePosixPath] = set()
        for name in names:
            suffix = name.suffix.casefold()
            path = name.parent if frames and suffix in FRAMES else name
            if path.parts and path not in taken and (path != name or suffix in extensions):
                taken.add(path)
                self._by_stem[self._stem(path).casefold()].append(path)

    def find(self, name: str) -> Path | None:
        """The file called ``name``, or None.

        ``name`` is an id or a relative path, with or without extension. Its own spelling and
        extension win over another case or another extension (YouTube ids differ by case only),
        then the shallowest file. Raises DataError when two files fit equally well.
        """
        wanted = safe_name(name, "The data set")
        found = self._find(self.first / wanted) if self.first else None
        return found or self._find(wanted)

    def _find(self, wanted: PurePosixPath) -> Path | None:
        parents = _folded(wanted.parts[:-1])
        fits = [
            path
            for path in self._by_stem.get(self._stem(wanted).casefold(), ())
            if not parents or _folded(path.parts[:-1])[-len(parents) :] == parents
        ]
        ranked = sorted((self._rank(path, wanted), path) for path in fits)
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            raise DataError(
                f"Both {ranked[0][1]} and {ranked[1][1]} in {self.root} are called '{wanted}'; "
                "remove one, or set task.source.videos to the folder that holds the right one."
            )
        return self.root / ranked[0][1] if ranked else None

    def expected(self, name: str) -> Path:
        """Where ``name`` would lie if it were there."""
        wanted = safe_name(name, "The data set")
        known = wanted.suffix.casefold() in self.extensions
        return self.root / (wanted if known else f"{wanted}{self.extensions[0]}")

    def _stem(self, path: PurePosixPath) -> str:
        return path.stem if path.suffix.casefold() in self.extensions else path.name

    def _rank(self, path: PurePosixPath, wanted: PurePosixPath) -> tuple[bool, bool, int, int]:
        suffix = path.suffix.casefold()
        return (
            self._stem(path) != self._stem(wanted),
            wanted.suffix.casefold() in self.extensions and suffix != wanted.suffix.casefold(),
            len(path.parts),
            self.extensions.index(suffix) if suffix in self.extensions else len(self.extensions),
        )


def _folded(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in parts)


def walk(root: Path) -> Iterator[PurePosixPath]:
    """Relative paths of the files below ``root``; links are followed (people link their video
    folders), each folder once. Hidden files and macOS's shadows (``._x``, ``__MACOSX``) are not
    videos and are left out."""
    seen: set[str] = set()
    for folder, below, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(name for name in below if not shadow(name))
        here = PurePosixPath(Path(folder).relative_to(root).as_posix())
        yield from (here / file for file in sorted(files) if not shadow(file))


def shadow(name: str) -> bool:
    """Whether a file or folder is hidden or one of macOS's shadows."""
    return name.startswith(".") or name == "__MACOSX"


def made(folder: Path) -> Path:
    """``folder``, made if need be. Raises DataError when it cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"Cannot write to {folder}: {error.strerror}; set task.source.cache to another folder."
        ) from error
    return folder
