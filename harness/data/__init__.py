"""Where rows and videos come from: a folder here, or the hub at a pinned revision.

A ``Source`` is plain data that a task holds (``task.source`` in its YAML)::

    source = Source(repo="lmms-lab/Video-MME", revision="ead1408f…", archives=("videos_*.zip",))
    rows = source.rows()                                 # needs no video
    source.prepare(row["videoID"] for row in rows[:10])  # download, verify, extract what is needed
    source.video(rows[0]["videoID"])                     # a Path, there or not
    source.check(...)                                    # what is missing, truncated, undecodable
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.data.archives import intact, sizes_below
from harness.data.folder import SUBTITLES, Folder, video_endings, walk
from harness.data.hub import commit
from harness.data.rows import hub_rows, read_rows, rows_files
from harness.data.store import Store
from harness.errors import DataError

if TYPE_CHECKING:
    from harness.data.check import Problem

__all__ = ["Source"]


@dataclass(frozen=True)
class Source:
    """Rows and videos of one benchmark.

    ``repo``, ``revision``, ``config``, ``split``: the hub's data set, as ``datasets`` names it;
    ``configs`` reads several, each row then says its own under ``"config"``. ``archives`` and
    ``subtitle_archives``: glob patterns of the repository's files that hold videos and subtitles
    (.zip, .tar, .tar.gz, their split parts, or bare videos). ``videos``: a folder inside them that
    names are looked up in first. ``path``: use this instead of the hub: a folder with
    ``rows.jsonl|rows.json|*.parquet``, ``videos/`` and ``subtitles/`` (or only the videos: the
    rows then come from the hub), or a rows file beside its videos. ``cache``: where downloads are
    kept, ~/.cache/harness by default.
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

    def rows(self) -> Sequence[Mapping[str, Any]]:
        """Every row of the split, in the data set's order; media columns stay undecoded.

        Raises DataError (missing or malformed rows, no network) and GatedError.
        """
        return self._rows

    def video(self, name: object) -> Path:
        """The video called ``name``: an id or a relative path, in any case, with any extension.

        A missing one is the path it would have (``prepare`` gets it, ``check`` reports it).
        Raises DataError for a name that leaves the folder, or that two files share.
        """
        return self._video_folder.find(str(name)) or self._video_folder.expected(str(name))

    def subtitles(self, name: object) -> Path | None:
        """The .srt, .vtt, .json or .jsonl file called ``name``; None when there is none."""
        return self._subtitle_folder.find(str(name))

    def identity(self) -> dict[str, str]:
        """What decides the rows, for the run id: repository and commit, or a content hash."""
        if self._rows_files:
            digest = hashlib.sha256()
            for file in self._rows_files:
                digest.update(file.read_bytes())
            return {"rows": f"sha256:{digest.hexdigest()}"}
        return {"repo": self.repo, "revision": self._store.at}

    def prepare(self, names: Iterable[object] | None = None) -> None:
        """Downloads, verifies and extracts what ``names`` need; all there is by default.

        ``names`` are what ``video`` takes or the paths it gave. Names that no archive holds are
        left to ``check``. Nothing is done for a local ``path``, nor asked of the hub when all is
        there already. Raises DataError and GatedError; run again, it goes on where it stopped.
        """
        if self.path is not None:
            return
        wanted = None if names is None else [self._name(name) for name in names]
        if self.subtitle_archives:
            self._store.prepare("subtitles", self.subtitle_archives)
        if self.archives and (wanted is None or not self._all_intact(wanted)):
            self._store.prepare("videos", self.archives, wanted, self.videos)
        for stale in ("_video_folder", "_subtitle_folder"):
            self.__dict__.pop(stale, None)

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
        return str(name)

    @cached_property
    def _store(self) -> Store:
        if not self.repo:
            raise DataError(
                "The task names no data set: set data=PATH to a folder with rows.jsonl, rows.json "
                "or *.parquet, or task.source.repo to one of the hub's."
            )
        at = commit(self.repo, self.revision)
        cache = Path(self.cache or "~/.cache/harness").expanduser()
        return Store(self.repo, at, cache / self.repo.replace("/", "--") / at)

    @cached_property
    def _local(self) -> Path:
        assert self.path is not None
        path = Path(self.path).expanduser()
        if not path.exists():
            raise DataError(f"data={self.path} does not exist; give a folder or a rows file.")
        return path

    @cached_property
    def _rows_files(self) -> dict[Path, str | None]:
        if self.path is None:
            return {}
        configs = self.configs or ((self.config,) if self.config else ())
        files = rows_files(self._local, self.split, configs)
        return files if self.configs else dict.fromkeys(files)

    @cached_property
    def _rows(self) -> list[Mapping[str, Any]]:
        if self._rows_files:
            return read_rows(self._rows_files)
        if self.path is not None and not self.repo:
            raise DataError(f"data={self.path} holds no rows.jsonl, rows.json or *.parquet file.")
        root, at = self._store.root, self._store.at
        if not self.configs:
            return hub_rows(self.repo, at, self.config, self.split, root)
        return [
            {"config": config, **row}
            for config in self.configs
            for row in hub_rows(self.repo, at, config, self.split, root)
        ]

    @cached_property
    def _video_folder(self) -> Folder:
        root = self._folder("videos", "video")
        return Folder(root, walk(root), video_endings(), frames=True, first=self.videos)

    @cached_property
    def _subtitle_folder(self) -> Folder:
        root = self._folder("subtitles", "subtitle")
        return Folder(root, walk(root), SUBTITLES)

    def _folder(self, *names: str) -> Path:
        """The folder called so: in the store; or here, or else the whole folder here."""
        if self.path is None:
            return self._store.root / names[0]
        root = self._local.parent if self._local.is_file() else self._local
        return next((root / name for name in names if (root / name).is_dir()), root)
