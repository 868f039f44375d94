"""Finding a file by the name a data set gives it, in one folder and never outside it."""

from __future__ import annotations

import filecmp
import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath

from harness.errors import DataError

COMMON = (".mp4", ".mkv", ".webm", ".avi", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".gif")
SUBTITLES = (".srt", ".vtt", ".ass", ".ssa", ".json", ".jsonl")
FRAMES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
# the decoder reads these too, but beside a video of the same name they are never the video
_SOUND = "aac ac3 aif aiff amr au caf dts eac3 flac m4a m4b mka mp2 mp3 oga opus ra w64 wav wma"
_WORDS = "ass csv idx json jsonl lrc md mks nfo sami smi srt ssa sub sup tsv txt vtt webvtt"


@cache
def video_endings() -> tuple[str, ...]:
    """The endings of video files: the common ones first, then all that the decoder knows.

    FFmpeg's own list, of its readers and writers (``.vob`` and ``.ogv`` are named by their writers
    only), without what is sound, text or a picture.
    """
    import av  # 0.1 s that a report must not pay

    formats = [av.format.ContainerFormat(name) for name in av.formats_available]
    known = {f".{ending}" for form in formats for ending in form.extensions}
    others = {f".{ending}" for ending in f"{_SOUND} {_WORDS}".split()}
    return (*COMMON, *sorted(known - others - {*COMMON, *FRAMES}))


def name_text(name: object) -> str:
    """A file's name as text: ids are numbers in some data sets (floats where a column has gaps).

    Raises DataError for one that is neither a text nor a number.
    """
    if isinstance(name, float) and name.is_integer():
        return str(int(name))
    if isinstance(name, (str, int, Path)) and not isinstance(name, bool):
        return str(name)
    raise DataError(f"The data set names the file {name!r}: a text or a number is needed.")


def safe_name(name: str, where: str) -> PurePosixPath:
    """An archive member's ``name`` as a relative path that stays inside the folder it is joined to.

    Raises DataError for an empty name, a NUL, a ``..``, a backslash, or an absolute path (POSIX
    or Windows): archives come from strangers, and may have been made on any machine.
    """
    if "\\" in name or PureWindowsPath(name).drive:
        raise _outside(name, where)
    return _inside(name, where)


def _inside(name: str, where: str) -> PurePosixPath:
    path = PurePosixPath(name)
    bad = not path.parts or "\0" in name or ".." in path.parts or path.is_absolute()
    try:
        os.fsencode(name)
    except UnicodeEncodeError:  # half of a surrogate pair: no file can be called so
        bad = True
    if bad or Path(path).drive:
        raise _outside(name, where)
    return path


def _outside(name: str, where: str) -> DataError:
    return DataError(f"{where} names the file {name!r}, which is not a path inside a folder.")


class Folder:
    """The files of ``names`` (relative paths below ``root``), to be found by name or id.

    Ids are looked up among the files that have one of ``extensions``; a whole file name finds
    whatever is called so. With ``frames``, folders that hold pictures count too (a video stored
    as numbered frames). Names are looked up below ``first`` before anywhere else.
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
        self._order = {ending: place for place, ending in enumerate(extensions)}
        self._by_name: dict[str, list[PurePosixPath]] = defaultdict(list)
        self._by_id: dict[str, list[PurePosixPath]] = defaultdict(list)
        folders: set[PurePosixPath] = set()
        for name in names:
            suffix = name.suffix.casefold()
            if frames and suffix in FRAMES:
                folders.add(name.parent)
                continue
            self._by_name[same(name.name)].append(name)
            if suffix in self._order:
                self._by_id[same(name.stem)].append(name)
        for folder in sorted(folder for folder in folders if folder.parts):
            self._by_name[same(folder.name)].append(folder)
            self._by_id[same(folder.name)].append(folder)

    def __eq__(self, other: object) -> bool:
        """Whether both hold the same files."""
        if not isinstance(other, Folder):
            return NotImplemented
        return (self.root, self._by_name) == (other.root, other._by_name)

    __hash__ = None  # type: ignore[assignment]

    def find(self, name: str) -> Path | None:
        """The file called ``name``, or None.

        ``name`` is an id or a relative path, with or without extension. The exact file name wins,
        then the id in its own spelling over another case, another Unicode form or another
        extension (YouTube ids differ by case only), then the shallowest file. Raises DataError
        when two files that differ fit equally well, and for a name that leaves the folder.
        """
        wanted = _inside(name, "The data set")
        return self._look(wanted) or (self._look(_slashed(name)) if "\\" in name else None)

    def expected(self, name: str) -> Path:
        """Where ``name`` would lie if it were there."""
        wanted = _inside(name, "The data set")
        known = wanted.suffix.casefold() in self._order
        return self.root / (wanted if known else f"{wanted}{next(iter(self._order))}")

    def _look(self, wanted: PurePosixPath) -> Path | None:
        tries = [self.first / wanted] if self.first else []
        tries.append(wanted)
        if len(wanted.parts) > 1 and same(wanted.parts[0]) == same(self.root.name):
            tries.append(PurePosixPath(*wanted.parts[1:]))  # "videos/a.mp4", seen from above
        exact = (self.root / path for path in tries if os.path.isfile(self.root / path))
        return next(exact, None) or next(filter(None, map(self._find, tries)), None)

    def _find(self, wanted: PurePosixPath) -> Path | None:
        parents = [same(part) for part in wanted.parts[:-1]]
        keys = [(self._by_name, wanted.name), (self._by_id, wanted.name)]
        if wanted.suffix.casefold() in self._order:
            keys.append((self._by_id, wanted.stem))
        for index, spelled in keys:
            fits = [
                path
                for path in index.get(same(spelled), ())
                if not parents or [same(p) for p in path.parts[:-1]][-len(parents) :] == parents
            ]
            if fits:
                return self.root / self._best(fits, wanted, spelled)
        return None

    def _best(
        self, fits: list[PurePosixPath], wanted: PurePosixPath, spelled: str
    ) -> PurePosixPath:
        ranked = sorted((self._rank(path, spelled), path) for path in fits)
        first, rank = ranked[0][1], ranked[0][0]
        for other in (path for found, path in ranked[1:] if found == rank):
            if not _equal(self.root / first, self.root / other):
                raise DataError(
                    f"Both {first} and {other} in {self.root} are called '{wanted}'; remove one, "
                    "or set task.source.videos to the folder that holds the right one."
                )
        return first

    def _rank(self, path: PurePosixPath, spelled: str) -> tuple[bool, bool, int, int]:
        names = (path.name, path.stem)
        composed = unicodedata.normalize("NFC", spelled)
        return (
            spelled not in names,
            composed not in (unicodedata.normalize("NFC", name) for name in names),
            len(path.parts),
            self._order.get(path.suffix.casefold(), len(self._order)),
        )


def same(name: str) -> str:
    """What is equal for names that differ by case or Unicode form only: macOS decomposes accents
    (Unicode's canonical caseless matching, section 3.13 of the standard)."""
    if name.isascii():
        return name.casefold()
    decomposed = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFD", decomposed.casefold())


def _slashed(name: str) -> PurePosixPath:
    """A path written on Windows."""
    return _inside(name.replace("\\", "/"), "The data set")


def _equal(one: Path, other: Path) -> bool:
    """Whether two files hold the same bytes: a data set that has a video twice says the same."""
    both = os.path.isfile(one) and os.path.isfile(other)
    return both and filecmp.cmp(one, other, shallow=False)


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
