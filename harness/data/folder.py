"""Finding a file by the name a data set gives it, inside one folder and never outside it."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from harness.errors import DataError

VIDEOS = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".gif")
SUBTITLES = (".srt", ".vtt", ".json", ".jsonl")
FRAMES = (".jpg", ".jpeg", ".png")


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
    """An index of the files below ``root`` with one of ``extensions``.

    With ``frames``, folders that hold pictures count too (a video stored as numbered frames).
    Files named ``._x`` and folders named ``__MACOSX`` are macOS's shadows and no videos.
    """

    def __init__(self, root: Path, extensions: tuple[str, ...], *, frames: bool = False) -> None:
        self.root = root
        self.extensions = extensions
        self._by_stem: dict[str, list[PurePosixPath]] = defaultdict(list)
        for path in _walk(root, extensions, frames=frames):
            self._by_stem[self._stem(path).casefold()].append(path)

    def find(self, name: str) -> Path | None:
        """The file called ``name``, or None.

        ``name`` is an id or a relative path, with or without extension. Its own spelling and
        extension win over another case or another extension (YouTube ids differ by case only),
        then the shallowest file. Raises DataError when two files fit equally well.
        """
        wanted = safe_name(name, "The data set")
        stem, parents = self._stem(wanted), wanted.parts[:-1]
        fits = [
            path
            for path in self._by_stem.get(stem.casefold(), ())
            if _folded(path.parts[:-1][len(path.parts) - 1 - len(parents) :]) == _folded(parents)
            and len(path.parts) > len(parents)
        ]
        ranked = sorted((self._rank(path, wanted), path) for path in fits)
        if len(ranked) > 1 and ranked[0][0] == ranked[1][0]:
            raise DataError(
                f"Both {ranked[0][1]} and {ranked[1][1]} in {self.root} are called {name!r}; "
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


def _walk(root: Path, extensions: tuple[str, ...], *, frames: bool) -> Iterator[PurePosixPath]:
    """Relative paths below ``root``; links are followed (people link their video folders), once."""
    seen: set[str] = set()
    for folder, below, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        below[:] = sorted(d for d in below if d != "__MACOSX" and not d.startswith("."))
        here = PurePosixPath(Path(folder).relative_to(root).as_posix())
        endings = {os.path.splitext(file)[1].casefold() for file in files}
        if frames and here.parts and not endings.isdisjoint(FRAMES):
            yield here
        for file in sorted(files):
            if not file.startswith("._") and file.casefold().endswith(extensions):
                yield here / file
