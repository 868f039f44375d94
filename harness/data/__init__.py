"""Where rows and videos come from: a folder here, or the hub at a pinned revision.

A ``Source`` is plain data that a task holds (``task.source`` in its YAML)::

    source = Source(repo="lmms-lab/Video-MME", revision="ead1408f…", archives=("videos_*.zip",))
    rows = source.rows()                                 # needs no video
    source.prepare(row["videoID"] for row in rows[:10])  # download, verify, extract what is needed
    source.video(rows[0]["videoID"])                     # a Path, there or not
    source.check(...)                                    # what is missing, truncated, undecodable
    source.place(0)                                      # "rows.jsonl line 1", for an error to say
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.archives import intact, sizes_below
from harness.data.folder import FRAMES, SUBTITLES, Folder, name_text, video_endings, walk
from harness.data.hub import commit
from harness.data.images import kept
from harness.data.row_files import ROWS_FILES, Table, read
from harness.data.rows import hub_rows, rows_files, tables
from harness.data.store import Store
from harness.errors import DataError

if TYPE_CHECKING:
    from harness.data.check import Problem

__all__ = ["Source"]
LONGEST_NAME = 1024  # a longer text is a picture in base64


@dataclass(frozen=True)
class Source:
    """Rows and videos of one benchmark.

    ``repo``, ``revision``, ``config``, ``split``: the hub's data set, as ``datasets`` names it;
    ``configs`` reads several, each row then says its own under ``"config"``. ``archives`` and
    ``subtitle_archives``: glob patterns of the repository's files that hold videos and subtitles
    (.zip, .tar, .tar.gz, their split parts, or bare videos). ``videos``: a folder inside them that
    names are looked up in first. ``path``: use this instead of the hub: a folder with
    ``rows.jsonl|json|parquet|csv|tsv`` or ``*.parquet``, ``videos/`` and ``subtitles/`` (or only
    the videos: the rows then come from the hub), or a rows file beside its videos. ``files``: glob
    patterns of the rows files below ``path``, where the authors publish several (each row then
    says its file's name under ``"config"``). ``columns``: {standard field: the data set's column}.
    ``fps``: frames per second of videos that are folders of frames, for rows that say none.
    ``cache``: where downloads are kept, ~/.cache/harness by default.
    """

    repo: str = ""
    revision: str = ""
    config: str | None = None
    configs: tuple[str, ...] = ()
    split: str = "test"
    archives: tuple[str, ...] = ()
    subtitle_archives: tuple[str, ...] = ()
    videos: str = ""
    path: str | None = None
    cache: str | None = None
    files: tuple[str, ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)
    fps: float | None = None

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Every row of the split, in the data set's order; media columns stay undecoded.

        Raises DataError (missing or malformed rows, no network) and GatedError.
        """
        return self._rows

    def place(self, index: int) -> str:
        """Where row ``index`` (from 0) stands: ``rows.jsonl line 4``, ``owner/name test row 4``."""
        for start, table, where in reversed(self._tables):
            if start <= index < start + len(table.rows):
                return f"{where} {table.unit} {table.number(index - start)}"
        raise IndexError(f"there is no row {index}")

    def video(self, name: object) -> Path:
        """The video called ``name``: an id or a relative path, in any case, with any extension.

        A missing one is the path it would have (``prepare`` gets it, ``check`` reports it).
        Raises DataError for a name that leaves the folder, or that two files share, or none.
        """
        text = name_text(name)
        return self._video_folder.find(text) or self._video_folder.expected(text)

    def subtitles(self, name: object) -> Path | None:
        """The subtitle file called ``name`` (.srt, .vtt, .ass, .json, …); None without one."""
        return self._subtitle_folder.find(name_text(name))

    def image(self, picture: object) -> Path:
        """A picture as a file: the name of one, or the content that a row holds.

        ``picture`` is a file name; a ``{"bytes", "path"}`` dict, as the hub's data sets hold
        pictures; bytes; or base64. Content is written below the cache once, named by its hash.
        Raises DataError for a picture that is not there, or is none.
        """
        if isinstance(picture, str) and len(picture) < LONGEST_NAME:
            found = self._image_folder.find(picture)
            if found is None:
                raise DataError(f"There is no picture {picture!r} in {self._image_folder.root}.")
            return found
        if isinstance(picture, Mapping) and picture.get("bytes") is None and picture.get("path"):
            return self.image(picture["path"])
        return kept(picture, self._cache / "images")

    def identity(self) -> dict[str, str]:
        """What decides the rows, for the run id: a content hash, or repository and commit with
        which of its rows are read; and what is made of them here."""
        read: dict[str, Any] = {"columns": self.columns, "fps": self.fps, "videos": self.videos}
        read |= {"configs": self.configs, "files": self.files}  # a row says its own
        if self._rows_files:
            digest = hashlib.sha256()
            for file in self._rows_files:
                digest.update(file.read_bytes())
            origin = {"rows": f"sha256:{digest.hexdigest()}"}
        else:
            origin = {"repo": self.repo, "revision": self._store.at}
            read |= {"config": self.config, "split": self.split}
        told = {key: json.dumps(value, sort_keys=True) for key, value in read.items() if value}
        return origin | told

    def prepare(self, names: Iterable[object] | None = None) -> bool:
        """Downloads, verifies and extracts what ``names`` need; all there is by default. Whether
        there are other files now than before.

        ``names`` are what ``video`` takes or the paths it gave. Names that no archive holds are
        left to ``check``. Nothing is done for a local ``path``, nor asked of the hub when all is
        there already. Raises DataError and GatedError; run again, it goes on where it stopped.
        """
        if self.path is not None:
            return False
        before = self._video_folder, self._subtitle_folder
        wanted = None if names is None else [self._name(name) for name in names]
        if self.subtitle_archives:
            self._store.prepare("subtitles", self.subtitle_archives)
        if self.archives and (wanted is None or not self._all_intact(wanted)):
            self._store.prepare("videos", self.archives, wanted, self.videos)
        for stale in ("_video_folder", "_subtitle_folder"):
            self.__dict__.pop(stale, None)
        return (self._video_folder, self._subtitle_folder) != before

    def check(self, names: Iterable[object]) -> list[Problem]:
        """What is wrong with the videos called ``names``: missing, truncated, undecodable.

        ``names`` are what ``video`` takes or the paths it gave. Needs no network and no GPU.
        """
        from harness.data.check import problems  # decoding: rows alone do not pay for it

        extracted = None if self.path is not None else self._video_folder.root
        return list(problems((self.video(self._name(name)) for name in names), extracted))

    def _all_intact(self, names: Iterable[str]) -> bool:
        sizes = sizes_below(self._video_folder.root)
        found = [self._video_folder.find(name) for name in names]
        return all(path is not None and intact(path, sizes.get(path)) for path in found)

    def _name(self, name: object) -> str:
        root = self._video_folder.root
        if isinstance(name, Path) and name.is_relative_to(root):
            return name.relative_to(root).as_posix()
        return name_text(name)

    @property
    def _cache(self) -> Path:
        return Path(self.cache or "~/.cache/harness").expanduser()

    @cached_property
    def _store(self) -> Store:
        if not self.repo:
            raise DataError(
                f"The task names no data set: set data=PATH to a folder with {ROWS_FILES}, or "
                "task.source.repo to one of the hub's."
            )
        at = commit(self.repo, self.revision)
        return Store(self.repo, at, self._cache / self.repo.replace("/", "--") / at)

    @cached_property
    def _local(self) -> Path:
        path = Path(str(self.path)).expanduser()
        if not path.exists():
            raise DataError(f"data={self.path} does not exist; give a folder or a rows file.")
        return path

    @cached_property
    def _rows_files(self) -> dict[Path, str | None]:
        if self.path is None:
            return {}
        configs = self.configs or ((self.config,) if self.config else ())
        files = rows_files(self._local, self.split, configs, self.files)
        return files if self.configs or self.files else dict.fromkeys(files)

    @cached_property
    def _tables(self) -> list[tuple[int, Table, str]]:
        """Each table with the place of its first row and where it comes from."""
        return tables(self._read(), self.columns, self.fps)

    def _read(self) -> Iterator[tuple[Table, str, str | None]]:
        if self._rows_files:
            yield from ((read(f), f.name, config) for f, config in self._rows_files.items())
            return
        if self.path is not None and not self.repo:
            raise DataError(f"data={self.path} holds no {ROWS_FILES} file.")
        root, at = self._store.root, self._store.at
        for config in self.configs or (self.config,):
            table = hub_rows(self.repo, at, config, self.split, root)
            where = " ".join(filter(None, (self.repo, config, self.split)))
            yield table, where, config if self.configs else None

    @cached_property
    def _rows(self) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = [row for _, table, _ in self._tables for row in table.rows]
        if not rows:
            where = f"data={self.path}" if self.path is not None else self.repo
            raise DataError(f"{where} holds no row at all.")
        return rows

    @cached_property
    def _video_folder(self) -> Folder:
        root = self._folder("videos", "video")
        return Folder(root, walk(root), video_endings(), frames=True, first=self.videos)

    @cached_property
    def _subtitle_folder(self) -> Folder:
        root = self._folder("subtitles", "subtitle")
        return Folder(root, walk(root), SUBTITLES)

    @cached_property
    def _image_folder(self) -> Folder:
        root = self._folder("images", "image")
        return Folder(root, walk(root), FRAMES)

    def _folder(self, *names: str) -> Path:
        """The folder called so: in the store; or here (a rows file: beside it, or beside its
        folder), or else the whole folder here."""
        if self.path is None:
            return self._store.root / names[0]
        root = self._local.parent if self._local.is_file() else self._local
        above = [root.absolute().parent] if self._local.is_file() else []
        places = (place / name for place in (root, *above) for name in names)
        return next((place for place in places if place.is_dir()), root)
